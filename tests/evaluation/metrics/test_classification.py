"""Averages, agreement, curves and abstention against scikit-learn, also weighted and degenerate."""

from __future__ import annotations

import doctest
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as oracle

from evaluation.metrics import classification, curves, selective
from tests.evaluation import references

K = 4
quick = settings(max_examples=60, deadline=None)
weights = st.sampled_from([0.25, 1.0, 3.0])
labelled = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*(arrays(np.int64, n, elements=st.integers(0, K - 1)) for _ in range(2)))
)
scored = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        arrays(
            np.float64, n, elements=st.one_of(st.floats(0, 1), st.sampled_from([0.25, 0.5]))
        ),  # ties are common
        arrays(np.bool_, n),
        arrays(np.float64, n, elements=weights),
    )
)
same = {"abs": 1e-12, "nan_ok": True}


@quick
@given(labelled)
def test_matrix_and_its_shares_agree_with_sklearn(case: tuple[np.ndarray, ...]) -> None:
    true, pred = case
    matrix = classification.confusion(true, pred, K)
    np.testing.assert_allclose(
        matrix,
        oracle.confusion_matrix(true, pred, labels=range(K)),
        atol=1e-12,
    )
    for by in ("true", "pred", "all"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = oracle.confusion_matrix(true, pred, labels=range(K), normalize=by)
        np.testing.assert_allclose(classification.normalised(matrix, by), wanted, atol=1e-12)


@quick
@given(labelled)
def test_averages_and_agreement_agree_with_sklearn(case: tuple[np.ndarray, ...]) -> None:
    true, pred = case
    occurring = np.unique(true)
    matrix = classification.confusion(true, pred, K)
    for weighted, name in ((False, "macro"), (True, "weighted")):
        wanted = oracle.precision_recall_fscore_support(
            true, pred, labels=occurring, average=name, zero_division=0
        )
        ours = classification.average(matrix, weighted)
        assert (ours.precision, ours.recall, ours.f1) == pytest.approx(wanted[:3], abs=1e-12)
    assert classification.average(matrix).f1 == pytest.approx(
        float(classification.macro_f1(matrix)), abs=1e-12
    )
    recall = oracle.recall_score(true, pred, labels=occurring, average="macro")
    assert float(classification.balanced_accuracy(matrix)) == pytest.approx(recall, abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = oracle.cohen_kappa_score(true, pred, labels=range(K))
    one = len(np.union1d(true, pred)) == 1
    assert float(classification.kappa(matrix)) == pytest.approx(
        float("nan") if one else wanted, **same
    )


def test_figures_of_nothing_are_nan_and_of_many_matrices_one_each() -> None:
    empty = np.zeros((K, K), int)
    assert np.isnan(classification.kappa(empty)) and np.isnan(
        classification.balanced_accuracy(empty)
    )
    assert (
        np.isnan(classification.average(empty).f1)
        and (classification.normalised(empty, "all") == 0).all()
    )
    stack = np.random.default_rng(0).integers(0, 9, (5, K, K))
    for of in (classification.kappa, classification.balanced_accuracy):
        assert of(stack) == pytest.approx([float(of(m)) for m in stack], abs=1e-12)
    with pytest.raises(ValueError, match="true, pred or all"):
        classification.normalised(empty, "rows")


@quick
@given(scored)
def test_curves_agree_with_sklearn(case: tuple[np.ndarray, ...]) -> None:
    score, positive, weight = case
    for w in (None, weight):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one class only
            fpr, tpr, _ = oracle.roc_curve(
                positive, score, sample_weight=w, drop_intermediate=False, pos_label=True
            )
        ours = curves.counts(score, positive, w).roc()
        np.testing.assert_allclose(ours[0], fpr, atol=1e-12)
        np.testing.assert_allclose(ours[1], tpr, atol=1e-12)
        if positive.all() or not positive.any():
            assert np.isnan(curves.counts(score, positive, w).areas()[0])
        else:
            assert curves.counts(score, positive, w).areas()[0] == pytest.approx(
                oracle.roc_auc_score(positive, score, sample_weight=w), abs=1e-12
            )
        if not positive.any():
            assert np.isnan(curves.counts(score, positive, w).areas()[1])
            continue
        precision, recall, _ = oracle.precision_recall_curve(
            positive, score, sample_weight=w, pos_label=True
        )
        ours = curves.counts(score, positive, w).precision_recall()
        np.testing.assert_allclose(ours[0], precision[:-1][::-1], atol=1e-12)
        np.testing.assert_allclose(ours[1], recall[:-1][::-1], atol=1e-12)
        wanted = oracle.average_precision_score(positive, score, sample_weight=w, pos_label=True)
        assert curves.counts(score, positive, w).areas()[1] == pytest.approx(wanted, abs=1e-12)


def test_curves_refuse_nan_and_take_nothing() -> None:
    with pytest.raises(ValueError, match="no NaN"):
        curves.counts(np.array([0.1, np.nan]), np.array([True, False])).roc()
    nothing = np.zeros(0), np.zeros(0, bool)
    assert np.isnan(curves.counts(*nothing).areas()).all() and np.isnan(references.aurc(*nothing))


@quick
@given(scored)
def test_risk_and_coverage_agree_with_counting(case: tuple[np.ndarray, ...]) -> None:
    confidence, right, _ = case
    curve = selective.risk_coverage(confidence, right)
    for t, coverage, risk in zip(curve.threshold, curve.coverage, curve.risk, strict=True):
        answered = confidence >= t
        assert (coverage, risk) == pytest.approx(
            (answered.mean(), 1 - right[answered].mean()), abs=1e-12
        )
    by_hand = np.mean([1 - right[confidence >= t].mean() for t in confidence])
    assert references.aurc(confidence, right) == pytest.approx(by_hand, abs=1e-12)


@quick
@given(scored, st.sampled_from([0.3, 0.5, 0.9, 1.0]))
def test_a_plan_keeps_its_wish_and_is_the_best_that_does(
    case: tuple[np.ndarray, ...], wish: float
) -> None:
    confidence, right, _ = case
    pred = (np.arange(len(right)) % 3 == 0).astype(int)
    for name in ("precision", "coverage"):
        thresholds = selective.class_thresholds(confidence, pred, right, 3, **{name: wish})
        assert thresholds[2] == np.inf
        for c in np.unique(pred):
            mine = confidence[pred == c], right[pred == c]
            every = [
                (t, (mine[0] >= t).mean(), mine[1][mine[0] >= t].mean()) for t in np.unique(mine[0])
            ]
            good = [e for e in every if e[2 if name == "precision" else 1] >= wish - 1e-12]
            if not good:
                assert thresholds[c] == np.inf, "all abstained"
            else:
                best = min(good) if name == "precision" else max(good)
                assert thresholds[c] == best[0]


def test_a_plan_needs_one_wish() -> None:
    for wishes in ({}, {"coverage": 0.5, "precision": 0.5}, {"coverage": 0.0}, {"precision": 1.5}):
        with pytest.raises(ValueError, match="Expected one of"):
            selective.class_thresholds(np.ones(2), np.zeros(2, int), np.ones(2, bool), 1, **wishes)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(classification).failed == 0
