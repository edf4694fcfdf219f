"""Grouped counts of a store's rows by SQL's GROUP BY.

Equal to those of `GroupedCounts.of_rows`, which numpy computes, at any size of table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.statistics.bootstrap import HASH_FACTOR, HASH_RANGE, MAX_CLUSTERS
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.sample import Method
from evaluation.store.filters import Where
from evaluation.store.store import Store


def grouped_counts(
    store: Store,
    where: Where,
    cell: str,
    size: int,
    value: str = "1",
    places: np.ndarray | None = None,
    *,
    is_share: bool = False,
) -> GroupedCounts:
    """Return the counts of the rows of `where` by cell, with the sums of a number of each.

    Args:
        store: the tables.
        where: which rows.
        cell: SQL on `t`, never written by users, that gives an index below `size`, NULL for rows
            that count nowhere.
        size: number of cells.
        value: SQL of the same kind that gives a number; rows where it is NULL count nowhere.
        places: int (M,) if given: `cell` gives an index into it, and it the cell, -1 for none.
        is_share: see `GroupedCounts`.
    """
    return several_counts(store, where, cell, size, [value], places, is_share=is_share)[0]


def several_counts(
    store: Store,
    where: Where,
    cell: str,
    size: int,
    values: Sequence[str],
    places: np.ndarray | None = None,
    *,
    is_share: bool = False,
) -> list[GroupedCounts]:
    """Return `grouped_counts` of several values, in one query.

    Args:
        store: see `grouped_counts`.
        where: see `grouped_counts`.
        cell: see `grouped_counts`.
        size: see `grouped_counts`.
        values: SQL of each value; all are NULL in the same rows.
        places: see `grouped_counts`.
        is_share: see `grouped_counts`.
    """
    clause, params = store.clause(where)
    listed = ", ".join(f"({value})::DOUBLE AS v{i}" for i, value in enumerate(values))
    sums = ", ".join(f"sum(v{i}) AS s{i}, sum(v{i} * v{i}) AS q{i}" for i in range(len(values)))
    rows = store.arrow(
        f"SELECT unit, cell, count(*) AS n, {sums} FROM (SELECT {cluster_unit(store)} AS unit, "
        f"{cell} AS cell, {listed} FROM t WHERE {clause}) "
        "WHERE v0 IS NOT NULL AND cell IS NOT NULL GROUP BY 1, 2",
        params,
    )
    columns = {name: rows[name].to_numpy().astype(np.float64) for name in rows.column_names}
    cluster = None if store.cluster is None else columns["unit"].astype(np.int64)
    cells = columns["cell"].astype(np.int64)
    cells = cells if places is None else places[cells]
    return [
        GroupedCounts.of_sums(
            cells,
            size,
            (columns["n"], columns[f"s{i}"], columns[f"q{i}"]),
            cluster=cluster,
            is_share=is_share,
        )
        for i in range(len(values))
    ]


def row_counts(store: Store, where: Where, cell: str, size: int) -> np.ndarray:
    """Return int64 (size,): rows of `where` by `cell`, without what intervals need."""
    clause, params = store.clause(where)
    counts = np.zeros(size, np.int64)
    for i, n in store.sql(f"SELECT {cell}, count(*) FROM t WHERE {clause} GROUP BY 1", params):
        if i is not None:
            counts[i] = n
    return counts


def cluster_number(store: Store, table: str = "t") -> str:
    """Return SQL for the number of a row's cluster, such as a person or film.

    A row without a name is a cluster of its own, and so is every row where the tables name none.
    """
    if store.cluster is None:
        return f"{table}.key"
    names = store.cluster_names
    return f"coalesce({table}.{store.cluster}::UBIGINT, ({names} + {table}.rowid)::UBIGINT)"


def cluster_unit(store: Store) -> str:
    """Return SQL for a row's cluster as `evaluation.statistics.bootstrap.merged` numbers it.

    0 where the tables name none.
    """
    if store.cluster is None:
        return "0"
    number = cluster_number(store)
    if store.cluster_count <= MAX_CLUSTERS:
        return number
    spread = f"({number} * {HASH_FACTOR}) % {HASH_RANGE}"
    return f"(({spread} * {MAX_CLUSTERS}) // {HASH_RANGE})::INT"


def about(store: Store, where: Where, max_rows: int) -> str:
    """Return an SQL condition that samples about `max_rows` rows of `where`, or all if fewer.

    It goes by a hash: clusters stay together, and the sample is the same each time.
    """
    return f"hash({_cluster_or_row(store)}) % {max(1, -(-store.count(where) // max_rows)):d} = 0"


def half(store: Store) -> str:
    """Return SQL for the half, 0 or 1, that a row belongs to; clusters stay together."""
    return f"hash({_cluster_or_row(store)} + 1) % 2"


def _cluster_or_row(store: Store) -> str:
    """Return SQL for what is hashed: the cluster, or the row where it has none."""
    if store.cluster is None:
        return "t.key"
    return f"coalesce(t.{store.cluster}::BIGINT, -1 - t.rowid)"


def method(store: Store) -> str:
    """Return how the intervals of this store are made, for a reader."""
    if store.cluster is None:
        return Method.of(None, None).text
    return f"clustered bootstrap over the values of `{store.cluster}`"
