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

from evaluation.metrics import calibration, classification, curves, selective
from evaluation.statistics import significance
from tests.evaluation import references

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
@given(confident)
def test_weights_are_repetitions(case: tuple[np.ndarray, ...]) -> None:
    top, right, times = case
    more = np.repeat(top, times), np.repeat(right, times)
    weight = times.astype(float)
    assert references.aurc(top, right, weight) == pytest.approx(references.aurc(*more), **exact)
    assert curves.counts(top, right, weight).areas() == pytest.approx(
        curves.counts(*more).areas(), **exact
    )


@quick
@given(st.integers(0, 2**32 - 1), st.integers(5, 200), st.floats(0.3, 5))
def test_the_temperature_has_the_least_loss(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, K))
    true = np.where(rng.random(n) < 0.7, logits.argmax(axis=1), rng.integers(0, K, n))
    logits *= scale

    def loss(log_t: float) -> float:
        return float(-log_softmax(logits / np.exp(log_t), axis=1)[np.arange(n), true].mean())

    temperature = calibration.fit_temperature(logits, true)
    best = minimize_scalar(
        loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-9}
    )
    assert loss(np.log(temperature)) <= best.fun + 1e-12
    assert 0.05 <= temperature <= 20


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
