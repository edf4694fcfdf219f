"""Each sample's outcome by group columns: the counts that gaps and slices are found in.

The outcome is 1 for a correct class, or years of absolute error. `RowGroups` has them from arrays,
`evaluation.analysis.store_groups` from a store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from evaluation.analysis.by_group.groups import MAX_GROUP_VALUES
from evaluation.predictions.arrays import Coded, coded
from evaluation.statistics.bootstrap import compact
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.sample import Sample


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeRows:
    """M rows, each of one or several samples.

    Attributes:
        codes: column -> int (M,) places among its values, -1 where unknown.
        sums: samples, sum of the outcome, and of its squared distance to the center, each (M,).
        cluster: int (M,) from 0 without gaps, or None for independent samples.
    """

    codes: Mapping[str, np.ndarray]
    sums: Sequence[np.ndarray]
    cluster: np.ndarray | None


class GroupSource(ABC):
    """Grouped counts of the outcome.

    Args:
        values: group column -> its values.
        is_share: the outcome is 0 or 1, not years.
        center: near the mean of the years.
    """

    def __init__(
        self, values: Mapping[str, Sequence[str]], *, is_share: bool, center: float
    ) -> None:
        self.values, self.is_share, self.center = values, is_share, center

    @abstractmethod
    def rows(self, names: Sequence[str]) -> OutcomeRows:
        """Return all samples with an outcome, by at least these columns."""

    @cached_property
    def overall(self) -> GroupedCounts:
        """All samples with an outcome, as one cell."""
        return self.counts()

    @property
    def total(self) -> int:
        """Samples with an outcome."""
        return self.overall.total

    def counts(self, *names: str) -> GroupedCounts:
        """Count by the values of some columns, the last one's running fastest.

        Clusters are numbered as in `overall`.
        """
        rows, size = self.rows(names), prod(len(self.values[name]) for name in names)
        first = rows.codes[names[0]] if names else np.zeros(len(rows.sums[0]))
        cell = first.astype(np.int64, copy=False)
        for name in names[1:]:
            codes = rows.codes[name]
            cell = np.where((cell < 0) | (codes < 0), -1, cell * len(self.values[name]) + codes)
        return GroupedCounts.of_sums(
            cell,
            size,
            rows.sums,
            cluster=rows.cluster,
            clusters=None if rows.cluster is None else int(rows.cluster.max(initial=-1)) + 1,
            is_share=self.is_share,
            center=self.center,
        )


class RowGroups(GroupSource):
    """The outcomes of arrays.

    Args:
        outcome: float (n,), 1 for a correct class or years of absolute error.
        groups: column -> values of the n rows.
        sample: how the rows are clustered; None: they are independent.
        is_share: the outcome is 0 or 1.
    """

    def __init__(
        self,
        outcome: np.ndarray,
        groups: Mapping[str, np.ndarray | Coded],
        sample: Sample | None = None,
        *,
        is_share: bool,
    ) -> None:
        columns = {n: coded(g) if isinstance(g, np.ndarray) else g for n, g in groups.items()}
        values = {n: g.values for n, g in columns.items() if 0 < len(g.values) <= MAX_GROUP_VALUES}
        center = 0.0 if is_share or not len(outcome) else float(outcome.mean())
        super().__init__(values, is_share=is_share, center=center)
        sample = sample or Sample(len(outcome))
        self.method = sample.method
        squares = outcome if is_share else (outcome - center) ** 2
        self._rows = OutcomeRows(
            {name: columns[name].codes for name in values},
            (np.ones(len(outcome)), outcome, squares),
            None if sample.unit is None else compact(sample.unit),
        )

    def rows(self, names: Sequence[str]) -> OutcomeRows:
        """See `GroupSource`."""
        return self._rows
