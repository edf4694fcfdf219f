"""Across tasks: does a mistake in one task go with a mistake in another?

For instance a wrong perceived gender with a larger age error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.analysis.by_group.groups import Outcomes
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample


def task_pairs(classifications: Sequence[str], regressions: Sequence[str]) -> list[tuple[str, str]]:
    """Return (the task that is correct or wrong, the task whose figure is compared).

    >>> task_pairs(("emotion", "gender"), ("age",))
    [('gender', 'age'), ('emotion', 'age'), ('gender', 'emotion')]
    """
    to_numbers = [(given, task) for task in regressions for given in reversed(classifications)]
    return to_numbers + [
        (given, task)
        for i, task in enumerate(classifications)
        for given in classifications[i + 1 :]
    ]


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


def cross_tasks(outcomes: Outcomes, regressions: Sequence[str], table: Sample) -> list[CrossTask]:
    """Report each pair of tasks that shares rows.

    A pair whose `given` is never or always wrong is left out.

    Args:
        outcomes: of the tasks that the table has.
        regressions: those of them that predict numbers.
        table: all rows of the table.
    """
    results = []
    classifications = [name for name in outcomes if name not in regressions]
    for given, task in task_pairs(classifications, regressions):
        if len(outcomes[given][0]) and len(outcomes[task][0]):
            (rows, correct), (other, values) = outcomes[given], outcomes[task]
            if not np.array_equal(rows, other):
                rows, in_given, in_task = np.intersect1d(
                    rows, other, assume_unique=True, return_indices=True
                )
                correct, values = correct[in_given], values[in_task]
            wrong = 1 - correct.astype(np.int64)
            if wrong.any() and not wrong.all():
                counts = table.part(rows).counts(wrong, 2, values, is_share=task in classifications)
                results.append(CrossTask.of(task, given, counts))
    return results
