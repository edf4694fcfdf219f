"""Weights of an ensemble: a known optimum is found, noise is not fitted, figures come from other
folds.
"""

from __future__ import annotations

import numpy as np
import pytest

from core.artifacts.card import Head
from core.calibration import apply_temperature
from core.labels import AGE_BINS, FERPLUS8, GENDER2
from train.ensemble.weights import (
    FOLDS,
    TaskWeights,
    best_weights,
    calibrate_average,
    fit_weights,
    losses,
)

EMOTION = Head("emotion", "softmax", FERPLUS8.labels, "emotion")
GENDER = Head("gender", "softmax", GENDER2.labels, "gender")
AGE = Head("age", "distribution", tuple(str(i) for i in range(AGE_BINS)), "age")
YEARS = Head("age", "regression", (), "age")


def drawn(
    weights: tuple[float, ...], n: int = 8000, k: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(M, n, k) probabilities of members that know different things, and truths (n,) drawn from
    their average with `weights`.
    """
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, 0.3), (len(weights), n))
    mixed = np.tensordot(weights, p, 1)
    return p, (mixed.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1)


def test_weights_come_to_those_that_made_the_truth() -> None:
    p, truth = drawn((0.65, 0.35, 0.0))
    assert best_weights(EMOTION, p, truth) == pytest.approx([0.65, 0.35, 0.0], abs=0.03)
    fitted = fit_weights(EMOTION, p, truth)
    assert fitted.fitted and fitted.weights == pytest.approx([0.65, 0.35, 0.0], abs=0.03)
    assert fitted.calibration["emotion"] == pytest.approx(1, abs=0.05)
    assert fitted.gain_low > 0 and fitted.gain == pytest.approx(
        losses(EMOTION, p.mean(axis=0), truth).mean()
        - losses(EMOTION, np.tensordot((0.65, 0.35, 0), p, 1), truth).mean(),
        rel=0.1,
    )


def test_no_other_weights_have_less_loss() -> None:
    p, truth = drawn((0.8, 0.2), n=500, seed=3)
    best = losses(GENDER, np.tensordot(best_weights(GENDER, p, truth), p, 1), truth).mean()
    every = [
        losses(GENDER, w * p[0] + (1 - w) * p[1], truth).mean() for w in np.linspace(0, 1, 501)
    ]
    assert best <= min(every) + 1e-6


def test_ages_with_and_without_distribution() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(5, 80, 3000).astype(float)
    values = np.stack([truth + rng.normal(0, 4, 3000), truth + rng.normal(0, 8, 3000)])
    by_value = np.stack([values, values - 5, values + 5], axis=2)
    # Independent errors: the weights of least squares go by the inverse variances, 1/16 and 1/64.
    assert best_weights(YEARS, by_value, truth) == pytest.approx([0.8, 0.2], abs=0.03)
    fitted = fit_weights(YEARS, by_value, truth)
    assert fitted.fitted and fitted.calibration["age"] == pytest.approx(
        np.quantile(np.abs(fitted.weights @ values - truth), 0.8), abs=1e-3
    )
    assert np.array_equal(fitted.out_of_fold[:, 1:], fitted.interval_ends) and held(
        fitted, truth
    ) == pytest.approx(0.8, abs=0.03)

    bins = np.exp(-(((np.arange(101) - values[..., None]) / 6) ** 2))
    fitted = fit_weights(
        AGE, bins / bins.sum(axis=2, keepdims=True), truth
    )  # (2, N, 101): the second member is surer than it may be
    assert fitted.weights[0] > 0.6 and held(fitted, truth) == pytest.approx(0.8, abs=0.03)
    for decade in (20, 50):
        here = (truth >= decade) & (truth < decade + 10)
        assert held(fitted, truth, here) == pytest.approx(0.8, abs=0.08)


def held(fitted: TaskWeights, truth: np.ndarray, where: np.ndarray | None = None) -> float:
    """Share of ages inside their cross-fitted intervals."""
    inside = (fitted.interval_ends[:, 0] <= truth) & (truth <= fitted.interval_ends[:, 1])
    return float(inside[slice(None) if where is None else where].mean())


def test_equal_weights_stay_where_fitting_gains_nothing() -> None:
    p, truth = drawn((0.5, 0.5), n=600)
    fitted = fit_weights(EMOTION, p, truth)
    assert (
        not fitted.fitted and fitted.weights == pytest.approx([0.5, 0.5]) and fitted.gain_low <= 0
    )
    assert not np.allclose(best_weights(EMOTION, p, truth), 0.5, atol=1e-4), (
        "fitting would have moved them"
    )
    alone = fit_weights(EMOTION, p[:1], truth)
    assert not alone.fitted and alone.weights.tolist() == [1.0]


def test_nobody_chooses_for_itself() -> None:
    """Another truth of one sample changes nothing about its own answer, and something about
    others'.
    """
    p, truth = drawn((0.9, 0.1), n=1000)
    truth[7] = -1
    before = fit_weights(EMOTION, p, truth).out_of_fold
    changed = truth.copy()
    changed[11] = (truth[11] + 1) % 8
    after = fit_weights(EMOTION, p, changed).out_of_fold
    assert np.isnan(before[7]).all() and not np.isnan(np.delete(before, 7, axis=0)).any()
    assert np.array_equal(before[11], after[11]) and not np.array_equal(
        np.nan_to_num(before), np.nan_to_num(after)
    )
    same = [i for i in range(1000) if i != 7 and np.array_equal(before[i], after[i])]
    assert len(same) == pytest.approx(1000 / FOLDS, abs=5), "only its own fold stays as it was"


def test_too_few_truths_are_refused() -> None:
    p, truth = drawn((0.5, 0.5), n=9)
    with pytest.raises(ValueError, match="at least 10"):
        fit_weights(EMOTION, p, truth)


def test_a_temperature_undoes_caution() -> None:
    p, truth = drawn((1.0,))
    assert calibrate_average(EMOTION, apply_temperature(p[0], 2.0), truth)[
        "emotion"
    ] == pytest.approx(0.5, abs=0.03)
