"""What lies around one sample of a store.

Those before and after it under a condition, and those most like it to the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from evaluation.store.filters import Where
from evaluation.store.neighbours import Neighbours
from evaluation.store.store import Store


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sample stands among the rows of a condition.

    At (from 1) of n; before, after: (sample_id, dataset), None at the ends.

    at is 0 where the sample is none of them; then after is the first.
    """

    at: int
    n: int
    before: tuple[str, str] | None
    after: tuple[str, str] | None


def place(
    store: Store, where: Where, sample_id: str, dataset: str | None = None, order: str = "row"
) -> Place:
    """order: row, confidence or -confidence (of `where.task`), error or -error (absolute, of age).

    Where should name one model.
    """
    column = "t.rowid"
    if order.endswith("confidence") and f"{where.task}_conf" in store.columns:
        column = f"t.{where.task}_conf::DOUBLE"
    elif order.endswith("error") and "age" in store.tasks:
        column = "abs(t.age_pred - t.age_true)::DOUBLE"
    # Unknown values come last either way, as in `Store.samples`.
    key = (
        column
        if column == "t.rowid"
        else f"(-coalesce({column}, -1))"
        if order.startswith("-")
        else f"coalesce({column}, 1e9)"
    )
    clause, params = store.clause(where)
    of, values = (
        ("", []) if dataset is None else (" AND t.dataset = ?", [store.code("dataset", dataset)])
    )
    found = store.sql(
        f"SELECT {key}, t.rowid FROM t WHERE {clause} AND t.sample_id = ?{of} LIMIT 1",
        [*params, sample_id, *values],
    )
    n = store.count(where)
    if not found:
        return Place(0, n, None, _first(store, f"{clause} ORDER BY {key}, t.rowid", params))
    value, row = found[0]
    later = f"({key} > ? OR ({key} = ? AND t.rowid > ?))"
    earlier = f"({key} < ? OR ({key} = ? AND t.rowid < ?))"
    here = [value, value, row]
    at = store.sql(f"SELECT count(*) FROM t WHERE {clause} AND {earlier}", [*params, *here])[0][0]
    after = _first(store, f"{clause} AND {later} ORDER BY {key}, t.rowid", [*params, *here])
    before = _first(
        store, f"{clause} AND {earlier} ORDER BY {key} DESC, t.rowid DESC", [*params, *here]
    )
    return Place(int(at) + 1, n, before, after)


def _first(store: Store, condition: str, params: list[object]) -> tuple[str, str] | None:
    found = store.sql(f"SELECT t.sample_id, t.dataset FROM t WHERE {condition} LIMIT 1", params)
    return (str(found[0][0]), store.texts["dataset"][found[0][1]]) if found else None


def search(store: Store, where: Where, text: str, limit: int = 20) -> list[tuple[str, str]]:
    """(sample_id, dataset) of samples whose name contains `text`, exact ones first.

    Where's own conditions hold too.
    """
    clause, params = store.clause(where.but(text=text))
    order = "min((t.sample_id <> ?)::INT), min(t.rowid)"
    found = store.sql(
        f"SELECT t.sample_id, t.dataset FROM t WHERE {clause} GROUP BY ALL ORDER BY {order} LIMIT "
        f"{limit:d}",
        [*params, text],
    )
    return [(str(name), store.texts["dataset"][code]) for name, code in found]


def nearest(
    store: Store, model: str, sample_id: str, dataset: str | None = None, k: int = 12
) -> pa.Table:
    """Return the `k` samples of `model` whose embeddings are most like this one's, nearest first.

    As `Store.samples` has rows, with a column `cosine`; without rows where the tables have no
    embedding of it.
    """
    index, rows = store.remember(("neighbours", model), lambda: _index(store, model))
    if index is None:
        return pa.table({})
    of, values = (
        ("", []) if dataset is None else (" AND t.dataset = ?", [store.code("dataset", dataset)])
    )
    asked = [store.code("model", model), sample_id, *values]
    found = store.sql(
        f"SELECT t.rowid FROM t WHERE t.model = ? AND t.sample_id = ?{of} LIMIT 1", asked
    )
    at = np.searchsorted(rows, found[0][0]) if found else len(rows)
    if at >= len(rows) or rows[at] != found[0][0]:
        return pa.table({})
    near, cosine = index.to(int(at), k)
    if not len(near):
        return pa.table({})
    ids = store.sql(
        f"SELECT t.rowid, t.sample_id FROM t WHERE t.rowid IN ({', '.join('?' * len(near))})",
        [int(rows[i]) for i in near],
    )
    listed = store.samples(Where(models=(model,), ids=tuple(name for _, name in ids)), limit=10 * k)
    order = {int(rows[i]): (j, float(c)) for j, (i, c) in enumerate(zip(near, cosine, strict=True))}
    kept = [i for i, row in enumerate(listed["row"].to_pylist()) if row in order]
    listed = listed.take(sorted(kept, key=lambda i: order[listed["row"][i].as_py()][0]))
    return listed.append_column(
        "cosine", pa.array([order[row][1] for row in listed["row"].to_pylist()], pa.float32())
    )


def _index(store: Store, model: str) -> tuple[Neighbours | None, np.ndarray]:
    if "embedding" not in store.columns:
        return None, np.zeros(0, np.int64)
    found = store.arrow(
        "SELECT t.rowid AS row, t.embedding FROM t WHERE t.model = ? AND t.embedding IS NOT NULL "
        "ORDER BY t.rowid",
        [store.code("model", model)],
    )
    return (
        (Neighbours.of(found), found["row"].to_numpy())
        if len(found)
        else (None, np.zeros(0, np.int64))
    )
