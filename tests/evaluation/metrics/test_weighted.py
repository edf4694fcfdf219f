"""Weighted and degenerate input to 1e-12: weights are repetitions, none changes nothing, and what
cannot be computed is NaN.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn import metrics as oracle
from statsmodels.stats.weightstats import DescrStatsW

from evaluation.metrics import calibration, classification, curves, regression, selective
from evaluation.statistics import significance

K = 3
quick = settings(max_examples=50, deadline=None)
cases = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.floats(0, 116)),
        arrays(np.float64, n, elements=st.floats(0, 116)),
        arrays(np.int64, n, elements=st.integers(0, 4)),
    )
)
confident = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.sampled_from([0.05, 0.3, 1 / 3, 0.5, 0.9, 1.0])),
        arrays(np.bool_, n),
        arrays(np.int64, n, elements=st.integers(0, 4)),
    )
)
exact = {"rel": 1e-12, "abs": 1e-12, "nan_ok": True}


@quick
@given(cases)
def test_errors_agree_with_sklearn_and_statsmodels(case: tuple[np.ndarray, ...]) -> None:
    true, pred, times = case
    for weight in (None, times.astype(float)):
        if weight is not None and weight.sum() == 0:
            assert np.isnan(
                [f(true, pred, weight) for f in (regression.mae, regression.rmse, regression.bias)]
            ).all()
            assert np.isnan(regression.cumulative_score(true, pred, 5, weight))
            continue
        assert regression.mae(true, pred, weight) == pytest.approx(
            oracle.mean_absolute_error(true, pred, sample_weight=weight), **exact
        )
        wanted = oracle.root_mean_squared_error(true, pred, sample_weight=weight)
        assert regression.rmse(true, pred, weight) == pytest.approx(wanted, **exact)
        assert regression.bias(true, pred, weight) == pytest.approx(
            DescrStatsW(pred - true, weight).mean, **exact
        )
        near = DescrStatsW((np.abs(pred - true) <= 5).astype(float), weight).mean
        assert regression.cumulative_score(true, pred, 5, weight) == pytest.approx(near, **exact)
        held = DescrStatsW(((pred - 3 <= true) & (true <= pred + 3)).astype(float), weight).mean
        assert regression.coverage(true, pred - 3, pred + 3, weight) == pytest.approx(held, **exact)


@quick
@given(confident)
def test_weights_are_repetitions(case: tuple[np.ndarray, ...]) -> None:
    top, right, times = case
    more = np.repeat(top, times), np.repeat(right, times)
    weight = times.astype(float)
    assert calibration.ece(top, right, weight=weight) == pytest.approx(
        calibration.ece(*more), **exact
    )
    a, b = calibration.reliability(top, right, weight=weight), calibration.reliability(*more)
    for name in ("confidence", "accuracy", "count"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12)
    assert selective.aurc(top, right, weight) == pytest.approx(selective.aurc(*more), **exact)
    assert curves.areas(top, right, weight) == pytest.approx(curves.areas(*more), **exact)
    true, pred = right.astype(int), (top > 0.4).astype(int)
    mine, theirs = (
        classification.confusion(*pair[:2], K, pair[2])
        for pair in ((true, pred, weight), (np.repeat(true, times), np.repeat(pred, times), None))
    )
    assert (mine == theirs).all()
    for of in (classification.macro_f1, classification.balanced_accuracy, classification.kappa):
        assert of(mine) == pytest.approx(of(theirs), **exact)


def test_weights_that_are_none_are_refused() -> None:
    two = np.array([1.0, 2.0])
    for weight in (np.ones(3), np.array([1.0, -1.0]), np.array([1.0, np.nan])):
        with pytest.raises(ValueError, match="`weight`"):
            regression.mae(two, two, weight)
        with pytest.raises(ValueError, match="`weight`"):
            classification.confusion(np.zeros(2, int), np.zeros(2, int), 2, weight)


@quick
@given(st.integers(0, 2**32 - 1), st.integers(5, 200), st.floats(0.3, 5))
def test_the_temperature_has_the_least_loss(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, K))
    true = np.where(rng.random(n) < 0.7, logits.argmax(axis=1), rng.integers(0, K, n))
    logits *= scale

    def loss(log_t: float) -> float:
        return float(-log_softmax(logits / np.exp(log_t), axis=1)[np.arange(n), true].mean())

    found = calibration.fit_temperature(logits, true)
    best = minimize_scalar(
        loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-9}
    )
    assert loss(np.log(found)) <= best.fun + 1e-12
    assert 0.05 <= found <= 20


def test_one_class_and_nothing() -> None:
    ones = np.zeros(9, int)
    matrix = classification.confusion(ones, ones, K)
    assert (
        classification.accuracy(matrix) == 1
        and classification.macro_f1(matrix) == 1
        and np.isnan(classification.kappa(matrix))
    )
    assert np.isnan(classification.per_class(matrix).recall[1:]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nothing = np.zeros(0)
        assert np.isnan(calibration.ece(nothing, nothing.astype(bool))) and np.isnan(
            regression.mae(nothing, nothing)
        )
        assert len(selective.risk_coverage(nothing, nothing.astype(bool)).risk) == 0
        assert np.isnan(significance.paired_t(nothing)) and np.isnan(
            significance.paired_t(nothing, nothing.astype(int))
        )


@quick
@given(st.integers(0, 2**32 - 1), st.integers(2, 50))
def test_the_clustered_t_of_singles_is_the_paired_t(seed: int, n: int) -> None:
    gain = np.random.default_rng(seed).normal(0.2, 1, n)
    assert significance.paired_t(gain, np.arange(n)[::-1]) == pytest.approx(
        significance.paired_t(gain), rel=1e-9
    )
    thrice, who = np.repeat(gain, 3), np.repeat(np.arange(n), 3)
    assert significance.paired_t(thrice, who) == pytest.approx(
        significance.paired_t(gain), rel=1e-9
    ), "copies are no evidence"


def test_a_thinned_curve_keeps_its_ends() -> None:
    x = np.sort(np.random.default_rng(0).random(5000))
    for across in (x, x[::-1]):
        a, b = curves.thinned(across, across**2, 100)
        assert len(a) <= 100 and (a[0], a[-1]) == (across[0], across[-1]) and (b == a**2).all()
    assert (
        curves.thinned(x[:5], x[:5], 100)[0] is not None
        and len(curves.thinned(x[:5], x[:5], 100)[0]) == 5
    )
