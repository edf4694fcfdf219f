"""A store's groups, from sums alone.

One query sums the rows of every combination of the groups (a few hundred of a million rows, more
where the rows come in clusters); every group and every pair of groups then follows from these.
Where there are too many combinations, each pair is a query of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from evaluation.analysis.by_group.group_source import GroupSource, OutcomeRows
from evaluation.analysis.by_group.groups import MAX_GROUP_VALUES
from evaluation.analysis.sql import coded, outcome
from evaluation.statistics.bootstrap import MAX_CLUSTERS, compact
from evaluation.store.counts import cluster_unit
from evaluation.store.filters import Where
from evaluation.store.store import Store

MAX_COMBINATIONS = 2_000_000
"""Combinations that are held at once: about 60 MB."""


class StoreGroups(GroupSource):
    """The outcomes of the rows of `where`, which should name one model.

    Attributes:
        values: group -> its values, of each group with 2 to MAX_GROUP_VALUES of them, sorted.
    """

    def __init__(self, store: Store, task: str, where: Where) -> None:
        self._store, self._where = store, where
        is_number = store.is_regression(task)
        self._outcome = f"({outcome(store, task)})::DOUBLE"
        clause, params = store.clause(where)
        [(n, mean)] = store.sql(
            f"SELECT count(v), avg(v) FROM (SELECT {self._outcome} AS v FROM t WHERE {clause})",
            params,
        )
        values = {k: v for k, v in store.groups.items() if 1 < len(v) <= MAX_GROUP_VALUES}
        super().__init__(values, is_share=not is_number, center=(mean or 0) * is_number)
        clusters = min(store.cluster_count, MAX_CLUSTERS) if store.cluster else 1
        combinations = prod(len(v) + 1 for v in values.values()) * clusters
        fits = min(combinations, n) <= MAX_COMBINATIONS
        self._rows = self._query(tuple(values)) if fits else None

    def rows(self, names: Sequence[str]) -> OutcomeRows:
        """See `GroupSource`."""
        return self._rows or self._query(names)

    def _query(self, names: Sequence[str]) -> OutcomeRows:
        """Return the sums of the outcome by the groups `names` and by cluster, in one query."""
        store = self._store
        clause, params = store.clause(self._where)
        columns = "".join(
            f"t.{store.group_columns[name]} AS g{i}, " for i, name in enumerate(names)
        )
        distance = f"(v - {self.center!r})"
        rows = store.arrow(
            f"SELECT * EXCLUDE (v), count(*) AS n, sum(v) AS sums, "
            f"sum({distance} * {distance}) AS squares FROM "
            f"(SELECT {columns}{cluster_unit(store)} AS unit, {self._outcome} AS v FROM t "
            f"WHERE {clause}) WHERE v IS NOT NULL GROUP BY ALL",
            params,
        )
        unit = compact(rows["unit"].to_numpy().astype(np.int64)) if store.cluster else None
        return OutcomeRows(
            {
                name: coded(store, name, rows[f"g{i}"]).codes.astype(np.int16)
                for i, name in enumerate(names)
            },
            [rows[c].to_numpy().astype(np.float64) for c in ("n", "sums", "squares")],
            unit,
        )
