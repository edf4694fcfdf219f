"""Whether a difference is more than chance.

Paired tests, and p-values adjusted to control errors over many tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import bdtr, chdtrc, stdtr

from evaluation.statistics.bootstrap import compact

FEW_PAIRS = 25
"""Below this number of discordant pairs McNemar's test is exact."""


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p that A and B are right equally often (McNemar, 1947).

    Exact (binomial) below FEW_PAIRS discordant pairs, else chi-squared with continuity correction;
    1 without any.

    Args:
        only_a: number of samples that only A has right.
        only_b: number of samples that only B has right.

    Raises:
        ValueError: a number below 0.

    >>> round(mcnemar(1, 9), 4)
    0.0215
    """
    if min(only_a, only_b) < 0:
        raise ValueError(f"Expected counts of at least 0, got {only_a} and {only_b}.")
    n = only_a + only_b
    if n < FEW_PAIRS:
        return min(1.0, 2 * float(bdtr(min(only_a, only_b), n, 0.5))) if n else 1.0
    return float(chdtrc(1, (abs(only_a - only_b) - 1) ** 2 / n))


def paired_t(differences: np.ndarray, cluster: np.ndarray | None = None) -> float:
    """Return the two-sided p that the mean difference is 0 (Student's paired t-test).

    With clusters, the variance is that of the clusters' sums (Liang and Zeger, Biometrika 1986),
    and the degrees of freedom are one less than the clusters.

    Args:
        differences: float (N,).
        cluster: int (N,): samples of one number are no independent evidence; None: all are.

    Returns:
        p in [0, 1]; 1 where all differences are 0; NaN below two samples or clusters, or where all
        are the same other number, which does not say how differences vary.
    """
    sums = differences - differences.mean() if len(differences) else differences
    if cluster is not None:
        at = compact(cluster)
        sums = np.bincount(at, sums)
    n = len(sums)
    if n < 2:
        return float("nan")
    mean, spread = (
        float(differences.mean()),
        float(sums @ sums * n / (n - 1)) ** 0.5 / len(differences),
    )
    if np.ptp(differences) == 0:
        return 1.0 if mean == 0 else float("nan")
    # clusters that are all alike say nothing of how clusters differ
    if spread <= 1e-14 * abs(mean) or spread == 0:
        return float("nan")
    return 2 * float(stdtr(n - 1, -abs(mean) / spread))


def holm(p: np.ndarray) -> np.ndarray:
    """Return p adjusted against any false alarm among N tests (Holm, 1979).

    Calling those below 0.05 significant keeps the chance of any false alarm under 5 %.

    Args:
        p: float (N,), in [0, 1]; NaN stays NaN and is not counted as a test.

    Returns:
        Adjusted p, float64 (N,).
    """
    return _adjust(
        p, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1))
    )


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return p adjusted for the share of false alarms (Benjamini and Hochberg, JRSS B 1995).

    Of those below 0.05 at most 5 % are expected to be false alarms.

    Args:
        p: float (N,), in [0, 1]; NaN stays NaN and is not counted as a test.

    Returns:
        Adjusted p, float64 (N,).
    """

    def rise(ordered: np.ndarray) -> np.ndarray:
        return np.minimum.accumulate(
            (ordered * len(ordered) / np.arange(1, len(ordered) + 1))[::-1]
        )[::-1]

    return _adjust(p, rise)


def _adjust(p: np.ndarray, rule: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    adjusted = np.full(len(p), np.nan)
    valid = np.flatnonzero(~np.isnan(p))
    order = valid[np.argsort(p[valid], kind="stable")]
    adjusted[order] = np.minimum(rule(p[order]), 1.0)
    return adjusted
