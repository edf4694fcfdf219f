"""The search for slices that are worse than all other samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.special import stdtr

from evaluation.analysis.by_group.group_source import GroupSource
from evaluation.statistics.bootstrap import unless_equal
from evaluation.statistics.counts import CHUNK_CELLS, GroupedCounts
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.intervals import students
from evaluation.statistics.significance import benjamini_hochberg

ROUNDING_SHARE = 1e-14
"""Squares of a group, as a share of all, below which they count as none: what rounding leaves."""


@dataclass(frozen=True, slots=True)
class SliceFinding:
    """A slice that is worse than all other samples.

    Attributes:
        conditions: column -> value, one or two.
        loss: mean error rate, or years.
        p, p_adjusted: one-sided, alone and after Benjamini and Hochberg.
        worse_by: mean loss of the slice minus that of all other samples.
    """

    conditions: dict[str, str]
    n: int
    loss: float
    p: float
    worse_by: Estimate
    p_adjusted: float = float("nan")


@dataclass(frozen=True, slots=True)
class SliceSearch:
    """The slices that are worse than the rest, worst first, of `looked_at` that were tested."""

    looked_at: int
    slices: list[SliceFinding]


def one_sided(difference: float, error: float, freedom: float) -> float:
    """Return the one-sided p: small where a difference is above 0 by more than chance (t-test).

    Args:
        difference: the estimate.
        error: its standard error, at least 0.
        freedom: its degrees of freedom.

    Returns:
        p in [0, 1]; 0 or 1 where the error is 0; NaN where the degrees are not above 0.
    """
    if error == 0:
        return 0.0 if difference > 0 else 1.0
    return float(stdtr(freedom, -difference / error)) if freedom > 0 else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class CellTests:
    """Cells against all other samples, all (cells,).

    Attributes:
        n: samples in each cell.
        mean: mean of their losses.
        difference: that mean minus the mean of all other samples.
        error, freedom: the difference's standard error and degrees of freedom.
    """

    n: np.ndarray
    mean: np.ndarray
    difference: np.ndarray
    error: np.ndarray
    freedom: np.ndarray


def cell_tests(counts: GroupedCounts, overall: GroupedCounts) -> CellTests:
    """Test every cell of losses against all other samples: Welch's test, or one over clusters."""
    if counts.by_cluster is None:
        return _independent_tests(counts, overall)
    n_overall, sums_overall = overall.by_cluster_in(np.zeros(1, np.int64))
    tests = []
    for start in range(0, len(counts.n), CHUNK_CELLS):
        cells = np.arange(start, min(start + CHUNK_CELLS, len(counts.n)))
        n, sums = counts.by_cluster_in(cells)
        tests.append(_clustered_tests(n, sums, n_overall, sums_overall))
    names = CellTests.__dataclass_fields__
    return CellTests(*(np.concatenate([getattr(t, name) for t in tests]) for name in names))


def _independent_tests(counts: GroupedCounts, overall: GroupedCounts) -> CellTests:
    """Test all groups as independent samples (Welch's test)."""
    total, losses, squares = (float(v[0]) for v in (overall.n, overall.sums, overall.squares))
    # Sums about the center are small, so that their squares do not cancel.
    centered = counts.sums - counts.n * counts.center
    rest, rest_centered = total - counts.n, (losses - total * overall.center) - centered
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, other = counts.means, (losses - counts.sums) / rest
        inside = counts.squares - centered**2 / counts.n
        outside = (squares - counts.squares) - rest_centered**2 / rest
        inside, outside = (np.where(s > ROUNDING_SHARE * squares, s, 0) for s in (inside, outside))
        own_variance = inside / (counts.n - 1) / counts.n
        rest_variance = outside / (rest - 1) / rest
        variance = np.stack([own_variance, rest_variance])  # (2, cells)
        both = variance.sum(axis=0)
        freedom = both**2 / (variance[0] ** 2 / (counts.n - 1) + variance[1] ** 2 / (rest - 1))
        return CellTests(counts.n, mean, mean - other, np.sqrt(both), freedom)


def _clustered_tests(
    n: np.ndarray, sums: np.ndarray, n_overall: np.ndarray, sums_overall: np.ndarray
) -> CellTests:
    """Test all groups by what each cluster adds to the difference, linearised.

    The variance is that of a sum of independent clusters (Liang and Zeger, Biometrika 1986).

    Args:
        n: samples, (clusters, cells).
        sums: their losses, (clusters, cells).
        n_overall: samples of the clusters, (clusters, 1).
        sums_overall: their losses, (clusters, 1).
    """
    total, losses, clusters = n.sum(axis=0), sums.sum(axis=0), len(n)
    rest = n_overall.sum() - total
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, other = losses / total, (sums_overall.sum() - losses) / rest
        outside = sums_overall - sums - other * (n_overall - n)
        influence = (sums - mean * n) / total - outside / rest
        error = np.sqrt((influence**2).sum(axis=0) * clusters / (clusters - 1))
        freedom = np.minimum((n > 0).sum(axis=0), (n_overall > n).sum(axis=0)) - 1.0
        return CellTests(total, mean, mean - other, error, freedom)


def search(source: GroupSource, *, support: int, fdr: float) -> SliceSearch:
    """Search slices of one or two conditions that are worse than all other samples.

    All slices with `support` samples inside and outside are tested and corrected together; one of
    two conditions is reported only where it is worse than both of its halves.

    Args:
        source: counts of the outcome.
        support: samples that a slice must have.
        fdr: share of false alarms allowed.
    """
    overall = _losses(source.overall)
    values, total = source.values, overall.total
    single = {name: cell_tests(_losses(source.counts(name)), overall) for name in values}
    tested: list[tuple[SliceFinding, bool]] = []
    for name, tests in single.items():
        beyond = np.ones(len(tests.n), bool)
        conditions = [{name: v} for v in values[name]]
        tested += _tested(tests, conditions, tests.n, beyond, support, total)
    for a, b in combinations(values, 2):
        tests = cell_tests(_losses(source.counts(a, b)), overall)
        i, j = np.divmod(np.arange(len(tests.n)), len(values[b]))
        halves = ((single[a].n[i], single[a].mean[i]), (single[b].n[j], single[b].mean[j]))
        enough = np.logical_and.reduce([(n >= support) & (n <= total - support) for n, _ in halves])
        # Where a half has no sample more, one condition alone is the same slice.
        same = np.logical_or.reduce([n == tests.n for n, _ in halves])
        with np.errstate(invalid="ignore"):
            beyond = np.logical_and.reduce([tests.mean > mean for _, mean in halves])
        conditions = [{a: v, b: w} for v in values[a] for w in values[b]]
        counted = np.where(enough & ~same, tests.n, 0)
        tested += _tested(tests, conditions, counted, beyond, support, total)
    adjusted = benjamini_hochberg(np.array([finding.p for finding, _ in tested]))
    kept = [
        replace(finding, p_adjusted=float(p))
        for (finding, beyond), p in zip(tested, adjusted, strict=True)
        if p < fdr and beyond
    ]
    return SliceSearch(len(tested), sorted(kept, key=lambda s: -(s.worse_by.value or 0.0)))


def _losses(outcome: GroupedCounts) -> GroupedCounts:
    return outcome.complement() if outcome.is_share else outcome


def _tested(
    tests: CellTests,
    conditions: Sequence[dict[str, str]],
    counted: np.ndarray,
    beyond: np.ndarray,
    support: int,
    total: int,
) -> list[tuple[SliceFinding, bool]]:
    """Return the cells with support, and whether each is worse than both of its halves."""
    results = []
    half = students(tests.freedom) * tests.error  # of the same t as p
    for at in np.flatnonzero((counted >= support) & (counted <= total - support)):
        difference, n = float(tests.difference[at]), int(tests.n[at])
        p = one_sided(difference, float(tests.error[at]), float(tests.freedom[at]))
        ends = unless_equal(difference - float(half[at]), difference + float(half[at]))
        worse_by = Estimate.of(difference, ends, n)
        finding = SliceFinding(conditions[int(at)], n, float(tests.mean[at]), p, worse_by)
        results.append((finding, bool(beyond[at])))
    return results
