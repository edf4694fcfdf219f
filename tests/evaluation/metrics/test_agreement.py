"""Votes, bands of age, calibration by class and by equal mass, and bootstrap over clusters, against
scipy and scikit-learn.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy
from sklearn import metrics as oracle
from sklearn.calibration import calibration_curve

from core.labels import age_decade
from evaluation.analysis.regression import regression_report
from evaluation.metrics import agreement, regression
from evaluation.predictions.arrays import Numbers
from evaluation.statistics import intervals
from evaluation.statistics.bootstrap import percentiles
from evaluation.statistics.counts import drawn_counts
from evaluation.statistics.sample import Sample
from tests.evaluation import references

K = 4
quick = settings(max_examples=60, deadline=None)
ballots = st.integers(1, 20).flatmap(
    lambda n: st.tuples(
        arrays(np.int64, (n, K), elements=st.integers(0, 5)),
        arrays(np.int64, n, elements=st.integers(0, K - 1)),
    )
)
years = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*(arrays(np.float64, n, elements=st.floats(0, 116)) for _ in range(2)))
)


@quick
@given(ballots)
def test_votes_agree_with_counting_one_by_one(case: tuple[np.ndarray, np.ndarray]) -> None:
    counts, pred = case
    majority, any_third = (
        agreement.agrees_with_votes(counts, pred),
        agreement.agrees_with_votes(counts, pred, 1 / 3),
    )
    ceiling = agreement.ceiling(counts)
    for i, row in enumerate(counts):
        total = row.sum()
        if total == 0:
            assert np.isnan([majority[i], any_third[i], ceiling[i]]).all()
            continue
        assert majority[i] == (row[pred[i]] == row.max()) and any_third[i] == (
            row[pred[i]] * 3 >= total
        )
        assert ceiling[i] == pytest.approx(row.max() / total, abs=1e-12)


@quick
@given(ballots, st.integers(0, 2**32 - 1))
def test_kl_agrees_with_scipy(case: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    counts, _ = case
    p = np.random.default_rng(seed).dirichlet(np.ones(K), len(counts))
    divergence = agreement.kl(counts, p)
    for row, q, ours in zip(counts, p, divergence, strict=True):
        assert ours == pytest.approx(
            entropy(row, np.maximum(q, 1e-12)) if row.sum() else np.nan, abs=1e-9, nan_ok=True
        )


def test_votes_that_are_none() -> None:
    unknown = np.array([[np.nan] * K, [0.0] * K])
    assert (
        np.isnan(agreement.agrees_with_votes(unknown, np.array([0, 1]))).all()
        and np.isnan(agreement.kl(unknown, np.full((2, K), 0.25))).all()
    )
    single = np.array([[0.7, 0.3, 0, 0]], np.float32)  # 0.7 in single precision is a little less
    assert agreement.agrees_with_votes(single, np.array([0]), 0.7).tolist() == [1.0]
    with pytest.raises(ValueError, match="at least 0"):
        agreement.shares(np.array([[-1.0, 2]]))
    with pytest.raises(ValueError, match="`share`"):
        agreement.agrees_with_votes(single, np.array([0]), 0.0)


@quick
@given(years)
def test_bands_agree_with_decades_one_by_one(case: tuple[np.ndarray, np.ndarray]) -> None:
    true, pred = case
    ages = Numbers(np.arange(len(true)), true, pred, None, None)
    report = regression_report(ages, {}, Sample(len(true)), is_age=True)
    decades = np.array([age_decade(a) for a in true])
    for row in report.decades:
        of_decade = decades == row.decade
        assert row.n == of_decade.sum()
        if row.n:
            assert row.mae == pytest.approx(np.abs(pred - true)[of_decade].mean(), abs=1e-10)
            assert row.bias == pytest.approx((pred - true)[of_decade].mean(), abs=1e-10)
        else:
            assert row.mae is None and row.bias is None
    a, b = regression.bands(true), regression.bands(pred)
    assert report.bands.off_by == pytest.approx(
        [np.mean(np.abs(a - b) <= k) for k in range(regression.BANDS)], abs=1e-12
    )
    assert report.bands.confusion == oracle.confusion_matrix(a, b, labels=range(9)).tolist()
    assert report.mae.value == pytest.approx(oracle.mean_absolute_error(true, pred))
    assert report.rmse.value == pytest.approx(oracle.root_mean_squared_error(true, pred))
    assert report.bias.value == pytest.approx(np.mean(pred) - np.mean(true), abs=1e-9)
    assert report.cs5.value == pytest.approx(np.mean(np.abs(pred - true) <= 5))


def test_ages_outside_all_bands_count_in_the_outermost() -> None:
    assert regression.bands(np.array([-3.0, 0, 9.99, 10, 79.9, 80, 200])).tolist() == [
        0,
        0,
        0,
        1,
        7,
        8,
        8,
    ]


def right_with(rng: np.random.Generator, top: np.ndarray) -> np.ndarray:
    return rng.random(len(top)) < top


@quick
@given(st.integers(0, 2**32 - 1), st.integers(20, 300), st.booleans())
def test_reliability_agrees_with_sklearn(seed: int, n: int, mass: bool) -> None:
    rng = np.random.default_rng(seed)
    top = rng.random(n)
    right = right_with(rng, top)
    diagram = references.reliability(top, right, 10, equal_mass=mass)
    accuracy, confidence = calibration_curve(
        right, top, n_bins=10, strategy="quantile" if mass else "uniform"
    )
    full = diagram.count > 0
    np.testing.assert_allclose(diagram.accuracy[full], accuracy, atol=1e-12)
    np.testing.assert_allclose(diagram.confidence[full], confidence, atol=1e-12)
    assert not mass or np.ptp(diagram.count) <= 2  # an edge may meet a sample
    wanted = np.abs(accuracy - confidence) @ diagram.count[full] / n
    assert references.ece(top, right, 10, equal_mass=mass) == pytest.approx(wanted, abs=1e-12)


def test_ece_by_mass_of_ties_and_of_nothing() -> None:
    assert references.ece(np.full(9, 0.5), np.arange(9) < 3, equal_mass=True) == pytest.approx(
        1 / 6, abs=1e-12
    )
    assert np.isnan(references.ece(np.zeros(0), np.zeros(0, bool), equal_mass=True))


def test_classwise_ece_finds_the_class_that_is_off() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3) * 2, 20_000)
    true = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)
    calibrated = references.classwise_ece(p, true)
    false = p.copy()
    false[:, 0] = p[:, 0] ** 2
    off = references.classwise_ece(false, true)
    assert (calibrated < 0.02).all() and off[0] > 0.1 and (off[1:] == calibrated[1:]).all()


@quick
@given(st.integers(0, 2**32 - 1))
def test_clusters_of_one_are_samples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, pred = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    assume(len(np.unique(true)) == 2)
    alone, together = (
        drawn_counts(Sample(60, cluster).counts(true * 2 + pred, 4)).reshape(-1, 2, 2)
        for cluster in (None, rng.permutation(60))
    )
    shares = [
        percentiles(np.trace(m, axis1=-2, axis2=-1) / m.sum(axis=(-2, -1)))
        for m in (alone, together)
    ]
    assert shares[1] == pytest.approx(shares[0], abs=0.04)


def test_clusters_that_agree_within_make_intervals_wide() -> None:
    rng = np.random.default_rng(0)
    people = rng.random(40) < 0.7  # all 25 pictures of a person are right, or none is
    together = Sample(1000, np.repeat(np.arange(40), 25)).share(np.repeat(people, 25))
    alone = intervals.bootstrap_mean(np.repeat(people, 25).astype(float))
    assert (together.high - together.low) / (alone[1] - alone[0]) == pytest.approx(
        5, rel=0.15
    )  # the root of 25
