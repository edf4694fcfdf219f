"""A store's groups as `evaluation.analysis.slices` needs them, from sums alone.

One query sums the rows of every combination of the groups (a few hundred of a million rows, more
where the rows come in clusters); every group and every pair of groups then follows from these.
Where there are too many combinations, each pair is a query of its own.
"""

from __future__ import annotations

from math import prod

import numpy as np

from evaluation.analysis.sql import AGE_ERROR, group_place, is_correct
from evaluation.analysis.summary import MAX_GROUP_VALUES
from evaluation.statistics.bootstrap import compact
from evaluation.statistics.counts import GroupedCounts
from evaluation.store.counts import cluster_unit, grouped_counts
from evaluation.store.filters import Where
from evaluation.store.store import Store

MAX_COMBINATIONS = 2_000_000
"""Combinations that are held at once: about 60 MB."""


class StoreGroups:
    """A `GroupSource` of the rows of `where`, which should name one model.

    Attributes:
        values: group -> its values, of each group with 2 to MAX_GROUP_VALUES of them, sorted.
        overall: all rows with a truth and a prediction, as one cell.
    """

    def __init__(self, store: Store, task: str, where: Where) -> None:
        self._store, self._where, self._is_share = store, where, task != "age"
        self.values = {
            name: values
            for name, values in store.groups.items()
            if 1 < len(values) <= MAX_GROUP_VALUES
        }
        self._outcome = is_correct(task) if self._is_share else f"abs({AGE_ERROR})"
        self._counts: dict[tuple[str, ...], GroupedCounts] = {}
        overall = self._query("0", 1, [], 0.0)
        self._center = 0.0 if self._is_share or not overall.total else float(overall.means[0])
        self.overall = overall if not self._center else self._query("0", 1, [], self._center)
        clusters = 1 if overall.by_cluster is None else overall.by_cluster.clusters
        combinations = prod(len(v) + 1 for v in self.values.values()) * clusters
        self._cube = (
            self._combinations() if min(combinations, self.total) <= MAX_COMBINATIONS else None
        )

    @property
    def total(self) -> int:
        """Rows with a truth and a prediction."""
        return self.overall.total

    def counts(self, *names: str) -> GroupedCounts:
        """See `evaluation.analysis.slices.GroupSource`."""
        if names not in self._counts:
            self._counts[names] = self._count(names)
        return self._counts[names]

    def _query(self, cell: str, size: int, params: list[int], center: float) -> GroupedCounts:
        return grouped_counts(
            self._store,
            self._where,
            cell,
            size,
            self._outcome,
            params,
            is_share=self._is_share,
            center=center,
            keep_clusters=True,
        )

    def _place(self, name: str) -> np.ndarray:
        """Return the place in `values` of each of the store's codes, -1 for none.

        The last is for NULL.
        """
        texts = self._store.texts[self._store.group_columns[name]]
        places = {value: i for i, value in enumerate(self.values[name])}
        return np.array([*(places.get(text, -1) for text in texts), -1])

    def _combinations(
        self,
    ) -> tuple[np.ndarray | None, dict[str, np.ndarray], list[np.ndarray]]:
        """Return per combination that occurs.

        Cluster, place of each group's value, [n, sums, squares].
        """
        clause, params = self._store.clause(self._where)
        columns = [self._store.group_columns[name] for name in self.values]
        listed = "".join(f", coalesce(t.{c}::INT, -1) AS g{i}" for i, c in enumerate(columns))
        inner = (
            f"SELECT {cluster_unit(self._store)} AS unit{listed}, ({self._outcome})::DOUBLE AS v "
            f"FROM t WHERE {clause}"
        )
        v = f"v - {self._center!r}"
        rows = self._store.arrow(
            f"SELECT unit{''.join(f', g{i}' for i in range(len(columns)))}, count(*) AS n, "
            f"sum(v) AS sums, sum(({v}) * ({v})) AS squares FROM ({inner}) "
            "WHERE v IS NOT NULL GROUP BY ALL",
            params,
        )
        places = {
            name: self._place(name)[rows[f"g{i}"].to_numpy()].astype(np.int16)
            for i, name in enumerate(self.values)
        }
        cluster = None
        if self._store.cluster is not None:
            cluster = compact(rows["unit"].to_numpy().astype(np.int64)).astype(np.int32)
        sums = [rows[c].to_numpy().astype(np.float64) for c in ("n", "sums", "squares")]
        return cluster, places, sums

    def _count(self, names: tuple[str, ...]) -> GroupedCounts:
        size = prod(len(self.values[n]) for n in names)
        if self._cube is None:
            cell, params = self._cell(names)
            return self._query(cell, size, params, self._center)
        cluster, places, sums = self._cube
        cell_of, unknown = np.zeros(len(sums[0]), np.int64), np.zeros(len(sums[0]), bool)
        for name in names:
            cell_of = cell_of * len(self.values[name]) + places[name]
            unknown |= places[name] < 0
        parts = self.overall.by_cluster
        return GroupedCounts.of_sums(
            np.where(unknown, -1, cell_of),
            size,
            sums,
            cluster=cluster,
            clusters=None if parts is None else parts.clusters,
            is_share=self._is_share,
            center=self._center,
        )

    def _cell(self, names: tuple[str, ...]) -> tuple[str, list[int]]:
        """Return SQL for the index of a row's values, and its parameters."""
        parts = [group_place(self._store, name) for name in names]
        cell = parts[0][0]
        if len(parts) > 1:
            cell = f"{cell} * {len(self.values[names[1]])} + {parts[1][0]}"
        return cell, [v for _, params in parts for v in params]
