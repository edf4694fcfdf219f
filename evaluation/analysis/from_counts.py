"""The evaluator: every headline estimate from grouped counts, which numpy or SQL made.

The report of a table and the pages of the studio call these functions, so that they show the same
value and the same interval for the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from evaluation.metrics import binned, classification
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate

BINS, FINE_PER_BIN = 15, 20
"""Bins of the calibration error, and fine bins in each that its interval is drawn from."""
FINE_BINS = BINS * FINE_PER_BIN
CURVE_BINS = 128
"""Bins of the logit that the intervals of areas under curves are drawn from."""

Metric = Callable[[np.ndarray], np.ndarray]
"""Confusion matrices (..., k, k), or flat counts (..., cells), -> (...)."""


@dataclass(frozen=True, slots=True)
class Headline:
    """Headline estimates of a task with classes."""

    n: int
    accuracy: Estimate
    macro_f1: Estimate
    balanced_accuracy: Estimate
    kappa: Estimate


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Estimates of one class; n: samples of it, predicted_n: predictions of it."""

    n: int
    predicted_n: int
    recall: Estimate
    precision: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class AgeErrors:
    """Headline estimates of predicted ages, years; cs5: the share with an error of at most 5."""

    n: int
    mae: Estimate
    bias: Estimate
    rmse: Estimate
    cs5: Estimate


def on_matrix(metric: Metric, k: int) -> Metric:
    """Return a metric of confusion matrices (..., k, k) as one of flat counts (..., k * k)."""
    return partial(_on_matrix, metric, k)


def _on_matrix(metric: Metric, k: int, counts: np.ndarray) -> np.ndarray:
    return metric(counts.reshape(*counts.shape[:-1], k, k))


def headline(matrix: GroupedCounts, k: int) -> Headline:
    """Return the headline of a confusion matrix whose cells are true * k + predicted."""
    correct, every = np.eye(k, dtype=bool).ravel(), np.ones(k * k, bool)
    return Headline(
        matrix.total,
        matrix.share(correct, every),
        matrix.statistic(on_matrix(classification.macro_f1, k), minimum=0, maximum=1),
        matrix.statistic(on_matrix(classification.balanced_accuracy, k), minimum=0, maximum=1),
        matrix.statistic(on_matrix(classification.kappa, k), minimum=-1, maximum=1),
    )


def class_scores(matrix: GroupedCounts, k: int) -> list[ClassScores]:
    """Return recall, precision and F1 of each class of a confusion matrix."""
    true, predicted = (v.ravel() for v in np.indices((k, k)))
    return [
        ClassScores(
            int(matrix.n[true == c].sum()),
            int(matrix.n[predicted == c].sum()),
            matrix.share(true == predicted, true == c),
            matrix.share(true == predicted, predicted == c),
            matrix.statistic(partial(_f1, k, c), minimum=0, maximum=1),
        )
        for c in range(k)
    ]


def _f1(k: int, c: int, counts: np.ndarray) -> np.ndarray:
    matrix = counts.reshape(*counts.shape[:-1], k, k)
    size = matrix[..., c, :].sum(axis=-1) + matrix[..., :, c].sum(axis=-1)
    f1: np.ndarray = 2 * matrix[..., c, c] / size
    return f1


def calibration_error(fine: GroupedCounts) -> Estimate:
    """Return the expected calibration error of BINS bins.

    Args:
        fine: sums of the confidence by cell, fine bin * 2 + whether the prediction is correct.
    """
    confidence = np.nan_to_num(fine.means)
    error = partial(binned.calibration_error, confidence=confidence, bins=BINS)
    return fine.statistic(error, minimum=0, maximum=1)


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


def age_errors(
    absolute: Estimate, signed: Estimate, squared: Estimate, near: Estimate
) -> AgeErrors:
    """Return the headline of the ages' errors.

    Of the means of absolute, signed and squared errors, and of the share within 5 years.
    """
    rmse = squared.clipped(0.0).root()
    return AgeErrors(absolute.n, absolute, signed, rmse, near)


def shares_within(
    counts: GroupedCounts, order: np.ndarray, limits: Iterable[int]
) -> list[Estimate]:
    """Return the share of samples in cells whose int (cells,) `order` is at most each limit."""
    every = np.ones(len(order), bool)
    return [counts.share(order <= limit, every) for limit in limits]
