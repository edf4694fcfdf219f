"""The figures of one model's table as plain values: what the report prints and what pages and model
cards quote.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from evaluation.analysis.classification import of_classes
from evaluation.analysis.cross_task import cross
from evaluation.analysis.regression import of_ages
from evaluation.predictions import arrays
from evaluation.predictions.table import Meta
from evaluation.statistics.estimate import Estimate, Figures

FEW = 30
"""Groups with fewer samples are reported too; their intervals say how little that means."""
MANY_VALUES = 200
"""A group column with more values than this names things rather than groups them; it is left out,
and said to be.
"""


def figures(table: pa.Table, model: str | None = None) -> Figures:
    """All figures of `model` in a conforming table (None: its only model); a task without truth or
    prediction is None.

    Raises:
        DataError: several models and none named, or no such model.
    """
    table = arrays.one_model(table, model)
    groups, cluster, by = (
        arrays.coded_groups(table),
        arrays.clusters(table),
        arrays.cluster_name(table),
    )
    crowded = {
        name: len(group.values) for name, group in groups.items() if len(group.values) > MANY_VALUES
    }
    groups = {name: group for name, group in groups.items() if name not in crowded}
    meta = Meta.of(table)
    found = (
        table["face_found"].drop_null().to_numpy()
        if "face_found" in table.column_names
        else np.zeros(0, bool)
    )
    emotion, gender, ages = (
        arrays.classes(table, "emotion"),
        arrays.classes(table, "gender"),
        arrays.ages(table),
    )
    return {
        "model": table["model"][0].as_py() if len(table) else model,
        "dataset": _only(table, "dataset"),
        "split": _only(table, "split"),
        "rows": len(table),
        "card_sha256": meta.card_sha256 or None,
        "fingerprint": meta.fingerprint or None,
        "detector": meta.detector or None,
        "left_out": meta.left_out,
        "face_found": Estimate.of_share(int(found.sum()), len(found)) if len(found) else None,
        "emotion": of_classes(emotion, groups, cluster, by, arrays.votes(table)),
        # By true gender, accuracy is recall, which stands there by class already.
        "gender": of_classes(
            gender, {k: v for k, v in groups.items() if k != "gender"}, cluster, by
        ),
        "age": of_ages(ages, groups, cluster, by),
        "cross": cross(emotion, gender, ages, cluster, by),
        "groups_left_out": crowded,
    }


def _only(table: pa.Table, name: str) -> str | None:
    values = table[name].unique().drop_null().to_pylist() if name in table.column_names else []
    return ", ".join(sorted(values)) or None
