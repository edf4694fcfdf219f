"""A store's age errors (years) by bands and groups, CS@k, and accuracies by age and group."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from evaluation.analysis import from_counts
from evaluation.analysis.cross_task import CrossTask, task_pairs
from evaluation.analysis.sql import (
    AGE_ERROR,
    band,
    band_count,
    group_places,
    is_correct,
    outcome,
    signed_error,
)
from evaluation.statistics.estimate import Estimate
from evaluation.store.counts import grouped_counts, several_counts
from evaluation.store.filters import Where
from evaluation.store.store import Store


@dataclass(frozen=True, slots=True)
class ErrorsByCell:
    """Mean absolute and mean error of each cell."""

    mae: list[Estimate]
    bias: list[Estimate]


def band_names(width: int) -> list[str]:
    """Return the names of bands of `width` years.

    >>> band_names(30)
    ['0-29', '30-59', '60+']
    """
    starts = [width * i for i in range(band_count(width) + 1)]
    names = [f"{a}-{b - 1}" if width > 1 else f"{a}" for a, b in pairwise(starts)]
    return [*names[:-1], f"{starts[-2]}+"]


def _age_bands(width: int) -> tuple[str, int]:
    return band("age_true", width), band_count(width)


def _group_values(store: Store, group: str) -> tuple[str, int, np.ndarray]:
    cell = f"t.{store.group_column(group)}::INT"
    return cell, len(store.groups[group]), group_places(store, group)


def by_band(store: Store, where: Where, width: int) -> ErrorsByCell | None:
    """Return the errors in each band of the true age and, last, of all ages; None without ages."""
    return _errors(store, where, *_age_bands(width), overall=True)


def by_group(store: Store, where: Where, group: str, task: str = "age") -> ErrorsByCell | None:
    """Return the errors for each of `store.groups[group]`; None without the regression `task`."""
    return _errors(store, where, *_group_values(store, group), task=task)


def _errors(
    store: Store,
    where: Where,
    cell: str,
    size: int,
    places: np.ndarray | None = None,
    *,
    overall: bool = False,
    task: str = "age",
) -> ErrorsByCell | None:
    if task not in store.tasks:
        return None
    values = [f"abs({signed_error(task)})", signed_error(task)]
    absolute, signed = several_counts(store, where, cell, size, values, places)
    return ErrorsByCell(
        *(
            counts.estimates(minimum=minimum)
            + ([counts.estimate(minimum=minimum)] if overall else [])
            for counts, minimum in ((absolute, 0), (signed, -np.inf))
        )
    )


def accuracy_by_band(store: Store, task: str, where: Where, width: int) -> list[Estimate]:
    """Return the accuracy of a classification in each band of the true age."""
    return _accuracy(store, task, where, *_age_bands(width))


def accuracy_by_group(store: Store, task: str, where: Where, group: str) -> list[Estimate]:
    """Return the accuracy of a classification for each of `store.groups[group]`."""
    return _accuracy(store, task, where, *_group_values(store, group))


def overall_accuracy(store: Store, task: str, where: Where) -> Estimate:
    """Return the accuracy of a classification over all rows."""
    return _accuracy(store, task, where, "0", 1)[0]


def _accuracy(
    store: Store,
    task: str,
    where: Where,
    cell: str,
    size: int,
    places: np.ndarray | None = None,
) -> list[Estimate]:
    value = is_correct(task)
    return grouped_counts(store, where, cell, size, value, places, is_share=True).estimates()


def cumulative_scores(store: Store, where: Where, max_years: int = 15) -> list[Estimate]:
    """Return CS@k for k of 0 to `max_years` years, the share of ages whose error is at most k.

    Empty without ages.
    """
    if "age" not in store.tasks:
        return []
    years = f"ceil(abs({AGE_ERROR}))"
    cell = f"CASE WHEN {years} > {max_years:d} THEN {max_years + 1:d} ELSE {years}::INT END"
    counts = grouped_counts(store, where, cell, max_years + 2)  # NULL stays NULL
    if not counts.total:
        return []
    return from_counts.shares_within(counts, np.arange(max_years + 2), range(max_years + 1))


def off_by(store: Store, where: Where, width: int) -> tuple[np.ndarray, list[Estimate]]:
    """Return int64 (k, k), the band of the true age (row) against that of the predicted one.

    And the share of ages at most 0, 1, ... bands off.
    """
    k = band_count(width)
    if "age" not in store.tasks:
        return np.zeros((k, k), np.int64), []
    cell = f"{band('age_true', width)} * {k:d} + {band('age_pred', width)}"
    counts = grouped_counts(store, where, cell, k * k)
    row, column = (v.ravel() for v in np.indices((k, k)))
    shares = from_counts.shares_within(counts, np.abs(row - column), range(k))
    return counts.n.astype(np.int64).reshape(k, k), shares if counts.total else []


def cross_tasks(store: Store, where: Where) -> list[CrossTask]:
    """Return what `evaluation.analysis.cross_task.cross_tasks` does of a table."""
    results = []
    numbers = [task for task in store.tasks if store.is_regression(task)]
    for condition, task in task_pairs([t for t in store.tasks if t not in numbers], numbers):
        wrong, is_share = f"1 - ({is_correct(condition)})", task not in numbers
        value = outcome(store, task)
        counts = grouped_counts(store, where, wrong, 2, value, is_share=is_share)
        if counts.n.all():
            results.append(CrossTask.of(task, condition, counts))
    return results
