"""The gap between training and validation accuracy, with a verdict in fixed bands.

The bands are those of a FER capstone notebook (2024, unpublished), which states one under each of
its models. They stand here alone: the run folder, its page and the studio read these. The
notebook's training figure, like ours, is taken while training, under dropout and augmentation, so
a small negative gap is common.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

GAP_LINES = (-5.0, 10.0)
"""Percentage points at which charts have lines, as the notebook's: possible leak, overfitting."""


@dataclass(frozen=True, slots=True)
class Band:
    """Gaps from `low` up to the next band's, which is not included.

    Attributes:
        low: percentage points, training minus validation.
        colour: of a bar in a chart.
    """

    low: float
    name: str
    meaning: str
    colour: str


BANDS = (
    Band(
        -math.inf,
        "severe negative",
        "validation far exceeds training: look for leaks between the splits",
        "#8e44ad",
    ),
    Band(
        -10.0,
        "negative",
        "validation exceeds training: a leak is likely, or strong augmentation",
        "#9b59b6",
    ),
    Band(-5.0, "slightly negative", "validation is a little easier than training", "#5dade2"),
    Band(0.0, "healthy", "generalises well", "#2ecc71"),
    Band(5.0, "moderate", "some overfitting", "#f1c40f"),
    Band(10.0, "high", "overfits: regularise", "#f39c12"),
    Band(15.0, "severe", "memorises the training data: regularise", "#e74c3c"),
)


def verdict(gap: float) -> Band:
    """Return the band of a gap in percentage points.

    Raises:
        ValueError: Not a number.

    >>> verdict(14.6).name  # Model A of the notebook: 99.72 % against 85.13 %
    'high'
    """
    if math.isnan(gap):
        raise ValueError("Expected a gap in percentage points, got nan.")
    return next(band for band in reversed(BANDS) if gap >= band.low)


def gap(row: Mapping[str, float], task: str = "emotion") -> float | None:
    """Return training minus validation accuracy of an epoch, in percentage points.

    None where the row of the history has not both.

    >>> gap({"train_emotion_accuracy": 0.9, "val_emotion_accuracy": 0.8})
    10.0
    """
    train, val = row.get(f"train_{task}_accuracy"), row.get(f"val_{task}_accuracy")
    if train is None or val is None or math.isnan(train) or math.isnan(val):
        return None
    return round(100 * (train - val), 6)


def task_of(row: Mapping[str, float]) -> str | None:
    """Return the task whose accuracies make a run's gap: emotion, else gender, else None."""
    return next((t for t in ("emotion", "gender") if gap(row, t) is not None), None)
