"""The evaluator: every headline estimate from grouped counts, which numpy or SQL made.

The report of a table and the pages of the studio call these functions, so that they show the same
value and the same interval for the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from evaluation.metrics import binned, calibration, classification
from evaluation.metrics.classification import Margins
from evaluation.predictions.tasks import label_key
from evaluation.statistics.bootstrap import merged
from evaluation.statistics.counts import GroupedCounts, drawn_totals
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample

BINS, FINE_PER_BIN = 15, 20
"""Bins of the calibration error, and fine bins in each that its interval is drawn from."""
FINE_BINS = BINS * FINE_PER_BIN
CHUNK_SCORES = 32
"""Scores whose calibration errors are drawn at a time, so that memory does not go with classes."""
CURVE_BINS = 128
"""Bins of the logit that the intervals of areas under curves are drawn from."""

Metric = Callable[[Margins], np.ndarray]
"""Margins of confusion matrices (..., k) -> (...)."""


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """Headline estimates of a task with classes; ece is None without probabilities."""

    n: int
    accuracy: Estimate
    macro_f1: Estimate
    balanced_accuracy: Estimate
    kappa: Estimate
    ece: Estimate | None = None


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Estimates of one class; n: samples of it, predicted_n: predictions of it."""

    n: int
    predicted_n: int
    recall: Estimate
    precision: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class NumberErrors:
    """Headline estimates of a regression; cs5: of ages, the share at most 5 years off."""

    n: int
    mae: Estimate
    bias: Estimate
    rmse: Estimate
    cs5: Estimate | None


def in_label_order(labels: Sequence[str], *codes: np.ndarray) -> list[np.ndarray]:
    """Return int (n,) codes of `labels` as places among the same labels in one order.

    A bootstrap draws cell by cell, so its rounds depend on the order of the classes; tables and
    stores may list these in any.
    """
    order = sorted(range(len(labels)), key=lambda code: label_key(labels[code]))
    places = np.argsort(order)
    return [places[code] for code in codes]


def drawn_margins(
    counts: GroupedCounts, true: np.ndarray, predictions: Sequence[np.ndarray], k: int
) -> list[tuple[Margins, Margins]]:
    """Return the margins of each model's confusion matrix, and those of each round.

    The same rounds serve all models.

    Args:
        counts: samples by cell.
        true: int (cells,) the class of the samples of each cell.
        predictions: of each model, int (cells,) its prediction there.
        k: number of classes.
    """
    groups = [true]
    for pred in predictions:
        groups += [pred, np.where(true == pred, true, -1)]
    totals = [counts.merged(group, k).n for group in groups]
    drawn = drawn_totals(counts, [(group, k) for group in groups])
    return [
        (Margins(totals[i + 1], totals[0], totals[i]), Margins(drawn[i + 1], drawn[0], drawn[i]))
        for i in range(1, len(groups), 2)
    ]


@lru_cache(maxsize=4)  # several metrics are made of the same matrix, one after the other
def matrix_margins(matrix: GroupedCounts, k: int) -> tuple[Margins, Margins]:
    """Return the margins of a matrix whose cells are true * k + predicted, and of each round."""
    true, predicted = (axis.ravel() for axis in np.indices((k, k)))
    return drawn_margins(matrix, true, [predicted], k)[0]


def matrix_metric(matrix: GroupedCounts, k: int, metric: Metric, *, minimum: float = 0) -> Estimate:
    """Return a metric of a confusion matrix, with a bootstrap interval in its range."""
    all_samples, drawn = matrix_margins(matrix, k)
    value = float(metric(all_samples))
    return Estimate.centred(value, metric(drawn), matrix.total, minimum=minimum, maximum=1)


def headline(matrix: GroupedCounts, k: int) -> tuple[int, Estimate, Estimate, Estimate, Estimate]:
    """Return the first fields of `ClassSummary`.

    Of a confusion matrix whose cells are true * k + predicted.
    """
    return (
        matrix.total,
        matrix.share(np.eye(k, dtype=bool).ravel()),
        matrix_metric(matrix, k, classification.macro_f1),
        matrix_metric(matrix, k, classification.balanced_accuracy),
        matrix_metric(matrix, k, classification.kappa, minimum=-1),
    )


def class_scores(matrix: GroupedCounts, k: int) -> list[ClassScores]:
    """Return recall, precision and F1 of each class of a confusion matrix."""
    true, predicted = (axis.ravel() for axis in np.indices((k, k)))
    all_samples, drawn = matrix_margins(matrix, k)
    f1, drawn_f1 = (classification.per_class(margins).f1 for margins in (all_samples, drawn))
    recall, precision = (matrix.shares(true == predicted, of, k) for of in (true, predicted))
    return [
        ClassScores(
            int(all_samples.support[c]),
            int(all_samples.predicted[c]),
            recall[c],
            precision[c],
            Estimate.centred(f1[c], drawn_f1[:, c], matrix.total, minimum=0, maximum=1),
        )
        for c in range(k)
    ]


def calibration_error(fine: GroupedCounts) -> Estimate:
    """Return the expected calibration error of BINS bins.

    Args:
        fine: sums of the confidence by cell, fine bin * 2 + whether the prediction is correct.
    """
    confidence = np.nan_to_num(fine.means)
    error = partial(binned.calibration_error, confidence=confidence, bins=BINS)
    return fine.statistic(error, minimum=0, maximum=1)


def reliability(fine: GroupedCounts) -> calibration.Reliability:
    """Return the reliability diagram of BINS bins; `fine` as for `calibration_error`."""
    n, confidence = (v.reshape(BINS, -1, 2).sum(axis=1) for v in (fine.n, fine.sums))
    count = n.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return calibration.Reliability(confidence.sum(axis=1) / count, n[:, 1] / count, count)


def calibration_errors(
    scores: Sequence[tuple[np.ndarray, np.ndarray]], sample: Sample
) -> tuple[np.ndarray, np.ndarray]:
    """Return the calibration errors (T,) of T scores of the same rows, and those of each round.

    Rounds are (rounds, T). One resample must serve all scores, so independent rows are drawn as
    clusters of one, merged.

    Args:
        scores: for each, probabilities float (n,) and whether what they state is true, bool (n,).
        sample: the n rows.
    """
    unit = merged(np.arange(sample.n)) if sample.unit is None else sample.unit
    chunks = [
        _calibration_errors(scores[start : start + CHUNK_SCORES], unit)
        for start in range(0, len(scores), CHUNK_SCORES)
    ]
    errors, drawn = zip(*chunks, strict=True)
    return np.concatenate(errors), np.concatenate(drawn, axis=1)


def _calibration_errors(
    scores: Sequence[tuple[np.ndarray, np.ndarray]], unit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return `calibration_errors` of a few scores; unit: int (n,) what is drawn."""
    t = len(scores)
    bins = [i * BINS + calibration.bins_of(p, BINS) for i, (p, _) in enumerate(scores)]
    gaps = np.concatenate([is_true - p for p, is_true in scores])
    counts = GroupedCounts.of_rows(np.concatenate(bins), t * BINS, gaps, cluster=np.tile(unit, t))
    sums, rows = counts.drawn_sums(np.arange(t * BINS))
    drawn = np.abs(sums).reshape(-1, t, BINS).sum(axis=-1) / (rows.sum(axis=1, keepdims=True) / t)
    return np.abs(counts.sums).reshape(t, BINS).sum(axis=-1) / len(unit), drawn


def risk_coverage_area(curve: GroupedCounts, exact: float) -> Estimate:
    """Return the area under the risk-coverage curve.

    Args:
        curve: counts by cell, logit bin of the confidence * 2 + whether it is correct.
        exact: the area from finer bins or single samples.
    """
    return curve.statistic(binned.risk_area, exact=exact, minimum=0, maximum=1)


def areas(curve: GroupedCounts, exact: tuple[float, float]) -> tuple[Estimate, Estimate]:
    """Return AUROC and average precision of one class against all others.

    Args:
        curve: counts by cell, logit bin of its probability * 2 + whether it is the class.
        exact: both areas from finer bins or single samples.
    """
    auroc = curve.statistic(binned.auroc, exact=exact[0], minimum=0, maximum=1)
    precision = curve.statistic(binned.average_precision, exact=exact[1], minimum=0, maximum=1)
    return auroc, precision


def shares_within(
    counts: GroupedCounts, order: np.ndarray, limits: Iterable[int]
) -> list[Estimate]:
    """Return the share of samples in cells whose int (cells,) `order` is at most each limit."""
    return [counts.share(order <= limit) for limit in limits]
