"""For whom a model fails: outcomes by group, gaps between groups, and weak slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.analysis.slices import GroupGap, RowGroups, SliceFinding, fairness, search
from evaluation.predictions import arrays
from evaluation.statistics.sample import Method, Sample


@dataclass(frozen=True, slots=True)
class WeakSlices:
    """Gaps between groups, and the slices that are worse than the rest of `looked_at`."""

    method: Method
    fairness: list[GroupGap]
    looked_at: int
    slices: list[SliceFinding]


def task_groups(table: pa.Table) -> dict[str, RowGroups]:
    """Return the outcomes by group of each task of a one-model table with labels and predictions.

    The outcome of a sample is 1 for a correct class, or years of absolute age error.
    """
    groups, cluster = arrays.coded_groups(table), arrays.clusters(table)
    outcomes: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for task in ("emotion", "gender"):
        classes = arrays.classes(table, task)
        if classes is not None:
            outcomes[task] = classes.rows, (classes.true == classes.pred).astype(np.float64)
    ages = arrays.ages(table)
    if ages is not None:
        outcomes["age"] = ages.rows, np.abs(ages.pred - ages.true)
    return {
        task: RowGroups(
            outcome,
            {name: group.at(rows) for name, group in groups.items()},
            Sample(
                len(rows),
                None if cluster is None else arrays.only(cluster, rows),
                arrays.cluster_name(table),
            ),
            is_share=task != "age",
        )
        for task, (rows, outcome) in outcomes.items()
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
