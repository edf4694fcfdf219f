"""Processor seconds that the metrics take on a generated table; other work does not count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray

from evaluation.analysis.by_group.fairness import fairness
from evaluation.analysis.by_group.group_source import RowGroups
from evaluation.analysis.by_group.slices import search
from evaluation.analysis.from_counts import matrix_metric
from evaluation.analysis.summary import table_report
from evaluation.analysis.table_pairs import compare
from evaluation.benchmark.generated_tables import generate
from evaluation.metrics import classification
from evaluation.predictions import arrays
from evaluation.statistics.sample import Sample

LIMITS_S = {
    "confusion and per class": 0.3,
    "1,000 bootstraps of accuracy and macro F1": 3.0,
    "the same over clusters": 3.0,
}
"""Most processor seconds at a million rows of eight probabilities: of interactive use."""


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Processor and elapsed seconds of one step, and the most that it may take, if limited."""

    name: str
    cpu_s: float
    wall_s: float
    limit_s: float | None


@dataclass(frozen=True, slots=True)
class MetricsSpeed:
    """Times of the metrics on a table of `rows` rows in `clusters` clusters."""

    rows: int
    clusters: int | None
    steps: list[StepTimes]


def time_metrics(rows: int, *, people: int | None = None) -> MetricsSpeed:
    """Return the times of the metrics on a seeded table.

    Args:
        rows: Of the table.
        people: Its clusters; a tenth of the rows by default.
    """
    people = people or max(2, rows // 10)
    table = generate(rows, per_person=rows / people)
    unclustered = table.drop_columns(["group_subject"])
    classes, cluster = arrays.classes(table, "emotion"), arrays.clusters(table)
    if classes is None or cluster is None:
        raise RuntimeError("the generated table has no emotions or no clusters")
    k = len(classes.labels)
    clusters = Sample(rows, cluster).clusters
    steps: list[StepTimes] = []

    def timed(name: str, call: Callable[[], object]) -> None:
        cpu, wall = process_time(), perf_counter()
        call()
        cpu_s, wall_s = process_time() - cpu, perf_counter() - wall
        steps.append(StepTimes(name, round(cpu_s, 3), round(wall_s, 3), LIMITS_S.get(name)))

    def bootstrap(cluster: NDArray[np.int64] | None) -> None:
        cell = classes.true * k + classes.pred
        counts = Sample(rows, cluster, "group_subject").counts(cell, k * k)
        matrix_metric(counts, k, classification.accuracy)
        matrix_metric(counts, k, classification.macro_f1)

    timed(
        "confusion and per class",
        lambda: classification.per_class(classification.confusion(classes.true, classes.pred, k)),
    )
    timed("1,000 bootstraps of accuracy and macro F1", lambda: bootstrap(None))
    timed("the same over clusters", lambda: bootstrap(cluster))
    timed("all figures of the report", lambda: table_report(unclustered))
    timed("all figures over clusters", lambda: table_report(table))
    other = generate(rows, model="another", per_person=rows / people)
    timed(
        "comparison of two models",
        lambda: compare(unclustered, other.drop_columns(["group_subject"])),
    )
    correct = (classes.true == classes.pred).astype(float)
    groups = RowGroups(correct, arrays.coded_groups(unclustered), is_share=True)
    timed("search for slices", lambda: search(groups, support=30, fdr=0.05))
    timed("gaps between groups", lambda: fairness(groups, support=30))
    return MetricsSpeed(rows, clusters, steps)
