"""The mean of a number (0 or 1: a share) over the rows of each cell of a store, with 95 %
intervals, from sums alone: at any size.

Rows alone give Wilson's interval of a share and Student's of any other mean; where the tables name
persons or films, these are drawn whole, see `drawn`. What does not vary has no interval but as a
share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.statistics import intervals
from evaluation.statistics.bootstrap import ROUNDS, apart, spread, times_drawn
from evaluation.statistics.estimate import Estimate
from evaluation.store.filters import Where
from evaluation.store.resampled import UNITS, unit
from evaluation.store.store import Store

CHUNK = 1000
"""Cells that are drawn at a time: 8 MB a thousand units."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What each of `units` persons or films adds to each cell, where it adds anything: all arrays
    (M,).
    """

    units: int
    unit: np.ndarray
    at: np.ndarray
    n: np.ndarray
    sums: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """Per cell, float64 (size,): n rows, the sum of their number v, and the sum of (v - middle) **
    2. share: v is 0 or 1. parts: None where rows are drawn alone.
    """

    n: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    middle: float
    share: bool
    parts: Parts | None

    @property
    def values(self) -> np.ndarray:
        """(size,): the mean of each cell, NaN without rows."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.sums / self.n

    @property
    def errors(self) -> np.ndarray:
        """(size,): the standard error of each mean of rows drawn alone; NaN below two rows."""
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation = np.maximum(self.squares - self.n * (self.values - self.middle) ** 2, 0)
            return np.where(self.n > 1, np.sqrt(deviation / (self.n - 1) / self.n), np.nan)

    def by_unit(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and sums of each person or film in int (K,) `cells`, each float64 (units, K)."""
        assert self.parts is not None
        k, place = len(cells), np.full(len(self.n), -1)
        place[cells] = np.arange(k)
        there = place[self.parts.at] >= 0
        at = self.parts.unit[there] * k + place[self.parts.at[there]]
        made = [
            np.bincount(at, w[there], self.parts.units * k).reshape(-1, k)
            for w in (self.parts.n, self.parts.sums)
        ]
        return made[0], made[1]

    def drawn(self, cells: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums and rows of int (K,) `cells` in each round, each float64 (ROUNDS, K)."""
        at = np.asarray(cells, np.int64)
        if self.parts is not None:
            n, sums = self.by_unit(at)
            times = times_drawn(self.parts.units)  # (rounds, units)
            return (times @ sums.astype(np.float32)).astype(np.float64), (
                times @ n.astype(np.float32)
            ).astype(np.float64)
        rng, n = np.random.default_rng(0), self.n[at]
        rows = np.broadcast_to(n, (ROUNDS, len(at)))
        if self.share:
            return rng.binomial(
                n.astype(np.int64), np.nan_to_num(self.values[at]), rows.shape
            ).astype(np.float64), rows
        return (self.values[at] + rng.normal(size=rows.shape) * self.errors[at]) * n, rows

    def figures(self) -> list[Estimate]:
        """The mean of every cell with its interval."""
        if self.parts is None:
            if self.share:
                return [
                    Estimate.of_share(round(s), int(n))
                    for s, n in zip(self.sums, self.n, strict=True)
                ]
            half = intervals.students(self.n - 1) * self.errors
            return [
                Estimate.of(v, apart(v - h, v + h), int(n))
                for v, h, n in zip(self.values, half, self.n, strict=True)
            ]
        made = []
        for start in range(0, len(self.n), CHUNK):
            cells = np.arange(start, min(start + CHUNK, len(self.n)))
            sums, rows = self.drawn(cells)
            people = (self.by_unit(cells)[0] > 0).sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                means = sums / rows
            for j, c in enumerate(cells):
                made.append(self._figure(int(c), spread(means[:, j]), int(people[j])))
        return made

    def _figure(self, c: int, ends: tuple[float, float], people: int) -> Estimate:
        n, value = int(self.n[c]), self.values[c]
        if people < 2:
            ends = (float("nan"),) * 2
        if (
            self.share and n and self.sums[c] in (0, n)
        ):  # no round can change it: as many samples as persons
            ends = intervals.wilson(people if self.sums[c] else 0, people)
        return Estimate.of(value, ends, n)

    def whole(self) -> Summed:
        """All cells as one."""
        n, sums, squares = (np.atleast_1d(v.sum()) for v in (self.n, self.sums, self.squares))
        parts = self.parts
        if parts is not None:
            of_n, of_sums = (np.bincount(parts.unit, w, parts.units) for w in (parts.n, parts.sums))
            parts = Parts(
                parts.units, np.arange(parts.units), np.zeros(parts.units, np.int64), of_n, of_sums
            )
        return Summed(n, sums, squares, self.middle, self.share, parts)

    def difference(self, a: int, b: int) -> Estimate:
        """The mean of cell `b` minus that of cell `a`; n: rows of both."""
        value, n = self.values[b] - self.values[a], int(self.n[a] + self.n[b])
        if self.parts is None and not self.share:
            own, free = self.errors[[a, b]] ** 2, self.n[[a, b]] - 1
            with np.errstate(invalid="ignore", divide="ignore"):
                half = (
                    float(intervals.students(own.sum() ** 2 / (own**2 / free).sum()))
                    * float(own.sum()) ** 0.5
                )  # Welch
            return Estimate.of(value, apart(value - half, value + half), n)
        sums, rows = self.drawn([a, b])
        with np.errstate(invalid="ignore", divide="ignore"):
            ends = spread(np.diff(sums / rows, axis=1)[:, 0])
        enough = min(self.n[a], self.n[b]) > 1
        return Estimate.of(value, ends if enough else (float("nan"),) * 2, n)


def summed(
    store: Store,
    where: Where,
    cell: str,
    size: int,
    value: str,
    params: Sequence[Any] = (),
    *,
    share: bool = False,
    middle: float = 0.0,
) -> Summed:
    """The mean of `value` over the rows of `where` by `cell`: SQL of ours on `t`, with `params` for
    both in this order; cell gives an index below `size`; rows where either is NULL count nowhere.
    middle: near the mean where that is large against the spread.
    """
    return several(store, where, cell, size, [value], params, share=share, middle=middle)[0]


def several(
    store: Store,
    where: Where,
    cell: str,
    size: int,
    values: Sequence[str],
    params: Sequence[Any] = (),
    *,
    share: bool = False,
    middle: float = 0.0,
) -> list[Summed]:
    """As `summed`, for several values that are known or NULL together, in one query."""
    clause, more = store.clause(where)
    listed = ", ".join(f"({value})::DOUBLE AS v{i}" for i, value in enumerate(values))
    sums = ", ".join(
        f"sum(v{i}) AS s{i}, sum((v{i} - {middle!r}) * (v{i} - {middle!r})) AS q{i}"
        for i in range(len(values))
    )
    text = (
        f"SELECT unit, place, count(*) AS n, {sums} FROM (SELECT {unit(store, UNITS)} AS unit, coalesce({cell}, -1) AS place, {listed} "
        f"FROM t WHERE {clause}) WHERE v0 IS NOT NULL GROUP BY 1, 2"
    )
    found = store.arrow(text, [*params, *more])
    people = (
        np.unique(found["unit"].to_numpy(), return_inverse=True)[1]
        if store.cluster is not None
        else None
    )
    at, n = found["place"].to_numpy().astype(np.int64), found["n"].to_numpy().astype(np.float64)
    weights = [
        [n, *(found[f"{c}{i}"].to_numpy().astype(np.float64) for c in "sq")]
        for i in range(len(values))
    ]
    return [grouped(people, at, size, w, middle, share) for w in weights]


def grouped(
    people: np.ndarray | None,
    at: np.ndarray,
    size: int,
    weights: Sequence[np.ndarray],
    middle: float,
    share: bool,
) -> Summed:
    """`Summed` of what was summed already, all (M,). people: 0, 1, ... without gaps, None: rows are
    drawn alone; at: cells, negative: none; weights: n, sums and squares.
    """
    there = at >= 0
    kept = [w[there] for w in (at, *weights)]
    n, sums, squares = (np.bincount(kept[0], w, size).astype(np.float64) for w in kept[1:])
    if people is None or not len(people):
        return Summed(n, sums, squares, middle, share, None)
    units = int(people.max()) + 1
    key = people[there].astype(np.int64) * size + kept[0]
    if units * size <= 20 * len(key) + 1000:
        counts = np.bincount(key, kept[1], units * size)
        full = np.flatnonzero(counts)
        of_n, of_sums = counts[full], np.bincount(key, kept[2], units * size)[full]
    else:
        full, back = np.unique(key, return_inverse=True)
        of_n, of_sums = (np.bincount(back, w) for w in kept[1:3])
    return Summed(
        n, sums, squares, middle, share, Parts(units, full // size, full % size, of_n, of_sums)
    )


def method(store: Store) -> str:
    """How `Summed` makes its intervals for this store, for whoever reads them."""
    if store.cluster is None:
        return "Wilson for shares, Student's t for means"
    return f"clustered bootstrap over the values of `{store.cluster}`"
