"""Plain implementations that the evaluator's figures are compared with."""

from __future__ import annotations

import numpy as np

from evaluation.metrics import regression, selective
from evaluation.metrics.calibration import Reliability, bins_of


def mae(true: np.ndarray, pred: np.ndarray) -> float:
    return float(np.abs(pred - true).mean())


def bias(true: np.ndarray, pred: np.ndarray) -> float:
    return float((pred - true).mean())


def cumulative_score(true: np.ndarray, pred: np.ndarray, years: float) -> float:
    return float((np.abs(pred - true) <= years).mean())


def by_band(
    true: np.ndarray, pred: np.ndarray, width: float = 10, count: int = 9
) -> list[tuple[int, float, float]]:
    """Samples, mean absolute and mean error of each band of the true value."""
    band = regression.bands(true, width, count)
    sides = [(true[band == i], pred[band == i]) for i in range(count)]
    return [(len(t), mae(t, p), bias(t, p)) if len(t) else (0, np.nan, np.nan) for t, p in sides]


def off_by(matrix: np.ndarray) -> list[float]:
    """The share that lies at most 0, 1, ... bands off, of a confusion matrix (k, k)."""
    row, column = np.indices(matrix.shape)
    return [matrix[np.abs(row - column) <= k].sum() / matrix.sum() for k in range(len(matrix))]


def reliability(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15, *, equal_mass: bool = False
) -> Reliability:
    at = bins_of(confidence, bins, equal_mass=equal_mass)
    count = np.bincount(at, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = (np.bincount(at, v, bins) / count for v in (confidence, correct))
        return Reliability(*means, count)


def ece(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15, *, equal_mass: bool = False
) -> float:
    diagram = reliability(confidence, correct, bins, equal_mass=equal_mass)
    gaps = np.nan_to_num(np.abs(diagram.accuracy - diagram.confidence))
    return float(gaps @ diagram.count / len(correct)) if len(correct) else float("nan")


def classwise_ece(p: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.array([ece(p[:, c], true == c) for c in range(p.shape[1])])


def aurc(confidence: np.ndarray, correct: np.ndarray, weight: np.ndarray | None = None) -> float:
    return selective.area(selective.risk_coverage(confidence, correct, weight))
