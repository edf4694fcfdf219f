"""How long the metrics take on a generated table: processor seconds, so that other work on the
machine does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np

from evaluation.analysis.comparison import compare
from evaluation.analysis.slices import fairness, search
from evaluation.analysis.summary import figures
from evaluation.benchmark.generated_tables import generate
from evaluation.metrics import classification
from evaluation.predictions import arrays
from evaluation.statistics.bootstrap import Resampled, percentiles
from evaluation.statistics.estimate import Sample

ROWS = 1_000_000
LIMITS = {
    "confusion and per class": 0.3,
    "1,000 bootstraps of accuracy and macro F1": 3.0,
    "the same over clusters": 3.0,
}
"""Seconds that issue 4 allows at a million rows of eight probabilities."""


def pace(rows: int = ROWS, *, people: int | None = None, whole: bool = True) -> dict[str, Any]:
    """{rows, clusters, steps: [{name, cpu_s, wall_s, limit_s}]} on a seeded table of `rows` rows.

    people: clusters of the table (default: a tenth of the rows); whole: also all figures, a
    comparison and the search for slices.
    """
    people = people or max(2, rows // 10)
    table = generate(rows, per_person=rows / people)
    alone = table.drop_columns(["group_subject"])
    seen, cluster = arrays.classes(table, "emotion"), arrays.clusters(table)
    if seen is None or cluster is None:
        raise RuntimeError("the generated table has no emotions or no clusters")
    k = len(seen.labels)
    clusters = Resampled(rows, cluster).clusters
    steps = []

    def timed(name: str, call: Callable[[], object]) -> None:
        cpu, wall = process_time(), perf_counter()
        call()
        times = {"cpu_s": round(process_time() - cpu, 3), "wall_s": round(perf_counter() - wall, 3)}
        steps.append({"name": name, **times, "limit_s": LIMITS.get(name)})

    def bootstrap(by: np.ndarray | None) -> None:
        drawn = Sample(rows, by, "group_subject").counted(seen.true * k + seen.pred, (k, k))
        percentiles(np.trace(drawn, axis1=-2, axis2=-1) / drawn.sum(axis=(-2, -1)))
        percentiles(classification.macro_f1(drawn))

    timed(
        "confusion and per class",
        lambda: classification.per_class(classification.confusion(seen.true, seen.pred, k)),
    )
    timed("1,000 bootstraps of accuracy and macro F1", lambda: bootstrap(None))
    timed("the same over clusters", lambda: bootstrap(cluster))
    if whole:
        timed("all figures of the report", lambda: figures(alone))
        timed("all figures over clusters", lambda: figures(table))
        other = generate(rows, model="another", per_person=rows / people)
        timed(
            "comparison of two models",
            lambda: compare(alone, other.drop_columns(["group_subject"])),
        )
        losses, groups = (seen.true != seen.pred).astype(float), arrays.coded_groups(alone)
        timed("search for slices", lambda: search(losses, groups, support=30, fdr=0.05))
        timed("gaps between groups", lambda: fairness("emotion", losses, groups, support=30))
    return {"rows": rows, "clusters": clusters, "steps": steps}
