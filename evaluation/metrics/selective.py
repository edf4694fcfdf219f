"""Selective prediction: a prediction is given where its confidence reaches a threshold.

In all functions `confidence` is float (N,), and `correct` bool (N,) whether the prediction is
right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluation.metrics.curves import counts
from evaluation.statistics.bootstrap import compact
from evaluation.statistics.intervals import students, wilson


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """The risk-coverage curve, each column (T,): one row per distinct confidence, highest first.

    Attributes:
        threshold: the confidence from which predictions are given.
        coverage: share of the samples with a prediction.
        risk: share of these predictions that is wrong.
    """

    threshold: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray

    def at(self, rows: np.ndarray) -> RiskCoverage:
        """Return only some rows of the curve, int (m,)."""
        return RiskCoverage(self.threshold[rows], self.coverage[rows], self.risk[rows])


def risk_coverage(
    confidence: np.ndarray, correct: np.ndarray, weight: np.ndarray | None = None
) -> RiskCoverage:
    """Return the risk-coverage curve (El-Yaniv and Wiener, JMLR 2010); empty without samples.

    Args:
        confidence: see the module.
        correct: see the module.
        weight: float (N,) of each sample, at least 0; None: 1 each.
    """
    cumulative = counts(confidence, correct, weight)
    covered = cumulative.hits + cumulative.alarms
    with np.errstate(invalid="ignore", divide="ignore"):
        return RiskCoverage(
            cumulative.threshold,
            covered / (covered[-1] if len(covered) else 1.0),
            cumulative.alarms / covered,
        )


def area(curve: RiskCoverage) -> float:
    """Return the area under the risk-coverage curve (AURC); NaN without samples.

    The risk at each sample's own confidence, averaged over samples (Geifman et al., ICLR 2019).
    """
    steps = np.diff(curve.coverage, prepend=0.0)
    return float(np.where(steps > 0, curve.risk, 0.0) @ steps) if len(steps) else float("nan")


def class_thresholds(
    confidence: np.ndarray,
    pred: np.ndarray,
    correct: np.ndarray,
    k: int,
    *,
    coverage: float | None = None,
    precision: float | None = None,
) -> np.ndarray:
    """Return the confidence from which each class is predicted, float64 (k,); inf for never.

    The thresholds are chosen on these samples, so expect a little less on others, above all for a
    class that is rarely predicted.

    Args:
        confidence: see the module.
        pred: int (N,) predicted classes, below `k`.
        correct: see the module.
        k: number of classes.
        coverage: take the highest threshold that keeps this share of a class's predictions.
        precision: take the lowest threshold from which this share is correct.

    Raises:
        ValueError: not exactly one of `coverage` and `precision`, or it lies outside (0, 1].
    """
    target = coverage if precision is None else precision
    if (coverage is None) == (precision is None) or target is None or not 0 < target <= 1:
        raise ValueError(
            f"Expected one of `coverage` and `precision`, in (0, 1], got {coverage} and "
            f"{precision}."
        )
    thresholds = np.full(k, np.inf)
    for c in np.unique(pred):
        curve = risk_coverage(confidence[pred == c], correct[pred == c])
        reached = curve.coverage if precision is None else 1 - curve.risk
        good = np.flatnonzero(reached >= target - 1e-12)
        if len(good):
            thresholds[c] = curve.threshold[good[0] if precision is None else good[-1]]
    return thresholds


def halves(n: int, *, seed: int = 0, cluster: np.ndarray | None = None) -> np.ndarray:
    """Return bool (n,): a random half of n samples, clusters (int (n,)) kept whole.

    Same seed, same half.
    """
    unit = np.arange(n) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    count = int(unit.max()) + 1 if n else 0
    return (np.random.default_rng(seed).permutation(count) < (count + 1) // 2)[unit]


def cross_fitted(
    choose: Callable[[np.ndarray], np.ndarray],
    confidence: np.ndarray,
    pred: np.ndarray,
    *,
    seed: int = 0,
    cluster: np.ndarray | None = None,
) -> np.ndarray:
    """Return bool (N,): the samples kept by thresholds that the other half of the samples chose.

    No sample helps to choose its own threshold, so coverage and precision among these are unbiased:
    they are those of thresholds from half as many samples, on new ones.

    Args:
        choose: bool (N,), the samples to choose on -> the thresholds of the classes, (k,).
        confidence: see the module.
        pred: int (N,) predicted classes, below k.
        seed: see `halves`.
        cluster: see `halves`.
    """
    first = halves(len(confidence), seed=seed, cluster=cluster)
    return np.asarray(confidence >= np.where(first, choose(~first)[pred], choose(first)[pred]))


def effective_sample_size(
    confidence: np.ndarray, correct: np.ndarray, cluster: np.ndarray
) -> np.ndarray:
    """Return the effective sample size (T,) of the predictions from each confidence on.

    One value per distinct confidence, highest first: the number of predictions over the design
    effect (Kish, Survey Sampling, 1965), which is the linearised variance of their accuracy over
    clusters against that of independent predictions; never more than their number. With few
    clusters that variance is itself uncertain, so the size is lowered such that a 95 % interval
    is one by Student's t (Korn and Graubard, Survey Methodology 1998). Where all
    predictions are correct, or all wrong, it is the number of clusters, as in
    `evaluation.statistics.counts`; 0 for a single cluster.

    Args:
        confidence: see the module.
        correct: see the module.
        cluster: int (N,).
    """
    order = np.argsort(-confidence, kind="stable")
    unit, hit = compact(cluster)[order], correct[order].astype(np.float64)
    by_cluster = np.argsort(unit, kind="stable")  # each cluster together, most confident first
    start = np.flatnonzero(np.diff(unit[by_cluster], prepend=-1))
    cluster_size = np.diff(start, append=len(unit))
    # Predictions, and correct ones, of the same cluster before each.
    before_n, before = np.zeros((2, len(unit)))
    before_n[by_cluster] = np.arange(len(unit)) - np.repeat(start, cluster_size)
    earlier = np.cumsum(hit[by_cluster]) - hit[by_cluster]
    before[by_cluster] = earlier - np.repeat(earlier[start], cluster_size)
    # Sums over clusters of correct predictions squared, of correct times all, and of all squared:
    # each prediction adds what it changes in its own cluster.
    correct_squared, crossed, all_squared = (
        np.cumsum(v)
        for v in ((2 * before + 1) * hit, before + hit * before_n + hit, 2 * before_n + 1)
    )
    n, clusters = np.arange(1.0, len(unit) + 1), np.cumsum(before_n == 0)
    share = np.cumsum(hit) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (
            np.maximum(correct_squared - 2 * share * crossed + share**2 * all_squared, 0)
            * clusters
            / (clusters - 1)
            / n**2
        )
        size = (
            np.minimum(share * (1 - share) / variance, n)
            * (students(np.inf) / students(clusters - 1)) ** 2
        )
    size = np.where((share == 0) | (share == 1), clusters, size)
    last = np.diff(confidence[order], append=np.nan) != 0  # the end of each run of equal confidence
    return np.asarray(np.where(clusters > 1, size, 0.0)[last])


def single_threshold(
    confidence: np.ndarray,
    correct: np.ndarray,
    precision: float,
    *,
    floor: float = 0.0,
    cluster: np.ndarray | None = None,
) -> float:
    """Choose one threshold for all classes.

    It is the lowest confidence from which the lower end of the accuracy's Wilson interval reaches
    `precision`, so that it holds on other samples too.

    Args:
        confidence: see the module.
        correct: see the module.
        precision: the accuracy to reach, in (0, 1].
        floor: the lowest threshold to return, in [0, 1].
        cluster: int (N,), where predictions are no independent evidence, such as those of one
            person; `effective_sample_size` then takes the place of their number.

    Returns:
        The threshold, rounded up to four digits; 1 where none suffices, so that nothing is
        predicted.

    Raises:
        ValueError: `precision` lies outside (0, 1], or `floor` outside [0, 1].
    """
    if not (0 < precision <= 1 and 0 <= floor <= 1):
        raise ValueError(
            f"Expected `precision` in (0, 1] and `floor` in [0, 1], got {precision} and {floor}."
        )
    curve = risk_coverage(confidence, correct)
    covered = np.rint(curve.coverage * len(correct)).astype(int)
    hits = covered - np.rint(curve.risk * covered).astype(int)
    size = covered if cluster is None else effective_sample_size(confidence, correct, cluster)
    rows = zip(curve.threshold, hits, covered, size, strict=True)
    good = [t for t, h, n, m in rows if wilson(float(h * m / n), float(m))[0] >= precision]
    return min(1.0, float(np.ceil(max(floor, good[-1]) * 1e4) / 1e4)) if good else 1.0


def cross_fitted_single(
    confidence: np.ndarray,
    correct: np.ndarray,
    precision: float,
    *,
    floor: float = 0.0,
    seed: int = 0,
    cluster: np.ndarray | None = None,
) -> tuple[float, np.ndarray]:
    """Return `single_threshold` of all samples, and which of them the other half's one keeps.

    Args:
        confidence: see the module.
        correct: see the module.
        precision: see `single_threshold`.
        floor: see `single_threshold`.
        seed: see `halves`.
        cluster: int (N,), see `single_threshold`; clusters are kept whole.

    Returns:
        The threshold, in [0, 1], and bool (N,); see `cross_fitted`.
    """

    def choose(rows: np.ndarray) -> float:
        own = None if cluster is None else cluster[rows]
        return single_threshold(
            confidence[rows], correct[rows], precision, floor=floor, cluster=own
        )

    kept = cross_fitted(
        # A threshold of 1 keeps nothing, even where the confidence is 1.
        lambda rows: np.array([limit if (limit := choose(rows)) < 1 else np.inf]),
        confidence,
        np.zeros(len(confidence), np.int64),
        seed=seed,
        cluster=cluster,
    )
    return choose(np.ones(len(confidence), bool)), kept
