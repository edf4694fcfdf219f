"""Figures of predicted numbers, such as ages in years.

`true` and `pred` are float (N,); all are NaN without samples.

`weight` is float (N,) >= 0 of each sample, None: all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def errors(true: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """Pred - true, float64 (N,): positive where the prediction is too old."""
    if true.shape != pred.shape or true.ndim != 1:
        raise ValueError(
            f"Expected `true` and `pred` of one shape (N,), got {true.shape} and {pred.shape}."
        )
    result: np.ndarray = pred.astype(np.float64) - true
    return result


def _mean(values: np.ndarray, weight: np.ndarray | None = None) -> float:
    if weight is None:
        return float(values.mean()) if len(values) else float("nan")
    if weight.shape != values.shape or not (weight >= 0).all():
        raise ValueError(
            f"Expected `weight` of shape {values.shape} and at least 0, got shape {weight.shape}."
        )
    total = weight.sum()
    return float(values @ weight / total) if total else float("nan")


def mae(true: np.ndarray, pred: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Mean absolute error, in the unit of `true`."""
    return _mean(np.abs(errors(true, pred)), weight)


def rmse(true: np.ndarray, pred: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Root of the mean squared error: as `mae`, but large errors weigh more."""
    result: float = _mean(errors(true, pred) ** 2, weight) ** 0.5
    return result


def bias(true: np.ndarray, pred: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Mean error: above 0 where predictions are too high."""
    return _mean(errors(true, pred), weight)


def cumulative_score(
    true: np.ndarray, pred: np.ndarray, k: float, weight: np.ndarray | None = None
) -> float:
    """CS@k: share of samples in [0, 1] with an absolute error of at most `k`."""
    return _mean(np.abs(errors(true, pred)) <= k, weight)


def coverage(
    true: np.ndarray, low: np.ndarray, high: np.ndarray, weight: np.ndarray | None = None
) -> float:
    """Share of samples in [0, 1] whose interval [low, high] holds the truth."""
    return _mean((low <= true) & (true <= high), weight)


WIDTH, BANDS = 10, 9
"""Bands as `core.labels.age_decade` has them: ten years each, the last open."""


def bands(values: np.ndarray, width: float = WIDTH, count: int = BANDS) -> np.ndarray:
    """Return int64 (N,): the band of each value.

    Those below 0 count in the first, those beyond the last in the last.
    """
    return np.clip(np.floor(values / width), 0, count - 1).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class ByBand:
    """Errors per band of the true value, all (count,); NaN where a band has no samples."""

    n: np.ndarray
    mae: np.ndarray
    bias: np.ndarray


def by_band(true: np.ndarray, pred: np.ndarray, width: float = WIDTH, count: int = BANDS) -> ByBand:
    """Absolute and signed error per band, e.g. per decade of age."""
    error, at = errors(true, pred), bands(true, width, count)
    n = np.bincount(at, minlength=count)
    with np.errstate(invalid="ignore"):
        return ByBand(
            n, np.bincount(at, np.abs(error), count) / n, np.bincount(at, error, count) / n
        )


def off_by(matrix: np.ndarray) -> np.ndarray:
    """Return the share that lies at most 0, 1, ... bands off, float64 (k,).

    Of a confusion matrix (k, k) of ordered bands;

    Bands off; NaN without samples.

    >>> off_by(np.array([[2, 1], [0, 1]])).tolist()
    [0.75, 1.0]
    """
    row, column = np.indices(matrix.shape)
    with np.errstate(invalid="ignore"):
        result: np.ndarray = (
            np.cumsum(np.bincount(np.abs(row - column).ravel(), matrix.ravel(), len(matrix)))
            / matrix.sum()
        )
        return result
