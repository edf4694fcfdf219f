"""Operating points: ways to turn one model's outputs into predictions, for different faces.

A network that learnt from a data set also learns how frequent each class is there. On other faces
that prior misleads: rare classes are predicted too seldom. A logit adjustment takes it off again
(Menon et al., arXiv 2007.07314), which costs accuracy on faces like the data set's. A card can
therefore carry several points, each with the temperatures and thresholds that go with it.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import AfterValidator, Field, Strict

from core import age_intervals, schema, vocabulary
from core.schema import FilledText, Text, described, one_of

TASKS = tuple(vocabulary.TASKS)
ACCURACY = "accuracy"
"""The point that every card has: as trained, with the card's own calibration and thresholds."""
MAX_POINTS = 10
MAX_STRENGTH = 5.0
MAX_INTERVAL_FACTOR = 10.0
PRIOR_TOLERANCE = 0.01
"""How far a prior's sum may be from 1, as its shares are rounded."""

Task = Annotated[str, one_of(TASKS)]


def _calibration_key(key: str) -> str:
    if key not in TASKS and not key.startswith(age_intervals.PREFIX):
        raise ValueError(
            f"Expected keys {', '.join(TASKS)} or `{age_intervals.PREFIX}` and an age in "
            f"`calibration`, got {key!r:.80}."
        )
    return key


def _calibration_ages(calibration: dict[str, float]) -> dict[str, float]:
    age_intervals.factors(calibration)  # refuses keys that hold no age
    return calibration


def _threshold_ranges(thresholds: dict[str, float]) -> dict[str, float]:
    for task, value in thresholds.items():
        limit = age_intervals.OLDEST if task == "age" else 1
        if not 0 < value <= limit:
            raise ValueError(
                f"Expected `thresholds.{task}` to be a number above 0 and at most {limit:g}, "
                f"got {value!r:.80}."
            )
    return thresholds


Number = Annotated[float, Strict(), described("a number")]
"""Integers count as numbers, truth values and texts do not."""
Calibration = Annotated[
    dict[
        Annotated[str, AfterValidator(_calibration_key)],
        Annotated[float, Strict(), Field(ge=0.01, le=100), described("a number from 0.01 to 100")],
    ],
    AfterValidator(_calibration_ages),
]
Thresholds = Annotated[dict[Task, Number], AfterValidator(_threshold_ranges)]


def _sums_to_one(prior: dict[str, float]) -> dict[str, float]:
    if abs(sum(prior.values()) - 1) > PRIOR_TOLERANCE:
        raise ValueError(f"Expected a prior that sums to 1, got {sum(prior.values()):.4g}.")
    return prior


Share = Annotated[float, Strict(), Field(gt=0, le=1), described("a number above 0 and at most 1")]
Priors = dict[Task, Annotated[dict[Text, Share], AfterValidator(_sums_to_one)]]
"""Task -> label -> its share of the training data."""
Years = Annotated[
    float,
    Strict(),
    Field(ge=0, le=age_intervals.OLDEST),
    described(f"a number from 0 to {age_intervals.OLDEST:g}"),
]
Strength = Annotated[
    float,
    Strict(),
    Field(ge=0, le=MAX_STRENGTH),
    described(f"a number from 0 to {MAX_STRENGTH:g}"),
]
IntervalFactor = Annotated[
    float,
    Strict(),
    Field(ge=1, le=MAX_INTERVAL_FACTOR),
    described(f"a number from 1 to {MAX_INTERVAL_FACTOR:g}"),
]


@schema.validated
class OperatingPoint:
    """What differs from the card's own way of predicting.

    Attributes:
        strengths: by task, how many times the log of its prior is taken off the raw logits.
        calibration: by task, the temperature after that.
        thresholds: by task, as in a card, for these probabilities.
        interval_factor: how many times as far as on the training sets an age interval reaches to
            either side.
        purpose: which faces it is for.
    """

    strengths: dict[Task, Strength] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=dict)
    interval_factor: IntervalFactor = 1.0
    purpose: Text = ""


OperatingPoints = Annotated[dict[FilledText, OperatingPoint], Field(max_length=MAX_POINTS)]
