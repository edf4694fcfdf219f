"""For whom a model fails: outcomes by group, gaps between groups, and weak slices."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from evaluation.analysis.by_group.fairness import GroupGap, fairness
from evaluation.analysis.by_group.group_source import RowGroups
from evaluation.analysis.by_group.groups import outcomes, table_sample
from evaluation.analysis.by_group.slices import SliceFinding, search
from evaluation.predictions import arrays
from evaluation.statistics.sample import Method


@dataclass(frozen=True, slots=True)
class WeakSlices:
    """Gaps between groups, and the slices that are worse than the rest of `looked_at`."""

    method: Method
    fairness: list[GroupGap]
    looked_at: int
    slices: list[SliceFinding]


def task_groups(table: pa.Table) -> dict[str, RowGroups]:
    """Return the outcomes by group of each task of a one-model table with labels and predictions.

    The outcome of a sample is 1 for a correct class, or the absolute error of a number.
    """
    groups, sample = arrays.coded_groups(table), table_sample(table)
    tasks = arrays.all_tasks(table)
    return {
        task: RowGroups(
            outcome,
            {name: group.at(rows) for name, group in groups.items()},
            sample.part(rows),
            is_share=isinstance(tasks[task], arrays.Classes),
        )
        for task, (rows, outcome) in outcomes(tasks).items()
    }


def find_weak_slices(table: pa.Table, *, support: int, fdr: float) -> dict[str, WeakSlices]:
    """Return, for each task, gaps between groups and the slices that are worse than the rest.

    Args:
        table: Predictions of one model.
        support: Samples that a slice must have, at least 2.
        fdr: Share of false alarms allowed among the slices, in (0, 1).
    """
    reports = {}
    for task, groups in task_groups(table).items():
        gaps = fairness(groups, support=support)
        slices = search(groups, support=support, fdr=fdr)
        reports[task] = WeakSlices(groups.method, gaps, slices.looked_at, slices.slices)
    return reports
