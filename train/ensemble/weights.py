"""Weights of an ensemble's members, task by task: chosen on validation, judged by cross-fitting.

The weights minimise the log-loss of the averaged probabilities, which is convex in them (ages
without a distribution: the squared error, as convex). They are taken only where they beat equal
weights on samples that did not choose them by more than chance; else all members count alike, and
nothing is fitted. Then the average is calibrated as one model is. Figures come from out-of-fold
predictions, whose weights and calibration were chosen on the other folds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from core.artifacts.card import Head
from core.calibration import TINY, apply_temperature, estimate_age
from evaluation.statistics import intervals
from train.export.calibrate import Array, Labels, fit, has_label

FOLDS = 5
MIN_WEIGHT = 0.005
"""A member of less weight is left out."""


@dataclass(frozen=True, slots=True, eq=False)
class TaskWeights:
    """The members' weights in one task, and what they achieve.

    Attributes:
        weights: (M,), sum 1.
        fitted: whether they are other than equal.
        gain: mean loss of equal weights minus that of fitted ones, both out of fold.
        gain_low, gain_high: its 95 % interval.
        calibration: of the average, as in a card.
        out_of_fold: (N, width) predictions; NaN rows where there is no label.
        interval_ends: (N, 2) of the ages' intervals, out of fold; NaN rows likewise.
    """

    weights: Array
    fitted: bool
    gain: float
    gain_low: float
    gain_high: float
    calibration: dict[str, float]
    out_of_fold: Array
    interval_ends: Array


def fit_weights(head: Head, predictions: Array, labels: Labels) -> TaskWeights:
    """Choose the weights of the members in one task.

    Args:
        head: the ensemble's.
        predictions: (M, N, width) of all members that have the task, as `Ensemble.each` gives them.
        labels: (N,) class indices, -1 for none, or years, NaN for none.

    Raises:
        ValueError: too few labels to divide them.
    """
    rows = np.flatnonzero(has_label(head.task, labels))
    if len(rows) < 2 * FOLDS:
        raise ValueError(f"Expected at least {2 * FOLDS} samples with a label, got {len(rows)}.")
    p, y = predictions[:, rows], labels[rows]
    equal = np.full(len(p), 1 / len(p))
    fold = np.random.default_rng(0).permutation(len(y)) % FOLDS
    by_fold = [best_weights(head, p[:, fold != f], y[fold != f]) for f in range(FOLDS)]
    weights_of_fold = np.stack(by_fold)  # (folds, M)
    gain = losses(head, np.tensordot(equal, p, 1), y) - losses(
        head, np.einsum("nm,mnk->nk", weights_of_fold[fold], p), y
    )
    low, high = intervals.bootstrap_mean(gain)
    is_fitted = len(p) > 1 and low > 0
    out_of_fold = np.full((len(labels), p.shape[2]), np.nan)
    ends = np.full((len(labels), 2), np.nan)
    for f in range(FOLDS):
        average = np.tensordot(weights_of_fold[f] if is_fitted else equal, p, 1)
        is_held_out = fold == f
        calibration = calibrate_average(head, average[~is_held_out], y[~is_held_out])
        held_out = rows[is_held_out]
        out_of_fold[held_out] = apply_calibration(head, average[is_held_out], calibration)
        if head.task == "age":
            ends[held_out] = interval_ends(head, out_of_fold[held_out], calibration)
    weights = best_weights(head, p, y) if is_fitted else equal
    return TaskWeights(
        weights,
        is_fitted,
        float(gain.mean()),
        low,
        high,
        calibrate_average(head, np.tensordot(weights, p, 1), y),
        out_of_fold,
        ends,
    )


def best_weights(head: Head, p: Array, labels: Labels) -> Array:
    """Return weights (M,) of least mean loss of the average; tiny ones become 0.

    Args:
        head: the ensemble's.
        p: predictions, (M, N, width).
        labels: (N,), none missing.
    """
    is_regression = head.kind == "regression"
    if is_regression:
        x = p[:, :, 0].T  # (N, M)
    else:
        x = np.take_along_axis(p, _column(p, labels)[None, :, None], axis=2)[..., 0].T  # (N, M)

    def loss(w: Array) -> tuple[float, Array]:
        mixed = x @ w
        if is_regression:
            error = mixed - labels
            return float(np.mean(error**2)), 2 * x.T @ error / len(x)
        mixed = np.maximum(mixed, TINY)
        return float(-np.log(mixed).mean()), -(x / mixed[:, None]).mean(axis=0)

    members = x.shape[1]
    solution: Array = minimize(
        loss,
        np.full(members, 1 / members),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * members,
        options={"ftol": 1e-10, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
    ).x
    weights = np.where(solution < MIN_WEIGHT, 0.0, solution)
    normalised: Array = weights / weights.sum()
    return normalised


def losses(head: Head, p: Array, labels: Labels) -> Array:
    """Return the loss of each sample's average, (N,).

    Negative log-likelihood in nats; of ages without a distribution the squared error, years^2.

    Args:
        head: the ensemble's.
        p: averages, (N, width).
        labels: (N,), none missing.
    """
    loss: Array
    if head.kind == "regression":
        loss = (p[:, 0] - labels) ** 2
    else:
        of_label = np.take_along_axis(p, _column(p, labels)[:, None], axis=1)[:, 0]
        loss = -np.log(np.maximum(of_label, TINY))
    return loss


def calibrate_average(head: Head, p: Array, labels: Labels) -> dict[str, float]:
    """Return a card's calibration of averages (N, width), as `train.export.calibrate` does."""
    logits = p[:, :1] if head.kind == "regression" else np.log(np.maximum(p, TINY))
    return fit([head], {head.task: logits}, {head.task: labels})


def apply_calibration(head: Head, p: Array, calibration: Mapping[str, float]) -> Array:
    """Return averages (N, width) calibrated, as `Ensemble` predicts."""
    calibrated: Array
    if head.kind == "regression":
        calibrated = np.stack(estimate_age(p, head.kind, calibration), axis=1)
    else:
        calibrated = apply_temperature(p, calibration.get(head.task, 1.0))
    return calibrated


def interval_ends(head: Head, p: Array, calibration: Mapping[str, float]) -> Array:
    """Return the ends (N, 2) of the ages' intervals of what `apply_calibration` returned."""
    ends: Array
    if head.kind == "regression":
        ends = p[:, 1:]
    else:
        ends = np.stack(estimate_age(p, head.kind, calibration)[1:], axis=1)
    return ends


def _column(p: Array, labels: Labels) -> NDArray[np.int64]:
    """Return each label's index among the classes or bins; older ages are in the last bin."""
    columns: NDArray[np.int64] = np.clip(np.rint(labels).astype(np.int64), 0, p.shape[-1] - 1)
    return columns
