"""Rows of which estimates are made with numpy, and the name of the method that makes intervals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluation.statistics.bootstrap import MAX_CLUSTERS, ROUNDS, count_distinct, merged
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Method:
    """How the 95 % intervals of a report were made.

    Attributes:
        shares, means, others: the method of each kind of estimate.
        clusters: how many clusters the samples come in; None where they are independent.
        by: the column that names the clusters.
        rounds: of the bootstrap.
        text: the same in a sentence, for a reader.
    """

    shares: str
    means: str
    others: str
    clusters: int | None
    by: str | None
    rounds: int
    text: str

    @classmethod
    def of(cls, clusters: int | None, by: str | None, *, paired: bool = False) -> Method:
        """Return the method for independent samples (`clusters` None) or clustered ones.

        Or for differences of two models on the same samples (`paired`).
        """
        if clusters is None and paired:
            text = "paired bootstrap; Student's t for means of differences"
            return cls(
                "paired bootstrap", "Student's t", "paired bootstrap", None, by, ROUNDS, text
            )
        if clusters is None:
            text = "Wilson for shares, Student's t for means, bootstrap for all else"
            return cls("Wilson", "Student's t", "bootstrap", None, by, ROUNDS, text)
        kind = "paired clustered bootstrap" if paired else "clustered bootstrap"
        text = f"{kind} over {clusters} values of `{by}`"
        text += (
            f", drawn in {MAX_CLUSTERS} bundles" if clusters > MAX_CLUSTERS and not paired else ""
        )
        return cls(kind, kind, kind, clusters, by, ROUNDS, text)


class Sample:
    """N rows of which estimates are made; `evaluation.statistics.counts` has the methods.

    Attributes:
        n: rows.
        cluster: int (n,) from 0, or None for independent rows.
        by: what the clusters are called.

    Raises:
        ValueError: `cluster` has another shape.
    """

    def __init__(self, n: int, cluster: np.ndarray | None = None, by: str | None = None) -> None:
        if cluster is not None and cluster.shape != (n,):
            raise ValueError(f"Expected `cluster` of shape {(n,)}, got {cluster.shape}.")
        self.n, self.cluster, self.by = n, cluster, by

    @cached_property
    def unit(self) -> np.ndarray | None:
        """Int (n,): the clusters as they are drawn, merged where there are very many."""
        return None if self.cluster is None else merged(self.cluster)

    def part(self, rows: np.ndarray) -> Sample:
        """Return only some rows: bool (n,), or ascending int (m,) indices."""
        m = int(rows.sum()) if rows.dtype == bool else len(rows)
        if m == self.n or self.cluster is None:
            return self if m == self.n else Sample(m, None, self.by)
        return Sample(m, self.cluster[rows], self.by)

    @cached_property
    def clusters(self) -> int | None:
        """How many clusters there are; None where rows are independent."""
        return None if self.cluster is None else count_distinct(self.cluster)

    @property
    def method(self) -> Method:
        """How intervals are made."""
        return Method.of(self.clusters, self.by)

    def counts(
        self,
        cell: np.ndarray,
        size: int,
        values: np.ndarray | None = None,
        *,
        is_share: bool = False,
    ) -> GroupedCounts:
        """Return the counts of the rows by cell.

        Args:
            cell: int (n,) below `size`; a row with a negative one counts nowhere.
            size: number of cells.
            values: float (n,), or None where only counts are wanted; rows of NaN count nowhere.
            is_share: values are 0 or 1.
        """
        center = 0.0
        if values is not None and not is_share and len(values):
            center = float(np.nanmean(values)) if not np.isnan(values).all() else 0.0
        return GroupedCounts.of_rows(
            cell, size, values, cluster=self.unit, is_share=is_share, center=center
        )

    def share(self, hit: np.ndarray) -> Estimate:
        """Return the share of the rows that are hits, bool (n,)."""
        return self.shares(hit, np.zeros(self.n, np.int64), 1)[0]

    def shares(self, hit: np.ndarray, cell: np.ndarray, size: int) -> list[Estimate]:
        """Return the share of hits among the rows of each cell.

        Args:
            hit: bool (n,).
            cell: int (n,) below `size`; a row with a negative one counts nowhere.
            size: number of cells.
        """
        return self.counts(cell, size, hit.astype(np.float64), is_share=True).estimates()

    def mean(
        self, values: np.ndarray, *, minimum: float = -np.inf, maximum: float = np.inf
    ) -> Estimate:
        """Return the mean of values, float (n,), in their range from `minimum` to `maximum`."""
        cell = np.zeros(self.n, np.int64)
        return self.means(values, cell, 1, minimum=minimum, maximum=maximum)[0]

    def means(
        self,
        values: np.ndarray,
        cell: np.ndarray,
        size: int,
        *,
        minimum: float = -np.inf,
        maximum: float = np.inf,
    ) -> list[Estimate]:
        """Return the mean of values over the rows of each cell.

        Args:
            values: float (n,); rows of NaN count nowhere.
            cell: int (n,) below `size`; a row with a negative one counts nowhere.
            size: number of cells.
            minimum: lower end of the values' range, such as 0 of absolute errors.
            maximum: upper end of it.
        """
        return self.counts(cell, size, values).estimates(minimum=minimum, maximum=maximum)
