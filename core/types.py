"""Faces and predictions: frozen, slotted, validated values that every room passes on.

Units: pixels of the picture that was given, origin at its top-left corner, x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

LANDMARKS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""YuNet's order. Right and left are the person's own: `right_eye` lies on the left of an unmirrored
picture.
"""

LIMIT = 0.7
"""A probability below it is uncertain, where the model has no limit of its own."""

UNCLEAR_AGE_YEARS = 30.0
"""An age whose interval is wider than this is unclear, whatever the model's own limit: a third of a
life of 90 years. It could hold a child and a parent, so no age is said. 5 % of the UTKFace and 22 %
of the FER+ validation faces have such intervals.
"""

Floats = NDArray[np.float64]
Point = tuple[float, float]
Box = tuple[float, float, float, float]


def overlap(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, in [0, 1]; 0 of two without an area."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    intersection = max(0.0, width) * max(0.0, height)
    union = a[2] * a[3] + b[2] * b[3] - intersection
    return intersection / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face.

    Attributes:
        box: x, y, width, height in pixels; may reach past the picture's border; width and height
            are positive.
        score: the detector's confidence in [0, 1].
        landmarks: five points in the order of `LANDMARKS`, or None where the detector has none
            (Haar).
        chip: the picture is a published crop of this face alone (FER2013, UTKFace), not a
            photograph.
    """

    box: Box
    score: float
    landmarks: tuple[Point, ...] | None = None
    chip: bool = False

    def __post_init__(self) -> None:
        if len(self.box) != 4 or not all(isfinite(v) for v in self.box) or min(self.box[2:]) <= 0:
            raise ValueError(
                f"Expected `box` to be finite (x, y, width > 0, height > 0), got {self.box}."
            )
        if not 0 <= self.score <= 1:
            raise ValueError(f"Expected `score` to be in [0, 1], got {self.score}.")
        if self.landmarks is not None and (
            len(self.landmarks) != len(LANDMARKS)
            or not all(len(p) == 2 and all(map(isfinite, p)) for p in self.landmarks)
        ):
            raise ValueError(
                f"Expected `landmarks` to be {len(LANDMARKS)} finite points, got {self.landmarks}."
            )

    @property
    def size(self) -> float:
        """The shorter side of the box, in pixels."""
        return min(self.box[2], self.box[3])


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Probabilities over named classes.

    Attributes:
        labels: names of the classes.
        p: float64 (len(labels),), in [0, 1], sums to 1.
        limit: threshold in (0, 1], the probability from which the prediction is shown; 1 for never.
    """

    labels: tuple[str, ...]
    p: np.ndarray
    limit: float = LIMIT

    def __post_init__(self) -> None:
        if self.p.shape != (len(self.labels),):
            raise ValueError(
                f"Expected `p` to have shape ({len(self.labels)},), got {self.p.shape}."
            )
        if not np.isfinite(self.p).all() or self.p.min() < 0 or abs(float(self.p.sum()) - 1) > 1e-4:
            raise ValueError(
                f"Expected `p` to be probabilities that sum to 1, got sum {self.p.sum()} and "
                f"minimum {self.p.min()}."
            )
        if not 0 < self.limit <= 1:
            raise ValueError(f"Expected `limit` to be in (0, 1], got {self.limit}.")

    @property
    def top(self) -> str:
        """The most probable label."""
        return self.labels[int(self.p.argmax())]

    @property
    def confidence(self) -> float:
        """The probability of `top`."""
        return float(self.p.max())

    @property
    def uncertain(self) -> bool:
        """Whether `top` is less probable than the limit; always so at a limit of 1."""
        return self.confidence < self.limit or self.limit >= 1

    def as_dict(self) -> dict[str, float]:
        """Return {label: probability} in the order of `labels`."""
        return {label: float(p) for label, p in zip(self.labels, self.p, strict=True)}


@dataclass(frozen=True, slots=True)
class Age:
    """Age in years: the expectation and an interval.

    Attributes:
        value: expected age.
        low: lower end of the interval.
        high: upper end.
        coverage: share of people whose age the interval is meant to hold.
        limit: the width in years above which the age is uncertain.
    """

    value: float
    low: float
    high: float
    coverage: float = 0.8
    limit: float = inf

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"Expected `low` <= `high`, got {self.low} and {self.high}.")

    @property
    def uncertain(self) -> bool:
        """Whether the interval is wider than the model's limit, or the age is unclear."""
        return self.unclear or self.high - self.low > self.limit

    @property
    def unclear(self) -> bool:
        """Whether the interval is wider than a third of a life: then no age is said in words."""
        return self.high - self.low > UNCLEAR_AGE_YEARS


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model predicts of one face; a head that the model lacks is None.

    Attributes:
        emotion: its probabilities.
        gender: those of perceived gender, also where it is not given; see `given_gender`.
        age: in years.
        gender_from_age: predicted age in years from which the model's perceived gender is given.
    """

    emotion: Distribution | None = None
    gender: Distribution | None = None
    age: Age | None = None
    gender_from_age: float = 0.0

    @property
    def gender_not_given(self) -> str | None:
        """Why perceived gender is not given although the model has it; None where it is."""
        if self.gender is None or self.age is None or self.age.value >= self.gender_from_age:
            return None
        return f"of faces that look under {self.gender_from_age:g} it is often wrong"

    @property
    def given_gender(self) -> Distribution | None:
        """Perceived gender, None where it is not given or the model has none."""
        return None if self.gender_not_given else self.gender
