"""Counts of a store's rows together with the same counts drawn again: what an interval needs, at
any size of table.

Rows alone are drawn as a multinomial of their counts. Where the tables name persons or films, these
are drawn whole: beyond UNITS of them they are first merged at random, evenly, into UNITS, as
`evaluation.statistics.bootstrap` explains (2 % of noise on an interval's width).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evaluation.statistics import intervals
from evaluation.statistics.bootstrap import ROUNDS, percentiles, times_drawn
from evaluation.statistics.estimate import Estimate
from evaluation.store.filters import Where
from evaluation.store.store import Store

UNITS = 1000


@dataclass(frozen=True, eq=False)
class Drawn:
    """counts: int64 (size,) rows of each cell. totals: float32 (units, size), what each person or
    film adds; None where rows are drawn.
    """

    counts: np.ndarray
    totals: np.ndarray | None
    rounds: int = ROUNDS

    @property
    def n(self) -> int:
        """Rows in all cells."""
        return int(self.counts.sum())

    @cached_property
    def drawn(self) -> np.ndarray:
        """float64 (rounds, size): the counts of every round; no round without rows."""
        if self.n == 0:
            return np.zeros((0, len(self.counts)))
        if self.totals is None:
            share = self.counts / self.n
            return (
                np.random.default_rng(0)
                .multinomial(self.n, share, size=self.rounds)
                .astype(np.float64)
            )
        return (times_drawn(len(self.totals), self.rounds) @ self.totals).astype(
            np.float64
        )  # (rounds, units) @ (units, size)

    def share(self, hits: np.ndarray, among: np.ndarray) -> Estimate:
        """The share of the cells bool (size,) `hits` in those of `among`: Wilson's interval, or
        over persons as `values.Sample` has it.
        """
        top, n = int(self.counts[hits & among].sum()), int(self.counts[among].sum())
        if self.totals is None or n == 0:
            return Estimate.of_share(top, n)
        with np.errstate(invalid="ignore", divide="ignore"):
            low, high = percentiles(
                self.drawn[:, hits & among].sum(axis=1) / self.drawn[:, among].sum(axis=1)
            )
        if low == high:  # no round can change it
            people = int((self.totals[:, among].sum(axis=1) > 0).sum())
            low, high = (
                intervals.wilson(people if top else 0, people)
                if top in (0, n)
                else (float("nan"),) * 2
            )
        return Estimate.of(top / n, (low, high), n)

    def of(
        self,
        statistic: Callable[[np.ndarray], np.ndarray],
        n: int | None = None,
        exact: float | None = None,
    ) -> Estimate:
        """A figure of counts (..., size) -> (...). exact: the figure where the cells give it
        roughly; the interval moves along.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            value = float(statistic(self.counts.astype(np.float64)))
            spread = (
                percentiles(np.asarray(statistic(self.drawn), dtype=np.float64))
                if self.n
                else (float("nan"),) * 2
            )
        move = 0.0 if exact is None else exact - value
        return Estimate.of(
            value + move, (spread[0] + move, spread[1] + move), self.n if n is None else n
        )


def counted(
    store: Store,
    where: Where,
    cell: str,
    size: int,
    params: Sequence[Any] = (),
    *,
    units: int = UNITS,
    rounds: int = ROUNDS,
) -> Drawn:
    """Rows of `where` by `cell`: SQL of ours on `t` with `params` that gives an index below `size`,
    or NULL for rows that count nowhere.
    """
    clause, values = store.clause(where)
    found = store.arrow(
        f"SELECT {unit(store, units)} AS unit, {cell} AS at, count(*) AS n FROM t WHERE {clause} GROUP BY 1, 2",
        [*params, *values],
    )
    found = found.filter(found["at"].is_valid())
    at, n = found["at"].to_numpy().astype(np.int64), found["n"].to_numpy().astype(np.int64)
    counts = np.bincount(at, n, size).astype(np.int64)
    if store.cluster is None or not len(at):
        return Drawn(counts, None, rounds)
    people, place = np.unique(found["unit"].to_numpy(), return_inverse=True)
    totals = np.bincount(place * size + at, n, len(people) * size).reshape(len(people), size)
    return Drawn(counts, totals.astype(np.float32), rounds)


def rows(store: Store, where: Where, cell: str, size: int) -> np.ndarray:
    """int64 (size,): rows of `where` by `cell`, as `counted` has it."""
    clause, params = store.clause(where)
    counts = np.zeros(size, np.int64)
    for at, n in store.sql(f"SELECT {cell}, count(*) FROM t WHERE {clause} GROUP BY 1", params):
        if at is not None:
            counts[at] = n
    return counts


def person(store: Store, table: str = "t") -> str:
    """SQL: a number for the person or film of a row; a row without a name is its own, and every row
    where the tables name none.
    """
    return (
        f"{table}.key"
        if store.cluster is None
        else f"coalesce({table}.{store.cluster}::BIGINT, -1 - {table}.rowid)"
    )


def few(store: Store, where: Where, most: int) -> str:
    """SQL: a condition that holds for about `most` rows of `where`, or all where there are no more;
    persons and films whole. It goes by a hash, so the same rows come each time.
    """
    return f"hash({person(store)}) % {max(1, -(-store.count(where) // most)):d} = 0"


def unit(store: Store, units: int = UNITS, table: str = "t") -> str:
    """SQL: the person or film of a row, merged into `units` where there are more; a row without a
    name is its own; 0 without names.
    """
    if store.cluster is None:
        return "0"
    who = person(store, table)
    known = store.remember(
        ("people", units),
        lambda: store.sql(f"SELECT approx_count_distinct({who}) FROM t AS {table}")[0][0],
    )
    return f"(hash({who}) % {units:d})::INT" if known > units // 2 else who


def method(store: Store) -> str:
    """How the intervals of this store are made, for whoever reads them."""
    if store.cluster is None:
        return "Wilson for shares, bootstrap for all else"
    return f"clustered bootstrap over the values of `{store.cluster}`"
