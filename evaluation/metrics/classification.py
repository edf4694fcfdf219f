"""Figures of predicted classes. `true` and `pred` are int (N,) class indices below `k`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


def confusion(
    true: np.ndarray, pred: np.ndarray, k: int, weight: np.ndarray | None = None
) -> np.ndarray:
    """Return int64 (k, k): samples of class i (row) predicted j (column).

    Float64 sums of `weight` (N,) where it is given.

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    if true.shape != pred.shape or true.ndim != 1:
        raise ValueError(
            f"Expected `true` and `pred` of one shape (N,), got {true.shape} and {pred.shape}."
        )
    if len(true) and (min(true.min(), pred.min()) < 0 or max(true.max(), pred.max()) >= k):
        raise ValueError(
            f"Expected class indices in 0..{k - 1}, got "
            f"{min(true.min(), pred.min())}..{max(true.max(), pred.max())}."
        )
    if weight is not None and (weight.shape != true.shape or not (weight >= 0).all()):
        raise ValueError(
            f"Expected `weight` of shape {true.shape} and at least 0, got shape {weight.shape}."
        )
    return np.bincount(true * k + pred, weight, minlength=k * k).reshape(k, k)  # (k * k,) -> (k, k)


def accuracy(matrix: np.ndarray) -> float:
    """Share of right answers in [0, 1] of a confusion matrix (..., k, k); NaN without samples."""
    n = matrix.sum()
    return float(np.trace(matrix) / n) if n else float("nan")


def accuracies(matrix: np.ndarray) -> np.ndarray:
    """Accuracy of confusion matrices (..., k, k) -> (...); NaN without samples."""
    shares: np.ndarray = np.trace(matrix, axis1=-2, axis2=-1) / matrix.sum(axis=(-2, -1))
    return shares


@dataclass(frozen=True, slots=True, eq=False)
class PerClass:
    """All (..., k).

    support: samples of the class. recall: found of them. precision: right among those predicted so.
    f1: their harmonic mean.

    recall is NaN without samples, precision NaN where the class is never predicted; f1 is 0 where
    either exists but nothing is right.
    """

    support: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


def per_class(matrix: np.ndarray) -> PerClass:
    """Figures of every class of a confusion matrix (..., k, k)."""
    right = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    support, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return PerClass(
            support, right / predicted, right / support, 2 * right / (support + predicted)
        )


def macro_f1(matrix: np.ndarray) -> np.ndarray:
    """Return the mean F1 over the classes that have samples, in [0, 1].

     Of confusion matrices (..., k, k) -> (...); NaN without samples. A class that is predicted but
    has no samples lowers the others' F1 already; counting it as a 0 would punish twice.
    """
    figures = per_class(matrix)
    has_samples = figures.support > 0
    total = np.where(has_samples, figures.f1, 0.0).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        result: np.ndarray = total / has_samples.sum(axis=-1)
        return result


def normalised(matrix: np.ndarray, by: Literal["true", "pred", "all"]) -> np.ndarray:
    """Return shares of a confusion matrix (..., k, k) that sum to 1 over what `by` says.

    Each row (true), each column (pred) or all; 0 where has_samples are no samples.

    >>> normalised(np.array([[3, 1], [0, 0]]), "true").tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    axis = {"true": (-1,), "pred": (-2,), "all": (-2, -1)}.get(by)
    if axis is None:
        raise ValueError(f"Expected `by` to be true, pred or all, got {by!r}.")
    total = matrix.sum(axis=axis, keepdims=True)
    return matrix / np.where(total == 0, 1, total)


@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """Means over the classes that have samples. An undefined precision counts as 0."""

    precision: float
    recall: float
    f1: float


def average(matrix: np.ndarray, weighted: bool = False) -> Average:
    """Macro means of a confusion matrix (k, k), or means weighted by support; NaN without samples.

    The macro F1 is `macro_f1`.
    """
    figures = per_class(matrix)
    weight = figures.support * (1.0 if weighted else 0.0) + (0.0 if weighted else 1.0) * (
        figures.support > 0
    )
    if not weight.sum():
        return Average(float("nan"), float("nan"), float("nan"))
    return Average(
        *(
            float(np.nan_to_num(v) @ weight / weight.sum())
            for v in (figures.precision, figures.recall, figures.f1)
        )
    )


def balanced_accuracy(matrix: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that have samples, of confusion matrices (..., k, k) -> (...).

    NaN without samples.
    """
    recall = per_class(matrix).recall
    has_samples = ~np.isnan(recall)
    with np.errstate(invalid="ignore"):
        result: np.ndarray = np.where(has_samples, recall, 0.0).sum(axis=-1) / has_samples.sum(
            axis=-1
        )
        return result


def kappa(matrix: np.ndarray) -> np.ndarray:
    """Cohen's kappa of confusion matrices (..., k, k) -> (...).

    Agreement beyond chance, 1 at best (Cohen, 1960).

    NaN without samples, or where truth and prediction are one and the same class throughout.
    """
    n = matrix.sum(axis=(-2, -1)).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = (matrix.sum(axis=-1) * matrix.sum(axis=-2) / n[..., None] / n[..., None]).sum(
            axis=-1
        )
        agreement = np.trace(matrix, axis1=-2, axis2=-1) / n
        return np.where(
            np.isclose(chance, 1.0, rtol=0, atol=1e-15), np.nan, (agreement - chance) / (1 - chance)
        )
