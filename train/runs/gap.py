"""The gap between training and validation accuracy of an epoch, with its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.training_runs import generalization_gap


@dataclass(frozen=True, slots=True)
class EpochGap:
    """Training minus validation accuracy.

    Attributes:
        task: whose accuracies.
        points: percentage points.
        verdict: name of the band, see `evaluation.training_runs.generalization_gap`.
        meaning: of the band, in words.
    """

    task: str
    points: float
    verdict: str
    meaning: str


def gap_of(row: Mapping[str, float]) -> EpochGap | None:
    """Return the gap of an epoch of a history; None where the run has no classes."""
    task = generalization_gap.task_of(row)
    points = generalization_gap.gap(row, task) if task else None
    if task is None or points is None:
        return None
    band = generalization_gap.verdict(points)
    return EpochGap(task, round(points, 3), band.name, band.meaning)
