"""Saying nothing when unsure.

`confidence` is float (N,), `correct` bool (N,) whether the answer was true.

An answer is given where the confidence is at least the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.metrics.curves import counts
from evaluation.statistics.bootstrap import compact
from evaluation.statistics.intervals import students, wilson


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """All (T,), one per distinct confidence, highest first.

    Share of samples answered, and share of those that is wrong.
    """

    threshold: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray


def risk_coverage(
    confidence: np.ndarray, correct: np.ndarray, weight: np.ndarray | None = None
) -> RiskCoverage:
    """The risk-coverage curve (El-Yaniv and Wiener, JMLR 2010); empty without samples.

    weight: float (N,) >= 0 of each sample.
    """
    seen = counts(confidence, correct, weight)
    answered = seen.hits + seen.alarms
    with np.errstate(invalid="ignore", divide="ignore"):
        return RiskCoverage(
            seen.threshold,
            answered / (answered[-1] if len(answered) else 1.0),
            seen.alarms / answered,
        )


def aurc(confidence: np.ndarray, correct: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Area under the risk-coverage curve.

    The risk at each sample's own confidence, averaged over samples (Geifman et al., ICLR 2019).

    NaN without samples.
    """
    return area(risk_coverage(confidence, correct, weight))


def area(seen: RiskCoverage) -> float:
    """The area under a curve that is already there; see `aurc`."""
    steps = np.diff(seen.coverage, prepend=0.0)
    return float(np.where(steps > 0, seen.risk, 0.0) @ steps) if len(steps) else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Per class, all (k,): answer where its confidence is at least `threshold` (inf: never).

    coverage: share of the samples called so that is answered; precision: share of those that is
    correct (NaN where none); called: how many.
    """

    threshold: np.ndarray
    coverage: np.ndarray
    precision: np.ndarray
    called: np.ndarray


def plan(
    confidence: np.ndarray,
    pred: np.ndarray,
    correct: np.ndarray,
    k: int,
    *,
    coverage: float | None = None,
    precision: float | None = None,
) -> Plan:
    """Thresholds per predicted class.

    The highest that answers `coverage` of what is called so, or the lowest that reaches
    `precision`.

    pred: int (N,) below k. Chosen on the samples at hand, so expect a little less on others; a
    class called rarely deserves no trust.

    Raises:
        ValueError: not exactly one of the two wishes, or it lies outside (0, 1].
    """
    wish = coverage if precision is None else precision
    if (coverage is None) == (precision is None) or wish is None or not 0 < wish <= 1:
        raise ValueError(
            f"Expected one of `coverage` and `precision`, in (0, 1], got {coverage} and "
            f"{precision}."
        )
    result = Plan(
        np.full(k, np.inf), np.zeros(k), np.full(k, np.nan), np.bincount(pred, minlength=k)
    )
    for c in np.flatnonzero(result.called):
        seen = risk_coverage(confidence[pred == c], correct[pred == c])
        good = np.flatnonzero(
            (seen.coverage if precision is None else 1 - seen.risk) >= wish - 1e-12
        )
        if len(good):
            at = good[0] if precision is None else good[-1]
            result.threshold[c], result.coverage[c], result.precision[c] = (
                seen.threshold[at],
                seen.coverage[at],
                1 - seen.risk[at],
            )
    return result


def answered(threshold: np.ndarray, confidence: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """Return bool (N,): whether a plan's `threshold` (k,) lets each sample be answered.

    pred: int (N,) below k.
    """
    result: np.ndarray = confidence >= threshold[pred]
    return result


def halves(n: int, *, seed: int = 0, cluster: np.ndarray | None = None) -> np.ndarray:
    """Return bool (n,): a random half of n samples, clusters (int (n,)) kept whole.

    Same seed, same half.
    """
    unit = np.arange(n) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    count = int(unit.max()) + 1 if n else 0
    return (np.random.default_rng(seed).permutation(count) < (count + 1) // 2)[unit]


def cross_fitted(
    confidence: np.ndarray,
    pred: np.ndarray,
    correct: np.ndarray,
    k: int,
    *,
    coverage: float | None = None,
    precision: float | None = None,
    seed: int = 0,
    cluster: np.ndarray | None = None,
) -> np.ndarray:
    """Return bool (N,): the samples kept by thresholds that the other half of the samples chose.

    No sample has helped to choose its own threshold, so coverage and precision among these are
    unbiased: what a plan made of half as many samples brings on new ones. A class that the choosing
    half never predicts is not kept. Arguments as for `plan`; see `halves`.
    """
    first = halves(len(confidence), seed=seed, cluster=cluster)
    kept = np.zeros(len(confidence), bool)
    for chosen, measured in ((first, ~first), (~first, first)):
        result = plan(
            confidence[chosen],
            pred[chosen],
            correct[chosen],
            k,
            coverage=coverage,
            precision=precision,
        )
        kept[measured] = answered(result.threshold, confidence[measured], pred[measured])
    return kept


def effective(
    confidence: np.ndarray, correct: np.ndarray, cluster: np.ndarray, level: float = 0.95
) -> np.ndarray:
    """Return float (T,), one per distinct confidence, highest first.

    How many independent predictions those from there on are worth for the share of them that is
    correct.

    That is their number over the design effect (Kish, Survey Sampling, 1965): the share's variance
    over clusters, linearised, against that of answers alone; never more than there are. Few
    clusters leave that variance itself unsure, so it is lowered to make an interval of `level` one
    by Student's t (Korn and Graubard, Survey Methodology 1998). Where all are correct, or wrong: as
    many as clusters, as `evaluation.statistics.counts` has it; 0 for a single cluster.
    cluster: int (N,).
    """
    order = np.argsort(-confidence, kind="stable")
    unit, hit = compact(cluster)[order], correct[order].astype(np.float64)
    by = np.argsort(unit, kind="stable")  # the answers of each cluster together, surest first
    start = np.flatnonzero(np.diff(unit[by], prepend=-1))
    size = np.diff(start, append=len(unit))
    seen, before = np.zeros(
        (2, len(unit))
    )  # answers, and correct ones, of the same cluster before each
    seen[by] = np.arange(len(unit)) - np.repeat(start, size)
    earlier = np.cumsum(hit[by]) - hit[by]
    before[by] = earlier - np.repeat(earlier[start], size)
    # Sums over clusters of predictions squared, correct ones squared, and their product: each
    # prediction adds what it changes in its own cluster.
    squares, crossed, own = (
        np.cumsum(v) for v in ((2 * before + 1) * hit, before + hit * seen + hit, 2 * seen + 1)
    )
    n, clusters = np.arange(1.0, len(unit) + 1), np.cumsum(seen == 0)
    share = np.cumsum(hit) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (
            np.maximum(squares - 2 * share * crossed + share**2 * own, 0)
            * clusters
            / (clusters - 1)
            / n**2
        )
        worth = (
            np.minimum(share * (1 - share) / variance, n)
            * (students(np.inf, level) / students(clusters - 1, level)) ** 2
        )
    worth = np.where((share == 0) | (share == 1), clusters, worth)
    last = np.diff(confidence[order], append=np.nan) != 0  # the end of each run of equal confidence
    result: np.ndarray = np.where(clusters > 1, worth, 0.0)[last]
    return result


def limit(
    confidence: np.ndarray,
    correct: np.ndarray,
    precision: float,
    *,
    floor: float = 0.0,
    level: float = 0.95,
    cluster: np.ndarray | None = None,
) -> float:
    """One limit for all classes.

    The lowest confidence from which answers reach `precision` even by the lower end of their Wilson
    interval of `level`, so that it holds on other samples too; at least `floor`, rounded up to four
    digits. 1 where no limit does: never answer.

    cluster: int (N,), answers that are no independent evidence, such as those about one person;
    they then count as `effective` says.

    Raises:
        ValueError: a precision or floor outside (0, 1], or [0, 1].
    """
    if not (0 < precision <= 1 and 0 <= floor <= 1):
        raise ValueError(
            f"Expected `precision` in (0, 1] and `floor` in [0, 1], got {precision} and {floor}."
        )
    seen = risk_coverage(confidence, correct)
    answered = np.rint(seen.coverage * len(correct)).astype(int)
    hits = answered - np.rint(seen.risk * answered).astype(int)
    worth = answered if cluster is None else effective(confidence, correct, cluster, level)
    each = zip(seen.threshold, hits, answered, worth, strict=True)
    good = [t for t, h, n, m in each if wilson(float(h * m / n), float(m), level)[0] >= precision]
    return min(1.0, float(np.ceil(max(floor, good[-1]) * 1e4) / 1e4)) if good else 1.0


def over_limit(
    confidence: np.ndarray,
    correct: np.ndarray,
    precision: float,
    *,
    floor: float = 0.0,
    level: float = 0.95,
    seed: int = 0,
    cluster: np.ndarray | None = None,
) -> np.ndarray:
    """Return bool (N,): the samples kept by a `limit` that the other half of the samples chose.

    See `cross_fitted`.
    """
    first = halves(len(confidence), seed=seed, cluster=cluster)
    kept = np.zeros(len(confidence), bool)
    for chosen, measured in ((first, ~first), (~first, first)):
        own = None if cluster is None else cluster[chosen]
        least = limit(
            confidence[chosen], correct[chosen], precision, floor=floor, level=level, cluster=own
        )
        kept[measured] = (confidence[measured] >= least) & (least < 1)
    return kept
