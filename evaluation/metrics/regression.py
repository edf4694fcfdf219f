"""Figures of predicted numbers, such as ages in years. `true` and `pred` are float (N,); all are NaN without samples."""

from __future__ import annotations

import numpy as np


def errors(true: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """pred - true, float64 (N,): positive where the prediction is too old."""
    if true.shape != pred.shape or true.ndim != 1:
        raise ValueError(f"Expected `true` and `pred` of one shape (N,), got {true.shape} and {pred.shape}.")
    return pred.astype(np.float64) - true


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def mae(true: np.ndarray, pred: np.ndarray) -> float:
    """Mean absolute error, in the unit of `true`."""
    return _mean(np.abs(errors(true, pred)))


def rmse(true: np.ndarray, pred: np.ndarray) -> float:
    """Root of the mean squared error: as `mae`, but large errors weigh more."""
    return _mean(errors(true, pred) ** 2) ** 0.5


def bias(true: np.ndarray, pred: np.ndarray) -> float:
    """Mean error: above 0 where predictions are too high."""
    return _mean(errors(true, pred))


def cumulative_score(true: np.ndarray, pred: np.ndarray, k: float) -> float:
    """CS@k: share of samples in [0, 1] with an absolute error of at most `k`."""
    return _mean(np.abs(errors(true, pred)) <= k)


def coverage(true: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Share of samples in [0, 1] whose interval [low, high] holds the truth."""
    return _mean((low <= true) & (true <= high))
