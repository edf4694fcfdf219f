"""Figures of predicted classes. `true` and `pred` are int (N,) class indices below `k`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np


def confusion(true: np.ndarray, pred: np.ndarray, k: int) -> np.ndarray:
    """Return the confusion matrix: samples of class i (row) predicted j (column).

    Args:
        true: int (N,), in [0, k).
        pred: int (N,), in [0, k).
        k: number of classes.

    Returns:
        int64 (k, k).

    Raises:
        ValueError: shapes differ, or an index is outside.

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
    return np.bincount(true * k + pred, minlength=k * k).reshape(k, k)  # (k * k,) -> (k, k)


@dataclass(frozen=True, slots=True, eq=False)
class Margins:
    """What most metrics need of confusion matrices, each (..., k): k numbers in place of k * k.

    Attributes:
        correct: samples of a class that are predicted so.
        support: samples of it.
        predicted: predictions of it.
    """

    correct: np.ndarray
    support: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, matrix: Matrices) -> Margins:
        """Return the margins of confusion matrices (..., k, k); margins as they are."""
        if isinstance(matrix, Margins):
            return matrix
        correct = np.diagonal(matrix, axis1=-2, axis2=-1)
        return cls(correct, matrix.sum(axis=-1), matrix.sum(axis=-2))


Matrices: TypeAlias = np.ndarray | Margins
"""Confusion matrices (..., k, k), or their margins."""


def accuracy(matrix: Matrices) -> np.ndarray:
    """Return the share of predictions that are right.

    Args:
        matrix: confusion matrices (..., k, k), or their margins.

    Returns:
        (...), in [0, 1]; NaN without samples.
    """
    margins = Margins.of(matrix)
    return _ratio(margins.correct.sum(axis=-1), margins.support.sum(axis=-1))


def _ratio(part: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return `part` / `total`, NaN where the total is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part / total)


@dataclass(frozen=True, slots=True, eq=False)
class PerClass:
    """Figures of every class, all (..., k).

    Attributes:
        support: samples of the class.
        precision: share that is right of those predicted so; NaN where the class never is.
        recall: share of its samples that is found; NaN without samples.
        f1: their harmonic mean; 0 where either exists but nothing is right.
    """

    support: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


def per_class(matrix: Matrices) -> PerClass:
    """Return the figures of every class of confusion matrices (..., k, k)."""
    margins = Margins.of(matrix)
    correct, support, predicted = margins.correct, margins.support, margins.predicted
    f1 = _ratio(2.0 * correct, support + predicted)
    return PerClass(support, _ratio(correct, predicted), _ratio(correct, support), f1)


def _class_mean(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted mean of values (..., k) over the classes; NaN where none has a weight."""
    return _ratio((np.where(weight > 0, values, 0.0) * weight).sum(axis=-1), weight.sum(axis=-1))


def macro_f1(matrix: Matrices) -> np.ndarray:
    """Return the mean F1 over the classes with samples.

    A class that is predicted but has no samples lowers the others' F1 already; counting it as a 0
    would punish twice.

    Args:
        matrix: confusion matrices (..., k, k), or their margins.

    Returns:
        (...), in [0, 1]; NaN without samples.
    """
    figures = per_class(matrix)
    return _class_mean(figures.f1, figures.support > 0)


def normalised(matrix: np.ndarray, by: Literal["true", "pred", "all"]) -> np.ndarray:
    """Return the shares of a confusion matrix.

    Args:
        matrix: counts (..., k, k), or of any numbers of rows and columns.
        by: what sums to 1: each row ("true"), each column ("pred") or all.

    Returns:
        Shares in the shape of `matrix`; 0 where there are no samples.

    Raises:
        ValueError: `by` is another word.

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


def average(matrix: Matrices, weighted: bool = False) -> Average:
    """Return means over the classes of a confusion matrix (k, k); NaN without samples.

    Args:
        matrix: confusion matrix (k, k), or its margins.
        weighted: weighs classes by their support; else all count alike, as in `macro_f1`.
    """
    figures = per_class(matrix)
    weight = figures.support if weighted else figures.support > 0
    columns = (figures.precision, figures.recall, figures.f1)
    return Average(*(float(_class_mean(np.nan_to_num(v), weight)) for v in columns))


def balanced_accuracy(matrix: Matrices) -> np.ndarray:
    """Return the mean recall over the classes with samples.

    Args:
        matrix: confusion matrices (..., k, k), or their margins.

    Returns:
        (...), in [0, 1]; NaN without samples.
    """
    figures = per_class(matrix)
    return _class_mean(figures.recall, figures.support > 0)


def kappa(matrix: Matrices) -> np.ndarray:
    """Return Cohen's kappa of confusion matrices (..., k, k) -> (...) (Cohen, 1960).

    It is the agreement beyond chance, 1 at best; NaN without samples, or where truth and
    prediction are one and the same class throughout.
    """
    margins = Margins.of(matrix)
    n = margins.support.sum(axis=-1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = (margins.support * margins.predicted / n[..., None] / n[..., None]).sum(axis=-1)
        agreement = margins.correct.sum(axis=-1) / n
        return np.where(
            np.isclose(chance, 1.0, rtol=0, atol=1e-15), np.nan, (agreement - chance) / (1 - chance)
        )
