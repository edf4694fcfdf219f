"""Counts and sums by cell, and the estimates that follow from them.

The one place where intervals of tables are made.

One method per kind of statistic:

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
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from evaluation.statistics import intervals
from evaluation.statistics.bootstrap import (
    MAX_CLUSTERS,
    ROUNDS,
    times_drawn,
    unless_equal,
)
from evaluation.statistics.cell_sums import CellSums
from evaluation.statistics.estimate import Estimate

CHUNK_CELLS = 1000
"""Cells that are drawn at a time: 8 MB a thousand clusters."""
MAX_DRAWN_CELLS = 4096
"""Occurring cells up to which independent samples are drawn cell by cell: a confusion matrix of 64
classes. Beyond, they are drawn in bundles, as many clusters are.
"""

Statistic = Callable[[np.ndarray], np.ndarray]
"""Counts (..., cells) -> (...)."""


class GroupedCounts(CellSums):
    """Samples by cell, and the estimates of a number v of each that follow from their sums."""

    __slots__ = ()

    def drawn_sums(self, cells: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return sums and samples of int (K,) `cells` in each round, each float64 (ROUNDS, K).

        Independent samples of a cell are drawn by what their mean's distribution is: binomial for
        a share, normal otherwise.
        """
        at = np.asarray(cells, np.int64)
        if self.by_cluster is not None:
            n, sums = (v.astype(np.float32) for v in self.by_cluster_in(at))
            times = times_drawn(len(n))  # (rounds, clusters)
            return (times @ sums).astype(np.float64), (times @ n).astype(np.float64)
        rng, n = np.random.default_rng(0), self.n[at]
        rows = np.broadcast_to(n, (ROUNDS, len(at)))
        if self.is_share:
            share = np.clip(np.nan_to_num(self.means[at]), 0, 1)
            return rng.binomial(n.astype(np.int64), share, rows.shape).astype(np.float64), rows
        noise = rng.normal(size=rows.shape) * self.standard_errors[at]
        return (self.means[at] + noise) * n, rows

    def estimates(self, *, minimum: float = -np.inf, maximum: float = np.inf) -> list[Estimate]:
        """Return the mean of v in every cell, with its interval.

        Args:
            minimum: lower end of v's range, 0 of a share.
            maximum: upper end of it, 1 of a share.
        """
        if self.by_cluster is None and self.is_share:
            return [
                Estimate.of_share(round(s), int(n)) for s, n in zip(self.sums, self.n, strict=True)
            ]
        if self.by_cluster is None:
            half = intervals.students(self.n - 1) * self.standard_errors
            lows, highs = (np.clip(self.means + h, minimum, maximum) for h in (-half, half))
            return [
                Estimate.of(v, unless_equal(low, high), int(n))
                for v, low, high, n in zip(self.means, lows, highs, self.n, strict=True)
            ]
        if self.is_share:
            minimum, maximum = 0.0, 1.0
        results = []
        for start in range(0, len(self.n), CHUNK_CELLS):
            cells = np.arange(start, min(start + CHUNK_CELLS, len(self.n)))
            sums, rows = self.drawn_sums(cells)
            clusters = (self.by_cluster_in(cells)[0] > 0).sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                drawn = sums / rows
            results += [
                self._clustered(int(c), drawn[:, i], int(clusters[i]), minimum, maximum)
                for i, c in enumerate(cells)
            ]
        return results

    def _clustered(
        self, cell: int, drawn: np.ndarray, clusters: int, minimum: float, maximum: float
    ) -> Estimate:
        n, value = int(self.n[cell]), float(self.means[cell])
        if self.is_share and n and self.sums[cell] in (0, n):  # no round can change it
            return Estimate.of(
                value, intervals.wilson(clusters if self.sums[cell] else 0, clusters), n
            )
        if clusters < 2:
            return Estimate.of(value, n=n)
        return Estimate.centred(value, drawn, n, minimum=minimum, maximum=maximum)

    def estimate(self, *, minimum: float = -np.inf, maximum: float = np.inf) -> Estimate:
        """Return the mean of v over all cells; arguments as for `estimates`."""
        return self.merged().estimates(minimum=minimum, maximum=maximum)[0]

    def share(self, hits: np.ndarray, among: np.ndarray | None = None) -> Estimate:
        """Return the share of the samples that lie in some of the cells.

        Args:
            hits: bool (cells,), those cells.
            among: bool (cells,), the cells whose samples count; None for all.
        """
        groups = np.zeros(len(self.n), np.int64) if among is None else np.where(among, 0, -1)
        return self.shares(hits, groups, 1)[0]

    def shares(self, hits: np.ndarray, groups: np.ndarray, size: int) -> list[Estimate]:
        """Return the share of the samples that lie in some of the cells, for each group of cells.

        Args:
            hits: bool (cells,), those cells.
            groups: int (cells,) below `size`; cells of a negative one count nowhere.
            size: number of groups.
        """
        n, parts = self.n * hits, self.by_cluster
        if parts is not None:
            parts = replace(parts, sums=parts.n * hits[parts.cell])
        return GroupedCounts(self.n, n, n, 0.0, True, parts).merged(groups, size).estimates()

    def statistic(
        self,
        statistic: Statistic,
        *,
        exact: float | None = None,
        minimum: float = -np.inf,
        maximum: float = np.inf,
    ) -> Estimate:
        """Return any statistic of the counts, with a bootstrap interval.

        Args:
            statistic: counts (..., cells) -> (...).
            exact: the statistic where the cells give it only roughly.
            minimum: lower end of its range.
            maximum: upper end of it.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            value = float(statistic(self.n)) if exact is None else exact
            drawn = np.asarray(statistic(drawn_counts(self)), dtype=np.float64)
        return Estimate.centred(value, drawn, self.total, minimum=minimum, maximum=maximum)

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
            drawn = np.diff(sums / rows, axis=1)[:, 0]
        return Estimate.centred(value, drawn if min(self.n[[a, b]]) > 1 else drawn[:0], n)


@lru_cache(maxsize=4)  # several statistics are made of the same counts, one after the other
def drawn_counts(counts: GroupedCounts) -> np.ndarray:
    """Return the samples of each cell in each round, float64 (ROUNDS, cells).

    No round without samples.
    """
    cells = len(counts.n)
    return drawn_totals(counts, [(np.arange(cells), cells)])[0]


def drawn_totals(
    counts: GroupedCounts, groupings: Sequence[tuple[np.ndarray, int]]
) -> list[np.ndarray]:
    """Return the samples of groups of cells in each round, the same rounds for all groupings.

    Args:
        counts: the samples.
        groupings: int (cells,) groups, of which negative ones count nowhere, and their number.

    Returns:
        For each grouping float64 (ROUNDS, groups); no round without samples.
    """
    if counts.total == 0:
        return [np.zeros((0, size)) for _, size in groupings]
    cells = np.flatnonzero(counts.n)  # empty ones would only move the random numbers
    if counts.by_cluster is None and len(cells) > MAX_DRAWN_CELLS:
        counts = _in_bundles(counts, cells)
    if counts.by_cluster is not None:
        merged = (counts.merged(groups, size) for groups, size in groupings)
        totals = [part.by_cluster_in(np.arange(len(part.n)))[0] for part in merged]
        return [(times_drawn(len(n)) @ n.astype(np.float32)).astype(np.float64) for n in totals]
    shares = counts.n[cells] / counts.total
    drawn = np.random.default_rng(0).multinomial(counts.total, shares, size=ROUNDS)
    return [_added(drawn, groups[cells], size) for groups, size in groupings]


def _added(drawn: np.ndarray, groups: np.ndarray, size: int) -> np.ndarray:
    """Add up the columns of (ROUNDS, cells) by int (cells,) groups -> float64 (ROUNDS, size)."""
    inside = np.flatnonzero(groups >= 0)
    belongs = csr_array(
        (np.ones(len(inside)), (groups[inside], inside)), shape=(size, drawn.shape[1])
    )
    return np.ascontiguousarray((belongs @ drawn.T).T)


def _in_bundles(counts: GroupedCounts, cells: np.ndarray) -> GroupedCounts:
    """Return independent samples put into MAX_CLUSTERS bundles by chance, which are drawn whole.

    As `evaluation.statistics.bootstrap` explains for clusters. Its cost goes with the samples; to
    draw cell by cell goes with the cells times the rounds.
    """
    rows = np.repeat(cells, counts.n[cells].astype(np.int64))
    bundle = np.random.default_rng(0).integers(0, MAX_CLUSTERS, len(rows))
    return GroupedCounts.of_rows(rows, len(counts.n), cluster=bundle, clusters=MAX_CLUSTERS)
