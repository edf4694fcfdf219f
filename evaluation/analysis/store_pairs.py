"""Two models of a store on the same samples, at any size: one join, then small arrays.

`evaluation.analysis.table_pairs` pairs the samples of two tables.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.analysis import comparison
from evaluation.analysis.by_group.groups import MAX_GROUP_VALUES
from evaluation.analysis.comparison import Pairs, TaskComparison
from evaluation.analysis.sql import coded, compared, label_places
from evaluation.statistics.sample import Sample
from evaluation.store.counts import cluster_number
from evaluation.store.filters import Where
from evaluation.store.store import Store

KINDS = {
    "a": "a.pred = a.truth AND b.pred <> a.truth",
    "b": "b.pred = a.truth AND a.pred <> a.truth",
    "neither": "a.pred <> a.truth AND b.pred <> a.truth AND a.pred <> b.pred",
}
"""Only A correct, only B correct, both wrong with different predictions."""


def pairs(store: Store, task: str, a: str, b: str, where: Where) -> Pairs | None:
    """Return the samples that pass `where` for both models; None where there are none."""
    joined, params = _joined(store, task, a, b, where)
    names = [n for n in store.groups if n != task and len(store.groups[n]) <= MAX_GROUP_VALUES]
    columns = "".join(f", a.{store.group_columns[n]} AS g{i}" for i, n in enumerate(names))
    cluster_column = f"{cluster_number(store, 'a')} AS cluster, " if store.cluster else ""
    rows = store.arrow(
        f"SELECT {cluster_column}a.truth AS true_a, b.truth AS true_b, a.pred AS in_a, "
        f"b.pred AS in_b{columns} FROM {joined}",
        params,
    )
    true, other, in_a, in_b = (
        values(rows[c], task, store) for c in ("true_a", "true_b", "in_a", "in_b")
    )
    same = true == other
    if not same.any():
        return None
    groups = {name: coded(store, name, rows[f"g{i}"]) for i, name in enumerate(names)}
    cluster = rows["cluster"].to_numpy().astype(np.int64) if store.cluster else None
    kept = np.flatnonzero(same)
    return Pairs(
        None if store.is_regression(task) else store.labels(task),
        true[same],
        in_a[same],
        in_b[same],
        {name: group.at(kept) for name, group in groups.items()},
        Sample(len(rows), cluster, store.cluster).part(same),
        int((~same).sum()),
    )


def compare(store: Store, task: str, a: str, b: str, where: Where) -> TaskComparison | None:
    """Compare B with A, without a list of disagreements; None where no sample is in both."""
    shared = pairs(store, task, a, b, where)
    if shared is None:
        return None
    clause, params = store.clause(where.but(models=()))
    condition = (
        f"{clause} AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL AND t.model = ?"
    )
    count = f"SELECT count(*) FROM t WHERE {condition}"
    rows = [store.sql(count, [*params, store.code("model", m)])[0][0] for m in (a, b)]
    in_both = len(shared.true) + shared.truth_differs
    only_a, only_b = (int(n) - in_both for n in rows)
    return replace(comparison.compare_pairs(shared), only_a=only_a, only_b=only_b)


def disagreements(
    store: Store, task: str, a: str, b: str, where: Where, kind: str = "", limit: int = 500
) -> tuple[int, pa.Table]:
    """Return how many samples the models differ on, and the first `limit` of them.

    Args:
        store: holds both models.
        task: of the predictions.
        a: the first model.
        b: the second model.
        where: which samples.
        kind: of classes one of KINDS; of numbers "a" or "b" for samples on which A, or B, is nearer
            to the truth, "" for all on which they differ.
        limit: number of rows at most.

    Returns:
        The number of all such samples, and a table of sample_id, dataset, the truth and both
        predictions: classes by falling confidence, numbers by falling distance of the two, or of
        their errors where `kind` is given.
    """
    joined, params = _joined(store, task, a, b, where)
    if store.is_regression(task) and kind:
        gain = "(abs(b.pred - b.truth) - abs(a.pred - a.truth))"
        gain = gain if kind == "a" else f"-{gain}"
        condition, order = f"a.truth = b.truth AND {gain} > 0", f"{gain} DESC, a.rowid"
    elif store.is_regression(task):
        condition, order = (
            "a.truth = b.truth AND a.pred <> b.pred",
            "abs(a.pred - b.pred) DESC, a.rowid",
        )
    else:
        condition = f"a.truth = b.truth AND {KINDS[kind]}"
        order = "greatest(a.conf, b.conf) DESC NULLS LAST, a.rowid"
    n = int(store.sql(f"SELECT count(*) FROM {joined} WHERE {condition}", params)[0][0])
    rows = store.arrow(
        f"SELECT a.sample_id, a.dataset, a.truth AS {task}_true, a.pred AS in_a, b.pred AS in_b "
        f"FROM {joined} WHERE {condition} ORDER BY {order} LIMIT {limit:d}",
        params,
    )
    columns: dict[str, object] = {
        "sample_id": rows["sample_id"],
        "dataset": pa.array(
            [store.texts["dataset"][c] for c in rows["dataset"].to_pylist()], pa.string()
        ),
    }
    for name, column in (("true", f"{task}_true"), ("a", "in_a"), ("b", "in_b")):
        columns[name] = (
            rows[column]
            if store.is_regression(task)
            else pa.array(
                [store.label_space(task)[c] for c in rows[column].to_pylist()], pa.string()
            )
        )
    return n, pa.table(columns)


def _joined(store: Store, task: str, a: str, b: str, where: Where) -> tuple[str, list[Any]]:
    """Return SQL of both models' rows, `a` and `b`, side by side, and its parameters."""
    clause, params = store.clause(where.but(models=()))
    confidence = f"t.{task}_conf" if f"{task}_conf" in store.columns else "NULL"
    groups = "".join(
        f", t.{c}"
        for c in dict.fromkeys(
            [*store.group_columns.values(), *([store.cluster] if store.cluster else [])]
        )
    )
    side = (
        f"(SELECT t.rowid AS rowid, t.key, t.sample_id, t.dataset, "
        f"{compared(store, task, 'true')} AS truth, {compared(store, task, 'pred')} AS pred, "
        f"{confidence} AS conf{groups} FROM t WHERE {clause} AND t.{task}_true IS NOT NULL AND "
        f"t.{task}_pred IS NOT NULL AND t.model = ?)"
    )
    return f"{side} a JOIN {side} b ON a.key = b.key", [
        *params,
        store.code("model", a),
        *params,
        store.code("model", b),
    ]


def values(column: pa.ChunkedArray, task: str, store: Store) -> np.ndarray:
    """Return a column of truths or predictions as an array (N,).

    Args:
        column: of the store: numbers, or codes of classes.
        task: whose column it is.
        store: the tables.

    Returns:
        Numbers as float64; of classes int64 places in `store.labels(task)`.
    """
    numbers: np.ndarray = column.to_numpy()
    if store.is_regression(task):
        return np.asarray(numbers.astype(np.float64))
    return np.asarray(label_places(store, task)[numbers])
