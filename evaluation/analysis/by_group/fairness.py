"""Gaps between the groups of each group column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.analysis.by_group.group_source import GroupSource
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate


@dataclass(frozen=True, slots=True)
class GroupExtreme:
    """The best or worst value of a group column: its figure (accuracy, or years) and samples."""

    value: str
    figure: float
    n: int


@dataclass(frozen=True, slots=True)
class GroupValue:
    """One value of a group column; gap, ratio: against all other samples of known value."""

    value: str
    figure: Estimate
    gap: Estimate
    ratio: Estimate


@dataclass(frozen=True, slots=True)
class GroupGap:
    """The gap between the best and the worst value of one group column.

    Intervals are those of the two named values. They were chosen as the extremes, so of many equal
    groups more than one time in forty the interval leaves out 0: `values` is the fairer question.

    Attributes:
        gap: between the best and the worst value.
        ratio: the worse divided by the better; for accuracy the smaller over the larger (1: equal).
    """

    group: str
    best: GroupExtreme
    worst: GroupExtreme
    gap: Estimate
    ratio: Estimate
    values: list[GroupValue]


def fairness(source: GroupSource, *, support: int) -> list[GroupGap]:
    """Return the gap of each group column with two values of `support` samples.

    Of the accuracy or, for ages, of the error.
    """
    results = []
    for name, values in source.values.items():
        counts = source.counts(name)
        if (counts.n >= support).sum() > 1:
            results.append(_gap(name, values, counts, support))
    return results


def _gap(name: str, values: Sequence[str], counts: GroupedCounts, support: int) -> GroupGap:
    """Return the gap between the values of one group column that have `support` samples."""
    rows = np.flatnonzero(counts.n >= support)
    low_is_good = not counts.is_share
    sizes, means = counts.n[rows].astype(np.int64), counts.means[rows]
    n = int(sizes.sum())
    sums, drawn_n = counts.drawn_sums(rows)
    order = np.argsort(means if low_is_good else -means, kind="stable")
    estimates = counts.estimates(minimum=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = sums / drawn_n  # (rounds, rows)
        best, worst = drawn[:, order[0]], drawn[:, order[-1]]
        gap = worst - best if low_is_good else best - worst
        low, high = means.min(), means.max()
        ratio = float(high / low if low_is_good else low / high)
        rest = (sums.sum(axis=1, keepdims=True) - sums) / (
            drawn_n.sum(axis=1, keepdims=True) - drawn_n
        )
        others = (means @ sizes - means * sizes) / (n - sizes)
        against = [
            GroupValue(
                values[int(c)],
                estimates[c],
                _bootstrapped(means[i] - others[i], drawn[:, i] - rest[:, i], n),
                _bootstrapped(means[i] / others[i], drawn[:, i] / rest[:, i], n),
            )
            for i, c in enumerate(rows)
        ]
        best_value, worst_value = (
            GroupExtreme(values[rows[at]], float(means[at]), int(sizes[at]))
            for at in (order[0], order[-1])
        )
        return GroupGap(
            name,
            best_value,
            worst_value,
            _bootstrapped(float(np.ptp(means)), gap, n),
            _bootstrapped(ratio, worst / best, n),
            against,
        )


def _bootstrapped(value: float, drawn: np.ndarray, n: int) -> Estimate:
    """Return an estimate with its bootstrap interval, none where a round is not finite."""
    return Estimate.centred(value, drawn if np.isfinite(drawn).all() else drawn[:0], n)
