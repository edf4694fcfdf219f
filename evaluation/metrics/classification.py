"""Figures of predicted classes. `true` and `pred` are int (N,) class indices below `k`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def confusion(true: np.ndarray, pred: np.ndarray, k: int) -> np.ndarray:
    """int64 (k, k): samples of class i (row) called j (column).

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    if true.shape != pred.shape or true.ndim != 1:
        raise ValueError(f"Expected `true` and `pred` of one shape (N,), got {true.shape} and {pred.shape}.")
    if len(true) and (min(true.min(), pred.min()) < 0 or max(true.max(), pred.max()) >= k):
        raise ValueError(f"Expected class indices in 0..{k - 1}, got {min(true.min(), pred.min())}..{max(true.max(), pred.max())}.")
    return np.bincount(true * k + pred, minlength=k * k).reshape(k, k)  # (k * k,) -> (k, k)


def accuracy(matrix: np.ndarray) -> float:
    """Share of right answers in [0, 1] of a confusion matrix (..., k, k); NaN without samples."""
    n = matrix.sum()
    return float(np.trace(matrix) / n) if n else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class PerClass:
    """All (..., k). support: samples of the class. recall: found of them. precision: right among those called so. f1: their harmonic mean.

    recall is NaN without samples, precision NaN where the class is never called; f1 is 0 where either exists but nothing is right.
    """

    support: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


def per_class(matrix: np.ndarray) -> PerClass:
    """Figures of every class of a confusion matrix (..., k, k)."""
    right = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    support, called = matrix.sum(axis=-1), matrix.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return PerClass(support, right / called, right / support, 2 * right / (support + called))


def macro_f1(matrix: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that have samples, in [0, 1], of confusion matrices (..., k, k) -> (...); NaN without samples.

    A class that is called but has no samples lowers the others' F1 already; counting it as a 0 would punish twice.
    """
    figures = per_class(matrix)
    there = figures.support > 0
    total = np.where(there, figures.f1, 0.0).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return total / there.sum(axis=-1)
