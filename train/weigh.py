"""How much each member of an ensemble should count, task by task: chosen on validation, judged by cross-fitting.

The weights minimise the log-loss of the averaged probabilities, which is convex in them (ages without a distribution: the squared error, as
convex). They are taken only where they beat equal weights on samples that did not choose them by more than chance; else all members count
alike, which nothing was fitted for. Then one temperature for the average. Figures come from predictions whose weights and temperature were
chosen on the other folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize

from core.ensemble import TINY, tempered
from core.predictor import INTERVAL, interval
from evaluation.metrics import intervals
from evaluation.metrics.calibration import fit_temperature

FOLDS = 5
LEAST = 0.005
"""A member of less weight is left out."""
RANGE = (0.2, 5.0)
"""Of temperatures."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """weights: (M,), sum 1. fitted: whether they are other than equal. gain: mean loss of equal weights minus that of fitted ones, both
    cross-fitted, with its 95 % interval (low, high). calibration: of the average. honest: (N, width) cross-fitted predictions, NaN rows
    where the truth is unknown."""

    weights: np.ndarray
    fitted: bool
    gain: tuple[float, float, float]
    calibration: float
    honest: np.ndarray


def weigh(task: str, said: np.ndarray, truth: np.ndarray, seed: int = 0) -> Weighed:
    """said: (M, N, width) values of all members that count in `task`, as `Ensemble.each` gives them. truth: (N,) class indices, -1 unknown,
    or years, NaN unknown.

    Raises:
        ValueError: fewer known truths than folds.
    """
    known = np.flatnonzero(~np.isnan(truth) if task == "age" else truth >= 0)
    if len(known) < 2 * FOLDS:
        raise ValueError(f"Expected at least {2 * FOLDS} samples with a truth, got {len(known)}.")
    p, y = said[:, known], truth[known]
    equal = np.full(len(p), 1 / len(p))
    fold = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    by_fold = np.stack([best_weights(task, p[:, fold != f], y[fold != f]) for f in range(FOLDS)])  # (folds, M)
    crossed = np.einsum("nm,mnk->nk", by_fold[fold], p)
    even = np.tensordot(equal, p, 1)
    gain = losses(task, even, y) - losses(task, crossed, y)
    low, high = intervals.bootstrap_mean(gain)
    fitted = len(p) > 1 and low > 0
    honest = np.full((len(truth), p.shape[2]), np.nan)
    for f in range(FOLDS):
        average = np.tensordot(by_fold[f] if fitted else equal, p, 1)
        others = fit_calibration(task, average[fold != f], y[fold != f])
        honest[known[fold == f]] = calibrated(task, average[fold == f], others)
    weights = best_weights(task, p, y) if fitted else equal
    return Weighed(weights, fitted, (float(gain.mean()), low, high), fit_calibration(task, np.tensordot(weights, p, 1), y), honest)


def best_weights(task: str, p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Weights (M,) of least mean loss of the average of float (M, N, width), all truths known; tiny ones become 0."""
    of_values = _by_value(task, p)
    x = p[:, :, 0].T if of_values else np.take_along_axis(p, _column(p, truth)[None, :, None], axis=2)[..., 0].T  # (N, M)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = x @ w
        if of_values:
            return float(np.mean((mixed - truth) ** 2)), 2 * x.T @ (mixed - truth) / len(x)
        mixed = np.maximum(mixed, TINY)
        return float(-np.log(mixed).mean()), -(x / mixed[:, None]).mean(axis=0)

    members = x.shape[1]
    found = minimize(
        loss, np.full(members, 1 / members), jac=True, method="SLSQP", bounds=[(0, 1)] * members, options={"ftol": 1e-10, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
    ).x  # fmt: skip
    found = np.where(found < LEAST, 0.0, found)
    return found / found.sum()


def losses(task: str, p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Loss (N,) of averages (N, width): negative log-likelihood, nats; of ages without a distribution the squared error, years squared."""
    if _by_value(task, p):
        return (p[:, 0] - truth) ** 2
    return -np.log(np.maximum(np.take_along_axis(p, _column(p, truth)[:, None], axis=1)[:, 0], TINY))


def fit_calibration(task: str, p: np.ndarray, truth: np.ndarray) -> float:
    """What `ensemble.json` calls `calibration`. Classes: the temperature of least log-loss. Age distributions: that at which the interval
    holds its nominal share. Ages without a distribution: the half width that does, years."""
    if _by_value(task, p):
        return round(float(np.quantile(np.abs(p[:, 0] - truth), INTERVAL)), 4)
    if task != "age":
        return round(fit_temperature(np.log(np.maximum(p, TINY)), truth, *RANGE), 4)

    def surplus(temperature: float) -> float:
        low, high = interval(tempered(p, temperature), INTERVAL)
        return float(np.mean((low <= truth) & (truth <= high))) - INTERVAL

    low, high = RANGE
    if surplus(low) >= 0 or surplus(high) <= 0:
        return low if surplus(low) >= 0 else high
    return round(float(brentq(surplus, low, high, xtol=1e-3)), 4)


def calibrated(task: str, p: np.ndarray, calibration: float) -> np.ndarray:
    """Averages (N, width) as `Ensemble` answers with a `calibration`."""
    if _by_value(task, p):
        return np.stack([p[:, 0], p[:, 0] - calibration, p[:, 0] + calibration], axis=1)
    return tempered(p, calibration)


def _by_value(task: str, p: np.ndarray) -> bool:
    """Whether ages come as a value and two ends, and not as a distribution."""
    return task == "age" and p.shape[-1] == 3


def _column(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The place of each truth among the classes or bins; older ages count in the last bin."""
    return np.clip(np.rint(truth).astype(np.int64), 0, p.shape[-1] - 1)
