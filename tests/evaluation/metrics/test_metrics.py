"""Metrics against their oracles: scikit-learn, scipy and statsmodels, on random and on chosen
cases.
"""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from sklearn import metrics as oracle
from statsmodels.stats.proportion import proportion_confint

from evaluation.metrics import calibration, classification
from evaluation.statistics import intervals
from evaluation.statistics.bootstrap import percentiles
from evaluation.statistics.counts import drawn_counts
from evaluation.statistics.sample import Sample
from tests.evaluation import references

K = 4
pairs = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*(arrays(np.int64, n, elements=st.integers(0, K - 1)) for _ in range(2)))
)
years = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*(arrays(np.float64, n, elements=st.floats(0, 116)) for _ in range(2)))
)
scores = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (n, K), elements=st.floats(-8, 8)),
        arrays(np.int64, n, elements=st.integers(0, K - 1)),
    )
)
quick = settings(max_examples=25, deadline=None)


@quick
@given(pairs)
def test_classification_agrees_with_sklearn(case: tuple[np.ndarray, np.ndarray]) -> None:
    true, pred = case
    matrix = classification.confusion(true, pred, K)
    assert (matrix == oracle.confusion_matrix(true, pred, labels=range(K))).all()
    assert classification.accuracy(matrix) == pytest.approx(
        oracle.accuracy_score(true, pred), abs=1e-12
    )
    occurring = np.unique(true)
    wanted = oracle.f1_score(true, pred, labels=occurring, average="macro", zero_division=0)
    assert classification.macro_f1(matrix) == pytest.approx(wanted, abs=1e-12)
    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        true, pred, labels=range(K), zero_division=np.nan
    )
    ours = classification.per_class(matrix)
    np.testing.assert_allclose(ours.precision, precision, atol=1e-12)
    np.testing.assert_allclose(ours.recall, recall, atol=1e-12)
    np.testing.assert_allclose(ours.f1[support > 0], np.nan_to_num(f1[support > 0]), atol=1e-12)
    assert (ours.support == support).all()


def test_classification_refuses_what_it_cannot_count() -> None:
    with pytest.raises(ValueError, match=r"0\.\.1, got 0\.\.2"):
        classification.confusion(np.array([0, 2]), np.array([0, 1]), 2)
    with pytest.raises(ValueError, match="one shape"):
        classification.confusion(np.array([0, 1]), np.array([0]), 2)
    empty = classification.confusion(np.array([], int), np.array([], int), 2)
    assert np.isnan(classification.accuracy(empty)) and np.isnan(classification.macro_f1(empty))


@quick
@given(scores)
def test_probabilities_agree_with_sklearn(case: tuple[np.ndarray, np.ndarray]) -> None:
    logits, true = case
    p = calibration.softmax(logits)
    assert calibration.nll(p, true).mean() == pytest.approx(
        oracle.log_loss(true, p, labels=range(K)), rel=1e-12
    )
    assert calibration.brier(p, true).mean() == pytest.approx(
        np.square(p - np.eye(K)[true]).sum(axis=1).mean(), abs=1e-12
    )
    assert 0 <= references.ece(p.max(axis=1), p.argmax(axis=1) == true) <= 1


def test_ece_by_hand() -> None:
    # Bin (0.8, 0.9]: confidence 0.9, one of two right; bin (0.5, 0.6]: confidence 0.6, right. (2 *
    # |0.5 - 0.9| + |1 - 0.6|) / 3 = 0.4
    top, right = np.array([0.9, 0.9, 0.6]), np.array([True, False, True])
    assert references.ece(top, right, bins=10) == pytest.approx(0.4)
    diagram = references.reliability(top, right, bins=10)
    assert diagram.count.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 2, 0] and diagram.accuracy[8] == 0.5


def test_ece_of_honest_probabilities_is_small_and_of_bold_ones_is_not() -> None:
    rng = np.random.default_rng(0)
    p = calibration.softmax(rng.normal(size=(20_000, K)))
    true = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)
    right, bold = p.argmax(axis=1) == true, calibration.softmax(np.log(p) * 3)
    assert (
        references.ece(p.max(axis=1), right) < 0.015 < 0.1 < references.ece(bold.max(axis=1), right)
    )


@quick
@given(scores)
def test_temperature_agrees_with_scipy(case: tuple[np.ndarray, np.ndarray]) -> None:
    logits, true = case
    temperature = calibration.fit_temperature(logits, true)

    def loss(log_t: float) -> float:
        return calibration.nll(calibration.softmax(logits, np.exp(log_t)), true).mean()

    best = minimize_scalar(
        loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-6}
    )
    assert loss(np.log(temperature)) <= best.fun + 1e-4


def test_temperature_undoes_a_scale() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, K))
    true = (calibration.softmax(logits).cumsum(axis=1) < rng.random((len(logits), 1))).sum(axis=1)
    assert calibration.fit_temperature(logits * 2.5, true) == pytest.approx(2.5, rel=0.05)


@quick
@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_statsmodels(case: tuple[int, int]) -> None:
    hits, n = case
    assert intervals.wilson(hits, n) == pytest.approx(
        proportion_confint(hits, n, 0.05, method="wilson"), abs=1e-12
    )


def test_wilson_edges() -> None:
    assert (
        intervals.wilson(0, 0) == (0.0, 1.0)
        and intervals.wilson(0, 9)[0] == 0.0
        and intervals.wilson(9, 9)[1] == 1.0
    )
    with pytest.raises(ValueError, match="hits"):
        intervals.wilson(3, 2)


def test_bootstrap_of_a_mean_agrees_with_its_standard_error() -> None:
    values = np.random.default_rng(1).exponential(5, 2000)
    low, high = intervals.bootstrap_mean(values, rounds=2000)
    error = 1.96 * values.std() / len(values) ** 0.5
    assert (low, high) == pytest.approx(
        (values.mean() - error, values.mean() + error), abs=0.15 * error
    )
    assert (low, high) == intervals.bootstrap_mean(values, rounds=2000), "same seed, same interval"
    many = np.tile(values, 11)  # beyond MANY: the normal approximation
    low, high = intervals.bootstrap_mean(many)
    assert (low, high) == pytest.approx(
        (values.mean() - error / 11**0.5, values.mean() + error / 11**0.5), abs=1e-4
    )


def test_bootstrap_over_counts_agrees_with_bootstrap_over_samples() -> None:
    rng = np.random.default_rng(2)
    true = rng.integers(0, 3, 600)
    pred = np.where(rng.random(600) < 0.7, true, rng.integers(0, 3, 600))
    slow = intervals.bootstrap(
        lambda at: float(classification.macro_f1(classification.confusion(true[at], pred[at], 3))),
        600,
        rounds=2000,
    )
    fast = percentiles(
        classification.macro_f1(
            drawn_counts(Sample(600).counts(true * 3 + pred, 9)).reshape(-1, 3, 3)
        )
    )
    assert fast == pytest.approx(slow, abs=0.006)


@pytest.mark.parametrize("module", [classification, intervals])
def test_examples_in_docstrings(module: object) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0
