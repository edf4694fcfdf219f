"""Across tasks: does a mistake in one task go with a mistake in another?

For instance a wrong perceived gender with a larger age error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.predictions import arrays
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample

PAIRS = (("gender", "age"), ("emotion", "age"), ("gender", "emotion"))
"""(the task that is correct or wrong, the task whose figure is compared)."""


@dataclass(frozen=True, slots=True)
class CrossTask:
    """One task's figure where another task's prediction is correct, and where it is wrong.

    Attributes:
        task: whose figure it is.
        figure: `mae` (years) or `accuracy`.
        given: the task that is correct or wrong.
        n: samples that have both tasks.
        right, wrong: the figure where `given` is correct, and where it is wrong.
        difference: wrong minus right.
    """

    task: str
    figure: str
    given: str
    n: int
    right: Estimate
    wrong: Estimate
    difference: Estimate

    @classmethod
    def of(cls, task: str, given: str, counts: GroupedCounts) -> CrossTask:
        """Return the report of counts of the figure in two cells: `given` correct, and wrong."""
        right, wrong = counts.estimates()
        figure = "accuracy" if counts.is_share else "mae"
        return cls(task, figure, given, counts.total, right, wrong, counts.difference(0, 1))


def cross_tasks(
    emotion: arrays.Classes | None,
    gender: arrays.Classes | None,
    ages: arrays.Ages | None,
    cluster: np.ndarray | None,
    by: str | None,
) -> list[CrossTask]:
    """Report each of PAIRS that shares rows.

    A pair whose `given` is never or always wrong is left out. Tasks that the table lacks are None;
    `cluster` and `by` are as for `evaluation.analysis.classification.classification_report`.
    """
    correct = {
        name: (task.rows, (task.true == task.pred).astype(np.float64))
        for name, task in (("gender", gender), ("emotion", emotion))
        if task is not None
    }
    outcomes = dict(correct)
    if ages is not None:
        outcomes["age"] = (ages.rows, np.abs(ages.pred - ages.true))
    results = []
    for given, task in PAIRS:
        if given in correct and task in outcomes:
            rows, is_correct, values = _shared(*correct[given], *outcomes[task])
            wrong = 1 - is_correct.astype(np.int64)
            if wrong.any() and not wrong.all():
                sample = Sample(
                    len(rows), None if cluster is None else arrays.only(cluster, rows), by
                )
                counts = sample.counts(wrong, 2, values, is_share=task != "age")
                results.append(CrossTask.of(task, given, counts))
    return results


def _shared(
    a: np.ndarray, values_a: np.ndarray, b: np.ndarray, values_b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows in both `a` and `b`, and both values at them."""
    if np.array_equal(a, b):
        return a, values_a, values_b
    rows, in_a, in_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return rows, values_a[in_a], values_b[in_b]
