"""Counts and sums by cell, and the estimates that follow from them.

The one place where intervals of tables are made.

Two producers give the same counts for the same rows: `GroupedCounts.of_rows` with numpy, and
`evaluation.store.counts` with SQL's GROUP BY. One method per kind of statistic:

- a share: Wilson's score interval (Wilson, JASA 1927);
- a mean: Student's t; the difference of two means: Welch's t;
- anything else, such as a macro F1: a bootstrap of the cells' counts (multinomial), centred as
  `evaluation.statistics.bootstrap.centred` explains;
- where samples come in clusters, such as pictures of one person, everything: a bootstrap that draws
  whole clusters (Field and Welsh, 2007), centred likewise. A share that no round can change (all
  correct, say) gets Wilson's interval for as many samples as clusters.

What does not vary has no interval, except as a share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from evaluation.statistics import intervals
from evaluation.statistics.bootstrap import (
    ROUNDS,
    centred,
    compact,
    times_drawn,
    unless_equal,
)
from evaluation.statistics.estimate import NO_INTERVAL, Estimate

ROUNDING = 1e-12
"""Of a sum of squares: what is left below this share of it, where all values are equal."""
CHUNK_CELLS = 1000
"""Cells that are drawn at a time: 8 MB a thousand clusters."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""Counts (..., cells) -> (...)."""


@dataclass(frozen=True, slots=True, eq=False)
class ClusterCounts:
    """What each of `clusters` clusters adds to each cell, where it adds anything: all (M,)."""

    clusters: int
    cluster: np.ndarray
    cell: np.ndarray
    n: np.ndarray
    sums: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class GroupedCounts:
    """Samples by cell, and the sums of one number v of each.

    Attributes:
        n: float64 (cells,) samples.
        sums: float64 (cells,) sum of v.
        squares: float64 (cells,) sum of (v - center) ** 2.
        center: near the mean of v where that is large against the spread.
        is_share: v is 0 or 1.
        by_cluster: None where samples are independent.
    """

    n: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    center: float
    is_share: bool
    by_cluster: ClusterCounts | None

    @classmethod
    def of_rows(
        cls,
        cell: np.ndarray,
        size: int,
        values: np.ndarray | None = None,
        *,
        cluster: np.ndarray | None = None,
        clusters: int | None = None,
        is_share: bool = False,
        center: float = 0.0,
    ) -> GroupedCounts:
        """Count rows with numpy.

        Args:
            cell: int (N,) below `size`; a row with a negative one counts nowhere.
            size: number of cells.
            values: float (N,), or None where only counts are wanted; rows of NaN count nowhere.
            cluster: int (N,) as `evaluation.statistics.bootstrap.merged` gives them, or None for
                independent rows.
            clusters: see `of_sums`.
            is_share: values are 0 or 1.
            center: see the class.
        """
        ones = np.ones(len(cell))
        v = ones if values is None else values.astype(np.float64, copy=False)
        if values is not None and np.isnan(v).any():
            has_value = ~np.isnan(v)
            cell, v, ones = cell[has_value], v[has_value], ones[has_value]
            cluster = None if cluster is None else cluster[has_value]
        is_binary = center == 0 and (is_share or values is None)  # then v ** 2 is v
        sums = (ones, v, v if is_binary else (v - center) ** 2)
        return cls.of_sums(
            cell,
            size,
            sums,
            cluster=cluster,
            clusters=clusters,
            is_share=is_share,
            center=center,
        )

    @classmethod
    def of_sums(
        cls,
        cell: np.ndarray,
        size: int,
        sums: Sequence[np.ndarray],
        *,
        cluster: np.ndarray | None = None,
        clusters: int | None = None,
        is_share: bool = False,
        center: float = 0.0,
    ) -> GroupedCounts:
        """Add up what was counted already, as a GROUP BY gives it.

        Args:
            cell: int (M,) below `size`; negative: counts nowhere.
            size: number of cells.
            sums: n, sums and squares, each (M,).
            cluster: int (M,), or None for independent samples.
            clusters: how many there are, if `cluster` is below that and its numbers are to be
                kept; else those that occur in the cells are numbered 0, 1, ... in order.
            is_share: see the class.
            center: see the class.
        """
        if len(cell) and cell.min() < 0:
            inside = cell >= 0
            cell, sums = cell[inside], [v[inside] for v in sums]
            cluster = None if cluster is None else cluster[inside]
        totals = {id(v): np.bincount(cell, v, size).astype(np.float64) for v in sums}
        n, total, squares = (totals[id(v)] for v in sums)  # the same array is added up once
        if cluster is None or not len(cluster):
            return cls(n, total, squares, center, is_share, None)
        if clusters is None:
            cluster = compact(cluster)
            clusters = int(cluster.max()) + 1
        key = cluster.astype(np.int64) * size + cell
        if clusters * size <= 20 * len(key) + 1000:
            counts = np.bincount(key, sums[0], clusters * size)
            full = np.flatnonzero(counts)
            own_n, own_sums = counts[full], np.bincount(key, sums[1], clusters * size)[full]
        else:
            full, back = np.unique(key, return_inverse=True)
            own_n, own_sums = (np.bincount(back, v) for v in sums[:2])
        parts = ClusterCounts(clusters, full // size, full % size, own_n, own_sums)
        return cls(n, total, squares, center, is_share, parts)

    @property
    def total(self) -> int:
        """Samples in all cells."""
        return int(self.n.sum())

    @property
    def means(self) -> np.ndarray:
        """Mean of v in each cell, float64 (cells,); NaN without samples."""
        with np.errstate(invalid="ignore", divide="ignore"):
            means: np.ndarray = self.sums / self.n
        return means

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard error of each mean of independent samples, (cells,); NaN below two samples."""
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation = self.squares - self.n * (self.means - self.center) ** 2
            deviation = np.where(deviation > ROUNDING * self.squares, deviation, 0)
            return np.where(self.n > 1, np.sqrt(deviation / (self.n - 1) / self.n), np.nan)

    def complement(self) -> GroupedCounts:
        """Return the counts of 1 - v."""
        parts = self.by_cluster
        if parts is not None:
            parts = replace(parts, sums=parts.n - parts.sums)
        return replace(self, sums=self.n - self.sums, center=1 - self.center, by_cluster=parts)

    def merged(self, groups: np.ndarray, size: int) -> GroupedCounts:
        """Return the counts of cells put together.

        Int (cells,) `groups` below `size`; negative ones are dropped.
        """
        sums = (self.n, self.sums, self.squares)
        joined = GroupedCounts.of_sums(
            groups, size, sums, is_share=self.is_share, center=self.center
        )
        parts = self.by_cluster
        if parts is None:
            return joined
        own = GroupedCounts.of_sums(
            groups[parts.cell],
            size,
            (parts.n, parts.sums, parts.n),
            cluster=parts.cluster,
            clusters=parts.clusters,
        )
        return replace(joined, by_cluster=own.by_cluster)

    def overall(self) -> GroupedCounts:
        """Return all cells as one."""
        return self.merged(np.zeros(len(self.n), np.int64), 1)

    def by_cluster_in(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return samples and sums of each cluster in int (K,) `cells`, each (clusters, K)."""
        parts = self.by_cluster
        assert parts is not None
        k, place = len(cells), np.full(len(self.n), -1)
        place[cells] = np.arange(k)
        inside = place[parts.cell] >= 0
        key = parts.cluster[inside] * k + place[parts.cell[inside]]
        n, sums = (
            np.bincount(key, v[inside], parts.clusters * k).reshape(-1, k)
            for v in (parts.n, parts.sums)
        )
        return n, sums

    def drawn_sums(self, cells: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return sums and samples of int (K,) `cells` in each round, each float64 (ROUNDS, K).

        Independent samples of a cell are drawn by what their mean's distribution is: binomial for
        a share, normal otherwise.
        """
        at = np.asarray(cells, np.int64)
        if self.by_cluster is not None:
            n, sums = self.by_cluster_in(at)
            times = times_drawn(len(n))  # (rounds, clusters)
            return (times @ sums.astype(np.float32)).astype(np.float64), (
                times @ n.astype(np.float32)
            ).astype(np.float64)
        rng, n = np.random.default_rng(0), self.n[at]
        rows = np.broadcast_to(n, (ROUNDS, len(at)))
        if self.is_share:
            share = np.clip(np.nan_to_num(self.means[at]), 0, 1)
            return rng.binomial(n.astype(np.int64), share, rows.shape).astype(np.float64), rows
        noise = rng.normal(size=rows.shape) * self.standard_errors[at]
        return (self.means[at] + noise) * n, rows

    def drawn_counts(self, rounds: int = ROUNDS) -> np.ndarray:
        """Return float64 (rounds, cells).

        The samples of each cell in each round; no round without samples.
        """
        total = self.total
        if total == 0:
            return np.zeros((0, len(self.n)))
        cells = np.flatnonzero(self.n)  # empty ones would only move the random numbers
        drawn = np.zeros((rounds, len(self.n)))
        if self.by_cluster is None:
            rng = np.random.default_rng(0)
            drawn[:, cells] = rng.multinomial(total, self.n[cells] / total, size=rounds)
        else:
            counts, _ = self.by_cluster_in(cells)
            drawn[:, cells] = times_drawn(len(counts), rounds) @ counts.astype(np.float32)
        return drawn

    def estimates(self) -> list[Estimate]:
        """Return the mean of v in every cell, with its interval."""
        if self.by_cluster is None and self.is_share:
            return [
                Estimate.of_share(round(s), int(n)) for s, n in zip(self.sums, self.n, strict=True)
            ]
        if self.by_cluster is None:
            half = intervals.students(self.n - 1) * self.standard_errors
            return [
                Estimate.of(v, unless_equal(v - h, v + h), int(n))
                for v, h, n in zip(self.means, half, self.n, strict=True)
            ]
        results = []
        for start in range(0, len(self.n), CHUNK_CELLS):
            cells = np.arange(start, min(start + CHUNK_CELLS, len(self.n)))
            sums, rows = self.drawn_sums(cells)
            clusters = (self.by_cluster_in(cells)[0] > 0).sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                drawn = sums / rows
            results += [
                self._clustered(int(c), drawn[:, i], int(clusters[i])) for i, c in enumerate(cells)
            ]
        return results

    def _clustered(self, cell: int, drawn: np.ndarray, clusters: int) -> Estimate:
        n, value = int(self.n[cell]), float(self.means[cell])
        if not self.is_share:
            ends = centred(value, drawn) if clusters > 1 else NO_INTERVAL
        elif n and self.sums[cell] in (0, n):  # no round can change it
            ends = intervals.wilson(clusters if self.sums[cell] else 0, clusters)
        else:
            ends = centred(value, drawn, minimum=0, maximum=1) if clusters > 1 else NO_INTERVAL
        return Estimate.of(value, ends, n)

    def estimate(self) -> Estimate:
        """Return the mean of v over all cells."""
        return self.overall().estimates()[0]

    def share(self, hits: np.ndarray, among: np.ndarray) -> Estimate:
        """Return the share of the samples in cells bool (cells,) `hits` of those in `among`."""
        pair = self.merged(np.where(among, np.where(hits, 1, 0), -1), 2)
        hit = GroupedCounts(pair.n, np.array([0.0, pair.n[1]]), pair.n, 0.0, True, None)
        parts = pair.by_cluster
        if parts is not None:
            sums = np.where(parts.cell == 1, parts.n, 0.0)
            hit = replace(hit, by_cluster=replace(parts, sums=sums))
        return hit.estimate()

    def statistic(
        self,
        statistic: Statistic,
        *,
        exact: float | None = None,
        minimum: float = -np.inf,
        maximum: float = np.inf,
        rounds: int = ROUNDS,
    ) -> Estimate:
        """Return any statistic of the counts, with a bootstrap interval.

        Args:
            statistic: counts (..., cells) -> (...).
            exact: the statistic where the cells give it only roughly.
            minimum: lower end of its range.
            maximum: upper end of it.
            rounds: of the bootstrap.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            value = float(statistic(self.n)) if exact is None else exact
            drawn = np.asarray(statistic(_drawn_counts(self, rounds)), dtype=np.float64)
        ends = centred(value, drawn, minimum=minimum, maximum=maximum)
        return Estimate.of(value, ends, self.total)

    def difference(self, a: int, b: int) -> Estimate:
        """Return the mean of cell `b` minus that of cell `a`; n: samples of both."""
        value, n = float(self.means[b] - self.means[a]), int(self.n[a] + self.n[b])
        if self.by_cluster is None and not self.is_share:
            variance, freedom = self.standard_errors[[a, b]] ** 2, self.n[[a, b]] - 1
            with np.errstate(invalid="ignore", divide="ignore"):
                welch = variance.sum() ** 2 / (variance**2 / freedom).sum()
                half = float(intervals.students(welch)) * float(variance.sum()) ** 0.5
            return Estimate.of(value, unless_equal(value - half, value + half), n)
        sums, rows = self.drawn_sums([a, b])
        with np.errstate(invalid="ignore", divide="ignore"):
            ends = centred(value, np.diff(sums / rows, axis=1)[:, 0])
        enough = min(self.n[a], self.n[b]) > 1
        return Estimate.of(value, ends if enough else NO_INTERVAL, n)


@lru_cache(maxsize=4)  # several statistics are made of the same counts, one after the other
def _drawn_counts(counts: GroupedCounts, rounds: int) -> np.ndarray:
    return counts.drawn_counts(rounds)
