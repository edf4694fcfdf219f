"""Across tasks: does a mistake in one task go with a mistake in another?

For instance a wrong perceived gender with a larger age error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluation.analysis.by_group.groups import Outcomes
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import JSON_KEY, Estimate
from evaluation.statistics.sample import Sample


def task_pairs(classifications: Sequence[str], regressions: Sequence[str]) -> list[tuple[str, str]]:
    """Return (the task that is correct or wrong, the task whose figure is compared).

    >>> task_pairs(("emotion", "gender"), ("age",))
    [('gender', 'age'), ('emotion', 'age'), ('gender', 'emotion')]
    """
    to_numbers = [
        (condition, task) for task in regressions for condition in reversed(classifications)
    ]
    return to_numbers + [
        (condition, task)
        for i, task in enumerate(classifications)
        for condition in classifications[i + 1 :]
    ]


@dataclass(frozen=True, slots=True)
class CrossTask:
    """One task's figure where another task's prediction is correct, and where it is wrong.

    Attributes:
        task: whose figure it is.
        figure: `mae` (years) or `accuracy`.
        condition_task: the task that is correct or wrong.
        n: samples that have both tasks.
        correct, wrong: the figure where that task is correct, and where it is wrong.
        difference: wrong minus correct.
    """

    task: str
    figure: str
    condition_task: str = field(metadata={JSON_KEY: "given"})
    n: int
    correct: Estimate = field(metadata={JSON_KEY: "right"})
    wrong: Estimate
    difference: Estimate

    @classmethod
    def of(cls, task: str, condition: str, counts: GroupedCounts) -> CrossTask:
        """Return the report of counts of the figure in two cells: condition correct, and wrong."""
        correct, wrong = counts.estimates(minimum=0)
        figure = "accuracy" if counts.is_share else "mae"
        return cls(task, figure, condition, counts.total, correct, wrong, counts.difference(0, 1))


def cross_tasks(outcomes: Outcomes, regressions: Sequence[str], table: Sample) -> list[CrossTask]:
    """Report each pair of tasks that shares rows.

    A pair whose condition is never or always wrong is left out.

    Args:
        outcomes: of the tasks that the table has.
        regressions: those of them that predict numbers.
        table: all rows of the table.
    """
    results = []
    classifications = [name for name in outcomes if name not in regressions]
    for condition, task in task_pairs(classifications, regressions):
        if len(outcomes[condition][0]) and len(outcomes[task][0]):
            (rows, correct), (other, values) = outcomes[condition], outcomes[task]
            if not np.array_equal(rows, other):
                rows, in_condition, in_task = np.intersect1d(
                    rows, other, assume_unique=True, return_indices=True
                )
                correct, values = correct[in_condition], values[in_task]
            wrong = 1 - correct.astype(np.int64)
            if wrong.any() and not wrong.all():
                counts = table.part(rows).counts(wrong, 2, values, is_share=task in classifications)
                results.append(CrossTask.of(task, condition, counts))
    return results
