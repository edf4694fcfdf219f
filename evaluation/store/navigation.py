"""Navigation from one sample of a store: previous and next, search by name, nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from evaluation.store.filters import Where
from evaluation.store.neighbours import Neighbours
from evaluation.store.store import Store


@dataclass(frozen=True, slots=True)
class Place:
    """Position of a sample among the rows that meet a condition.

    Attributes:
        at: position from 1; 0 where the sample is none of the rows.
        n: number of rows.
        before: (sample_id, dataset) of the previous row, None at the start.
        after: (sample_id, dataset) of the next row, None at the end; the first row where `at` is 0.
    """

    at: int
    n: int
    before: tuple[str, str] | None
    after: tuple[str, str] | None


def place(
    store: Store, where: Where, sample_id: str, dataset: str | None = None, order: str = "row"
) -> Place:
    """Return the position of a sample among the rows of `where`.

    Args:
        store: the tables.
        where: which rows; should name one model.
        sample_id: the sample.
        dataset: its data set; None: any.
        order: row, confidence or -confidence (of `where.task`), error or -error (absolute, of age);
            "-" is descending. By row where the tables lack what another order needs.
    """
    key = store.sort_key(order, where.task)
    clause, params = store.clause(where)
    dataset_clause, dataset_params = _dataset_condition(store, dataset)
    rows = store.sql(
        f"SELECT {key}, t.rowid FROM t WHERE {clause} AND t.sample_id = ?{dataset_clause} LIMIT 1",
        [*params, sample_id, *dataset_params],
    )
    n = store.count(where)
    if not rows:
        return Place(0, n, None, _first(store, f"{clause} ORDER BY {key}, t.rowid", params))
    value, row_id = rows[0]
    later = f"({key} > ? OR ({key} = ? AND t.rowid > ?))"
    earlier = f"({key} < ? OR ({key} = ? AND t.rowid < ?))"
    position = [value, value, row_id]
    [(rows_before,)] = store.sql(
        f"SELECT count(*) FROM t WHERE {clause} AND {earlier}", [*params, *position]
    )
    after = _first(store, f"{clause} AND {later} ORDER BY {key}, t.rowid", [*params, *position])
    before = _first(
        store, f"{clause} AND {earlier} ORDER BY {key} DESC, t.rowid DESC", [*params, *position]
    )
    return Place(int(rows_before) + 1, n, before, after)


def _dataset_condition(store: Store, dataset: str | None) -> tuple[str, list[int]]:
    """Return SQL to append to a condition, and its parameters; empty for any data set."""
    if dataset is None:
        return "", []
    return " AND t.dataset = ?", [store.code("dataset", dataset)]


def _first(store: Store, condition: str, params: list[object]) -> tuple[str, str] | None:
    rows = store.sql(f"SELECT t.sample_id, t.dataset FROM t WHERE {condition} LIMIT 1", params)
    return (str(rows[0][0]), store.texts["dataset"][rows[0][1]]) if rows else None


def search(store: Store, where: Where, text: str, limit: int = 20) -> list[tuple[str, str]]:
    """Return (sample_id, dataset) of the samples whose name contains `text`, equal names first.

    Args:
        store: the tables.
        where: other conditions, which hold too.
        text: part of the name, in any case.
        limit: samples at most.
    """
    clause, params = store.clause(where.but(text=text))
    order = "min((t.sample_id <> ?)::INT), min(t.rowid)"
    rows = store.sql(
        f"SELECT t.sample_id, t.dataset FROM t WHERE {clause} GROUP BY ALL ORDER BY {order} LIMIT "
        f"{limit:d}",
        [*params, text],
    )
    return [(str(name), store.texts["dataset"][code]) for name, code in rows]


def nearest(
    store: Store, model: str, sample_id: str, dataset: str | None = None, k: int = 12
) -> pa.Table:
    """Return the nearest neighbours of a sample by the cosine of embeddings, nearest first.

    The rows are those of `Store.samples` with a column `cosine`; an empty table where the tables
    have no embedding of the sample.

    Args:
        store: the tables.
        model: whose embeddings.
        sample_id: the sample.
        dataset: its data set; None: any.
        k: neighbours at most.
    """
    index, row_ids = store.remember(("neighbours", model), lambda: _index(store, model))
    if index is None:
        return pa.table({})
    dataset_clause, dataset_params = _dataset_condition(store, dataset)
    rows = store.sql(
        f"SELECT t.rowid FROM t WHERE t.model = ? AND t.sample_id = ?{dataset_clause} LIMIT 1",
        [store.code("model", model), sample_id, *dataset_params],
    )
    query = np.searchsorted(row_ids, rows[0][0]) if rows else len(row_ids)
    if query >= len(row_ids) or row_ids[query] != rows[0][0]:
        return pa.table({})
    nearest_rows, cosines = index.to(int(query), k)
    if not len(nearest_rows):
        return pa.table({})
    samples = _samples_of_rows(store, model, [int(row_ids[i]) for i in nearest_rows], 10 * k)
    cosine_of = {int(row_ids[i]): float(c) for i, c in zip(nearest_rows, cosines, strict=True)}
    return samples.append_column(
        "cosine", pa.array([cosine_of[row] for row in samples["row"].to_pylist()], pa.float32())
    )


def _samples_of_rows(store: Store, model: str, row_ids: list[int], limit: int) -> pa.Table:
    """Return these rows in this order, of the first `limit` with the same sample names."""
    names = store.sql(
        f"SELECT t.sample_id FROM t WHERE t.rowid IN ({', '.join('?' * len(row_ids))})", row_ids
    )
    where = Where(models=(model,), ids=tuple(name for (name,) in names))
    samples = store.samples(where, limit=limit)
    index = {row: i for i, row in enumerate(samples["row"].to_pylist())}
    return samples.take([index[row] for row in row_ids if row in index])


def _index(store: Store, model: str) -> tuple[Neighbours | None, np.ndarray]:
    """Return the embeddings of a model and their row numbers; None where there are none."""
    if "embedding" not in store.columns:
        return None, np.zeros(0, np.int64)
    rows = store.arrow(
        "SELECT t.rowid AS row, t.embedding FROM t WHERE t.model = ? AND t.embedding IS NOT NULL "
        "ORDER BY t.rowid",
        [store.code("model", model)],
    )
    return (
        (Neighbours.of(rows), rows["row"].to_numpy())
        if len(rows)
        else (None, np.zeros(0, np.int64))
    )
