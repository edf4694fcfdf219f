"""The card inside a model file: how to feed the network and what its outputs mean.

A card comes from an untrusted file, so every field is checked, and texts are short.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from math import log
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, Strict

from core import age_intervals, schema
from core.artifacts.card_rows import DataRows, MetricRows
from core.artifacts.input_spec import InputSpec
from core.artifacts.operating_point import (
    ACCURACY,
    Calibration,
    IntervalFactor,
    OperatingPoint,
    OperatingPoints,
    Priors,
    Task,
    Thresholds,
    Years,
)
from core.errors import ModelError
from core.schema import Text, described, one_of

DEFAULT_VERSION = "0.1.0"
"""Version of a model that states none."""
KEY = "mien.card"
"""The key of a card in the metadata of an ONNX file."""
PRECISIONS = ("fp32", "int8")
LABEL_COUNTS = {
    "softmax": (2, 1000),
    "sigmoid": (2, 2),
    "distribution": (2, int(age_intervals.OLDEST) + 1),
    "regression": (0, 0),
}
"""Smallest and largest number of labels, by kind of head."""
MAX_CARD_BYTES = 1_000_000
MAX_LICENCE = 50_000
"""Characters of a licence, which an ensemble joins from its members'."""

Kind = Literal["softmax", "sigmoid", "distribution", "regression"]


def _input_spec(value: Any) -> InputSpec:
    return value if isinstance(value, InputSpec) else InputSpec.from_dict(value)


Licence = Annotated[
    str,
    Strict(),
    Field(max_length=MAX_LICENCE),
    described(f"a text of at most {MAX_LICENCE} characters"),
]


@schema.validated
class Head:
    """One output of the network.

    Attributes:
        task: `emotion`, `gender` or `age`.
        kind: `softmax`: logits (N, len(labels)); `sigmoid`: the logit (N, 1) of labels[0] against
            labels[1]; `distribution`: logits (N, bins) over the ages in `labels`, years as text;
            `regression`: years (N, 1), without labels.
        labels: names of the classes or bins, in the order of the columns.
        output: name of the output in the ONNX file.

    Raises:
        ModelError: a field is none of these, or the labels are fewer or more than `LABEL_COUNTS`
            allows, or alike.
    """

    task: Task
    kind: Kind
    labels: tuple[Text, ...]
    output: Text

    def __post_init__(self) -> None:
        if (self.task == "age") != (self.kind in ("distribution", "regression")):
            raise ModelError(
                "Expected ages as a distribution or regression and all else as classes, got "
                f"{self.task} as {self.kind}."
            )
        low, high = LABEL_COUNTS[self.kind]
        if not low <= len(self.labels) <= high or len(set(self.labels)) < len(self.labels):
            raise ModelError(
                f"Expected {low} to {high} different labels of a {self.kind}, got "
                f"{len(self.labels)}: {str(self.labels)[:200]}."
            )
        years = tuple(str(year) for year in range(len(self.labels)))
        if self.kind == "distribution" and self.labels != years:
            raise ModelError(
                "Expected one-year bins 0, 1, 2 ... of an age distribution, got "
                f"{str(self.labels[:5])[:200]}."
            )

    @property
    def width(self) -> int:
        """Columns of the output."""
        return 1 if self.kind in ("sigmoid", "regression") else len(self.labels)


@schema.validated
class Card:
    """What a model file states about itself.

    Attributes:
        name: the model's name.
        version: the model's version.
        input: how a face is cropped and normalised.
        heads: at least one, each of another task.
        calibration: by task, the temperature that divides a head's logits, or for a regression the
            half width of the 80 % interval in years; keys `age@Y` hold the factors of
            `core.age_intervals`.
        thresholds: by task, the probability from which a prediction is shown (1: never), and for
            age the width of its interval in years above which it is uncertain.
        priors: by task, the share of each class in the training data.
        operating_points: other ways to predict than `accuracy`, which is the card's own.
        operating_point: the one that is used unless another is named; of a card of `at`, the one
            that it is of.
        interval_factor: see `OperatingPoint`; 1 in a file, where only its points have another.
        gender_from_age: predicted age in years from which perceived gender is given.
        recipe: how the model was trained.
        data: what it was trained and validated on.
        metrics: how good it is.
        licence: licences of the training data, text of any length up to `MAX_LICENCE`.
        created: date and time.
        precision: of the weights; inputs and outputs are float32 either way.

    Raises:
        ModelError: a field is not so.
    """

    name: Text
    version: Text
    input: Annotated[InputSpec, PlainValidator(_input_spec)]
    heads: Annotated[tuple[Head, ...], Field(min_length=1)]
    calibration: Calibration = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=dict)
    priors: Priors = field(default_factory=dict)
    operating_points: OperatingPoints = field(default_factory=dict)
    operating_point: Text = ACCURACY
    interval_factor: IntervalFactor = 1.0
    gender_from_age: Years = 0.0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: DataRows = ()
    metrics: MetricRows = ()
    licence: Licence = ""
    created: Text = ""
    precision: Annotated[str, one_of(PRECISIONS)] = "fp32"

    def __post_init__(self) -> None:
        tasks = [head.task for head in self.heads]
        if len(set(tasks)) < len(tasks):
            raise ModelError(f"Expected one head for each task, got {tasks[:10]}.")
        for task, prior in self.priors.items():
            if set(prior) != set(self.labels(task)):
                raise ModelError(
                    f"Expected a prior of {task} for the classes {str(self.labels(task))[:200]}, "
                    f"got {str(tuple(prior))[:200]}."
                )
        if ACCURACY in self.operating_points:
            raise ModelError(f"Expected {ACCURACY!r} to be the card's own point, got another one.")
        for name, point in self.operating_points.items():
            if missing := set(point.strengths) - set(self.priors):
                raise ModelError(
                    f"Expected a prior of every task that the operating point {name!r} corrects, "
                    f"got none of {', '.join(sorted(missing))}."
                )
        self._check_point(self.operating_point)

    def _check_point(self, name: str) -> None:
        if name not in self.points:
            raise ModelError(
                f"Expected an operating point of the card: {', '.join(self.points)}, got "
                f"{name!r:.80}."
            )

    @property
    def points(self) -> tuple[str, ...]:
        """Names of all operating points."""
        return (ACCURACY, *self.operating_points)

    def at(self, name: str | None = None) -> Card:
        """Return the card with the calibration and thresholds of an operating point.

        Args:
            name: of the point; None for the card's default.

        Raises:
            ModelError: the card has no such point.
        """
        name = name or self.operating_point
        self._check_point(name)
        point = self.operating_points.get(name, OperatingPoint())
        return replace(
            self,
            operating_point=name,
            calibration=self.calibration | point.calibration,
            thresholds=self.thresholds | point.thresholds,
            interval_factor=point.interval_factor,
        )

    def logit_shift(self, task: str) -> tuple[float, ...] | None:
        """Return what the operating point subtracts from the logits of each class of `task`.

        None where it takes nothing off.
        """
        point = self.operating_points.get(self.operating_point)
        strength = point.strengths.get(task, 0.0) if point else 0.0
        if not strength:
            return None
        return tuple(strength * log(self.priors[task][label]) for label in self.labels(task))

    def head(self, task: str) -> Head | None:
        """Return the head of `task`, None where the model has none."""
        return next((head for head in self.heads if head.task == task), None)

    def labels(self, task: str) -> tuple[str, ...]:
        """Return the labels of `task`, empty where the model has no such head."""
        head = self.head(task)
        return head.labels if head else ()

    def to_json(self) -> str:
        """Return the value of the metadata key."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes | memoryview) -> Card:
        """Return the card that `text`, the value of the metadata key, describes.

        Raises:
            ModelError: it is longer than MAX_CARD_BYTES, or a field is missing or malformed.
        """
        if len(text) > MAX_CARD_BYTES:
            raise ModelError(
                f"Expected a card of at most {MAX_CARD_BYTES:,} bytes under the model's metadata "
                f"key {KEY!r}, got {len(text):,}."
            )
        try:
            content = text if isinstance(text, str) else bytes(text).decode("utf-8")
            return schema.read_json(cls, content, "card")
        except UnicodeDecodeError as error:
            raise ModelError(f"Expected the card to be UTF-8, got: {error}") from None
        except ModelError as error:
            raise ModelError(
                f"Expected a valid card under the model's metadata key {KEY!r}, as "
                f"`python -m train export` writes it, got: {str(error)[:600]}"
            ) from error
