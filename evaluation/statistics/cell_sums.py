"""Samples counted and summed by cell, and by cluster where they come in clusters.

Two producers give the same sums for the same rows: `CellSums.of_rows` with numpy, and
`evaluation.store.counts` with SQL's GROUP BY.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from evaluation.statistics.bootstrap import compact

ROUNDING = 1e-12
"""Share of a sum of squares below which its rest is rounding: all values are equal."""


@dataclass(frozen=True, slots=True, eq=False)
class ClusterCounts:
    """What each of `clusters` clusters adds to each cell, where it adds anything: all (M,)."""

    clusters: int
    cluster: np.ndarray
    cell: np.ndarray
    n: np.ndarray
    sums: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class CellSums:
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
    ) -> Self:
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
    ) -> Self:
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
        is_dense = clusters * size <= 20 * len(key) + 1000
        full, place = (
            (np.arange(clusters * size), key) if is_dense else np.unique(key, return_inverse=True)
        )
        own_n, own_sums = (np.bincount(place, v, len(full)) for v in sums[:2])
        if is_dense:
            full = np.flatnonzero(own_n)
            own_n, own_sums = own_n[full], own_sums[full]
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

    def complement(self) -> Self:
        """Return the counts of 1 - v."""
        parts = self.by_cluster
        if parts is not None:
            parts = replace(parts, sums=parts.n - parts.sums)
        return replace(self, sums=self.n - self.sums, center=1 - self.center, by_cluster=parts)

    def merged(self, groups: np.ndarray | None = None, size: int = 1) -> Self:
        """Return the counts of cells put together.

        Args:
            groups: int (cells,) below `size`; cells of negative ones are dropped, None puts all
                into one.
            size: number of groups.
        """
        groups = np.zeros(len(self.n), np.int64) if groups is None else groups
        sums = (self.n, self.sums, self.squares)
        joined = type(self).of_sums(groups, size, sums, is_share=self.is_share, center=self.center)
        parts = self.by_cluster
        if parts is None:
            return joined
        own = type(self).of_sums(
            groups[parts.cell],
            size,
            (parts.n, parts.sums, parts.n),
            cluster=parts.cluster,
            clusters=parts.clusters,
        )
        return replace(joined, by_cluster=own.by_cluster)

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
