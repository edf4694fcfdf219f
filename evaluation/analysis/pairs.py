"""Two models of a store on the same samples, as `evaluation.analysis.comparison` compares two
tables, at any size: one join, then small arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.analysis import comparison
from evaluation.analysis.summary import MANY_VALUES
from evaluation.predictions import arrays
from evaluation.statistics.estimate import Figures, Sample
from evaluation.store.filters import Where
from evaluation.store.ingest import SPACES
from evaluation.store.resampled import unit
from evaluation.store.store import Store

KINDS = {
    "a": "a.pred = a.truth AND b.pred <> a.truth",
    "b": "b.pred = a.truth AND a.pred <> a.truth",
    "neither": "a.pred <> a.truth AND b.pred <> a.truth AND a.pred <> b.pred",
}
"""Only A right, only B right, both wrong with different answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Samples of both models with the same truth: true, a, b (n,) are classes (int64, into
    `store.labels`) or ages (float64, years).

    sample: how intervals are drawn. groups: as `views.coded_groups`. truth_differs: samples of both
    that state different truths.
    """

    true: np.ndarray
    a: np.ndarray
    b: np.ndarray
    groups: dict[str, arrays.Coded]
    sample: Sample
    truth_differs: int


def pairs(store: Store, task: str, a: str, b: str, where: Where) -> Pairs | None:
    """The samples that pass `where` for both models; None where there are none."""
    joined, params = _joined(store, task, a, b, where)
    names = [
        n
        for n in store.groups
        if not (task == "gender" and n == "gender") and len(store.groups[n]) <= MANY_VALUES
    ]
    columns = "".join(f", a.{store.group_columns[n]} AS g{i}" for i, n in enumerate(names))
    person = f"{unit(store, table='a')} AS person, " if store.cluster else ""
    text = f"SELECT {person}a.truth AS true_a, b.truth AS true_b, a.pred AS in_a, b.pred AS in_b{columns} FROM {joined}"
    found = store.arrow(text, params)
    truth = [_values(found[c], task, store) for c in ("true_a", "true_b")]
    same = truth[0] == truth[1]
    differs = int((~same).sum())
    if differs:
        found, truth = found.filter(pa.array(same)), [t[same] for t in truth]
    n = len(found)
    if n == 0:
        return None
    groups = {name: _coded(store, name, found[f"g{i}"]) for i, name in enumerate(names)}
    cluster = found["person"].to_numpy().astype(np.int64) if store.cluster else None
    return Pairs(
        truth[0],
        _values(found["in_a"], task, store),
        _values(found["in_b"], task, store),
        groups,
        Sample(n, cluster, store.cluster),
        differs,
    )


def compare(store: Store, task: str, a: str, b: str, where: Where) -> Figures | None:
    """B minus A: {n, truth_differs, only_a, only_b, method, parts} and {accuracy, macro_f1,
    mcnemar} or, of ages, {mae, paired_t}, as `evaluation.analysis.comparison.compare` has them;
    None where no sample is in both. only_a, only_b: rows of one model that the other lacks.
    """
    seen = pairs(store, task, a, b, where)
    if seen is None:
        return None
    clause, params = store.clause(where.but(models=()))
    known = f"{clause} AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL AND t.model = ?"
    rows = [
        store.sql(f"SELECT count(*) FROM t WHERE {known}", [*params, store.code("model", m)])[0][0]
        for m in (a, b)
    ]
    both = len(seen.true) + seen.truth_differs
    if task == "age":
        made = comparison.of_errors(seen.true, seen.a, seen.b, seen.groups, seen.sample)
    else:
        made = comparison.of_answers(
            store.labels(task), seen.true, seen.a, seen.b, seen.groups, seen.sample
        )
    return {
        "n": len(seen.true),
        "truth_differs": seen.truth_differs,
        "only_a": rows[0] - both,
        "only_b": rows[1] - both,
        **made,
    }


def disagreements(
    store: Store, task: str, a: str, b: str, where: Where, kind: str = "", limit: int = 500
) -> tuple[int, pa.Table]:
    """How many samples the models differ on, and the first `limit` of them: sample_id, dataset,
    true, a, b (labels, or years).

    kind: of a class one of KINDS, those about which the models are surest first; ages come by the
    distance of the two, largest first.
    """
    joined, params = _joined(store, task, a, b, where)
    if task == "age":
        asked, order = (
            "a.truth = b.truth AND a.pred <> b.pred",
            "abs(a.pred - b.pred) DESC, a.rowid",
        )
    else:
        asked = f"a.truth = b.truth AND {KINDS[kind]}"
        order = "greatest(a.conf, b.conf) DESC NULLS LAST, a.rowid"
    n = int(store.sql(f"SELECT count(*) FROM {joined} WHERE {asked}", params)[0][0])
    found = store.arrow(
        f"SELECT a.sample_id, a.dataset, a.truth AS {task}_true, a.pred AS in_a, b.pred AS in_b FROM {joined} WHERE {asked} "
        f"ORDER BY {order} LIMIT {limit:d}",
        params,
    )
    columns: dict[str, Any] = {
        "sample_id": found["sample_id"],
        "dataset": pa.array(
            [store._codes["dataset"][c] for c in found["dataset"].to_pylist()], pa.string()
        ),
    }
    for name, column in (("true", f"{task}_true"), ("a", "in_a"), ("b", "in_b")):
        columns[name] = (
            found[column]
            if task == "age"
            else pa.array([SPACES[task][c] for c in found[column].to_pylist()], pa.string())
        )
    return n, pa.table(columns)


def _joined(store: Store, task: str, a: str, b: str, where: Where) -> tuple[str, list[Any]]:
    """SQL of both models' rows, `a` and `b`, side by side, and its parameters."""
    clause, params = store.clause(where.but(models=()))
    confidence = f"t.{task}_conf" if f"{task}_conf" in store.columns else "NULL"
    groups = "".join(
        f", t.{c}"
        for c in dict.fromkeys(
            [*store.group_columns.values(), *([store.cluster] if store.cluster else [])]
        )
    )
    side = (
        f"(SELECT t.rowid AS rowid, t.key, t.sample_id, t.dataset, t.{task}_true AS truth, t.{task}_pred AS pred, "
        f"{confidence} AS conf{groups} FROM t WHERE {clause} AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL AND t.model = ?)"
    )
    return f"{side} a JOIN {side} b ON a.key = b.key", [
        *params,
        store.code("model", a),
        *params,
        store.code("model", b),
    ]


def _values(column: pa.ChunkedArray, task: str, store: Store) -> np.ndarray:
    if task == "age":
        return column.to_numpy().astype(np.float64)
    place = np.zeros(256, np.int64)
    place[[SPACES[task].index(label) for label in store.labels(task)]] = np.arange(
        len(store.labels(task))
    )
    return place[column.to_numpy()]


def _coded(store: Store, name: str, column: pa.ChunkedArray) -> arrays.Coded:
    """A group's codes in the store as places in `store.groups[name]`; "" and null are unknown."""
    texts, values = store._codes[store.group_columns[name]], store.groups[name]
    place = np.array([values.index(t) if t in values else -1 for t in texts] + [-1], np.int64)
    return arrays.Coded(
        values,
        place[
            column.combine_chunks()
            .cast(pa.int64())
            .fill_null(len(texts))
            .to_numpy(zero_copy_only=False)
        ],
    )
