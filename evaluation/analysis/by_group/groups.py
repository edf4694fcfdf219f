"""Group columns and clusters of a table, as every report of a table uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import pyarrow as pa

from evaluation.predictions import arrays
from evaluation.predictions.arrays import Coded
from evaluation.statistics.sample import Sample

Line = TypeVar("Line")
Outcomes = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Task -> int (n,) rows of the table that have it, and float (n,) 1 for a correct class, 0 for a
wrong one, or the absolute error of a number.
"""

MAX_GROUP_VALUES = 200
"""A group column with more values than this names things rather than groups them: it is left out,
and commands say so.
"""


def table_sample(table: pa.Table) -> Sample:
    """Return the rows of a table with the clusters that it names, if any."""
    return Sample(len(table), arrays.clusters(table), arrays.cluster_name(table))


def left_out(groups: Mapping[str, Coded]) -> dict[str, int]:
    """Return the group columns that have too many values -> how many they have."""
    return {
        name: len(group.values)
        for name, group in groups.items()
        if len(group.values) > MAX_GROUP_VALUES
    }


def by_group(
    groups: Mapping[str, Coded], rows: np.ndarray, lines: Callable[[Coded], list[Line]]
) -> dict[str, list[Line]]:
    """Return the lines of a report for each group column that has any.

    Args:
        groups: columns of the whole table; those of too many values are left out.
        rows: int (n,) the rows that are reported.
        lines: a column at these rows -> a line for each value that occurs.
    """
    results = {
        name: lines(group.at(rows))
        for name, group in groups.items()
        if len(group.values) <= MAX_GROUP_VALUES
    }
    return {name: result for name, result in results.items() if result}


def outcomes(tasks: Mapping[str, arrays.Classes | arrays.Numbers]) -> Outcomes:
    """Return the outcomes of the tasks that a table has."""
    return {
        name: (
            task.rows,
            np.abs(task.pred - task.true)
            if isinstance(task, arrays.Numbers)
            else (task.true == task.pred).astype(np.float64),
        )
        for name, task in tasks.items()
    }
