"""For whom a model fails: the losses of each task by group, gaps between groups, and weak slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.analysis.slices import fairness, search
from evaluation.predictions import arrays
from evaluation.statistics.estimate import Sample


@dataclass(frozen=True, slots=True, eq=False)
class TaskLosses:
    """The loss of each sample with a label: 1 for a wrong class, years of absolute age error.

    losses: (N,). groups: name -> the samples' values. cluster: (N,) subject of each sample, or None.
    """

    task: str
    losses: NDArray[np.float64]
    groups: Mapping[str, arrays.Coded]
    cluster: NDArray[np.int64] | None


def task_losses(table: pa.Table) -> list[TaskLosses]:
    """Return the losses of each task of a one-model table that has labels and predictions."""
    groups, cluster = arrays.coded_groups(table), arrays.clusters(table)
    rows_and_losses: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for task in ("emotion", "gender"):
        classes = arrays.classes(table, task)
        if classes is not None:
            is_wrong = classes.true != classes.pred
            rows_and_losses[task] = classes.rows, is_wrong.astype(np.float64)
    ages = arrays.ages(table)
    if ages is not None:
        rows_and_losses["age"] = ages.rows, np.abs(ages.pred - ages.true)
    return [
        TaskLosses(
            task,
            losses,
            {name: group.at(rows) for name, group in groups.items()},
            None if cluster is None else arrays.only(cluster, rows),
        )
        for task, (rows, losses) in rows_and_losses.items()
    ]


def find_weak_slices(table: pa.Table, *, support: int, fdr: float) -> dict[str, dict[str, Any]]:
    """Return, for each task, gaps between groups and the slices that are worse than the rest.

    Args:
        table: Predictions of one model.
        support: Samples that a slice must have, at least 2.
        fdr: Share of false alarms allowed among the slices, in (0, 1).
    """
    by = arrays.cluster_name(table)
    reports: dict[str, dict[str, Any]] = {}
    for t in task_losses(table):
        groups = dict(t.groups)
        reports[t.task] = {
            "method": Sample(len(t.losses), t.cluster, by).method,
            "fairness": fairness(t.task, t.losses, groups, support=support, cluster=t.cluster),
            **search(t.losses, groups, support=support, fdr=fdr, cluster=t.cluster),
        }
    return reports
