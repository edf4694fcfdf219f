"""How much each member of an ensemble should count, task by task: chosen on validation, judged by
cross-fitting.

The weights minimise the log-loss of the averaged probabilities, which is convex in them (ages
without a distribution: the squared error, as convex). They are taken only where they beat equal
weights on samples that did not choose them by more than chance; else all members count alike, which
nothing was fitted for. Then the average is calibrated as one model is. Figures come from
predictions whose weights and calibration were chosen on the other folds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from core.artifacts.card import Head
from core.calibration import TINY, apply_temperature, estimate_age
from evaluation.statistics import intervals
from train.export.calibrate import fit, known

FOLDS = 5
LEAST = 0.005
"""A member of less weight is left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """weights: (M,), sum 1. fitted: whether they are other than equal. gain: mean loss of equal
    weights minus that of fitted ones, both cross-fitted, with its 95 % interval (low, high).
    calibration: of the average, as in a card. honest: (N, width) cross-fitted answers, ends: (N, 2)
    those of the ages' intervals; NaN rows where the truth is unknown.
    """

    weights: np.ndarray
    fitted: bool
    gain: tuple[float, float, float]
    calibration: dict[str, float]
    honest: np.ndarray
    ends: np.ndarray


def weigh(head: Head, said: np.ndarray, truth: np.ndarray, seed: int = 0) -> Weighed:
    """head: the ensemble's. said: (M, N, width) values of all members that count in its task, as
    `Ensemble.each` gives them. truth: (N,) class indices, -1 unknown, or years, NaN unknown.

    Raises:
        ValueError: too few known truths to divide them.
    """
    there = np.flatnonzero(known(head.task, truth))
    if len(there) < 2 * FOLDS:
        raise ValueError(f"Expected at least {2 * FOLDS} samples with a truth, got {len(there)}.")
    p, y = said[:, there], truth[there]
    equal = np.full(len(p), 1 / len(p))
    fold = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    by_fold = np.stack(
        [best_weights(head, p[:, fold != f], y[fold != f]) for f in range(FOLDS)]
    )  # (folds, M)
    gain = losses(head, np.tensordot(equal, p, 1), y) - losses(
        head, np.einsum("nm,mnk->nk", by_fold[fold], p), y
    )
    low, high = intervals.bootstrap_mean(gain)
    fitted = len(p) > 1 and low > 0
    honest, ends = np.full((len(truth), p.shape[2]), np.nan), np.full((len(truth), 2), np.nan)
    for f in range(FOLDS):
        average, mine = np.tensordot(by_fold[f] if fitted else equal, p, 1), fold == f
        others = fit_calibration(head, average[~mine], y[~mine])
        honest[there[mine]] = calibrated(head, average[mine], others)
        if head.task == "age":
            ends[there[mine]] = ends_of(head, honest[there[mine]], others)
    weights = best_weights(head, p, y) if fitted else equal
    return Weighed(
        weights,
        fitted,
        (float(gain.mean()), low, high),
        fit_calibration(head, np.tensordot(weights, p, 1), y),
        honest,
        ends,
    )


def best_weights(head: Head, p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Weights (M,) of least mean loss of the average of float (M, N, width), all truths known; tiny
    ones become 0.
    """
    of_values = head.kind == "regression"
    x = (
        p[:, :, 0].T
        if of_values
        else np.take_along_axis(p, _column(p, truth)[None, :, None], axis=2)[..., 0].T
    )  # (N, M)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = x @ w
        if of_values:
            return float(np.mean((mixed - truth) ** 2)), 2 * x.T @ (mixed - truth) / len(x)
        mixed = np.maximum(mixed, TINY)
        return float(-np.log(mixed).mean()), -(x / mixed[:, None]).mean(axis=0)

    members = x.shape[1]
    found = minimize(
        loss,
        np.full(members, 1 / members),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * members,
        options={"ftol": 1e-10, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
    ).x
    found = np.where(found < LEAST, 0.0, found)
    return found / found.sum()


def losses(head: Head, p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Loss (N,) of averages (N, width): negative log-likelihood, nats; of ages without a
    distribution the squared error, years squared.
    """
    if head.kind == "regression":
        return (p[:, 0] - truth) ** 2
    return -np.log(
        np.maximum(np.take_along_axis(p, _column(p, truth)[:, None], axis=1)[:, 0], TINY)
    )


def fit_calibration(head: Head, p: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """A card's calibration of averages (N, width), as `train.export.calibrate` has it for one
    model.
    """
    return fit(
        [head],
        {head.task: p[:, :1] if head.kind == "regression" else np.log(np.maximum(p, TINY))},
        {head.task: truth},
    )


def calibrated(head: Head, p: np.ndarray, calibration: Mapping[str, float]) -> np.ndarray:
    """Averages (N, width) as `Ensemble` answers with a `calibration`."""
    if head.kind == "regression":
        return np.stack(estimate_age(p, head.kind, calibration), axis=1)
    return apply_temperature(p, calibration.get(head.task, 1.0))


def ends_of(head: Head, p: np.ndarray, calibration: Mapping[str, float]) -> np.ndarray:
    """The ends (N, 2) of the ages' intervals of what `calibrated` gave."""
    return (
        p[:, 1:]
        if head.kind == "regression"
        else np.stack(estimate_age(p, head.kind, calibration)[1:], axis=1)
    )


def _column(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The place of each truth among the classes or bins; older ages count in the last bin."""
    return np.clip(np.rint(truth).astype(np.int64), 0, p.shape[-1] - 1)
