"""What a predictor makes of a network's outputs: probabilities, limits, ages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import age_intervals
from core.artifacts.card import Kind
from core.calibration import INTERVAL_COVERAGE, central_interval, estimate_age
from core.face_quality import band_of, uncertain
from core.predictor import Predictor
from core.preprocess import to_input
from core.types import LIMIT, UNCLEAR_AGE_YEARS, Distribution
from tests.core.artifacts.test_bundle import with_card


def test_predictions_are_probabilities_and_batches_agree(tiny_bundle: Path) -> None:
    predictor = Predictor(tiny_bundle)
    crops = np.random.default_rng(0).integers(0, 256, (9, 48, 48, 1), np.uint8)
    many = predictor.predict_crops(crops)
    for crop, one in zip(crops, many, strict=True):
        alone = predictor.predict_crops(crop[None])[0]
        assert isinstance(one.emotion, Distribution) and one.emotion.p.sum() == pytest.approx(1)
        assert np.abs(one.emotion.p - alone.emotion.p).max() < 1e-5
        assert (
            one.age.low <= one.age.value <= one.age.high and one.age.coverage == INTERVAL_COVERAGE
        )
    assert (
        predictor.predict_crops(crops[:0]) == []
        and predictor.predict(np.zeros((9, 9, 3), np.uint8), []) == []
    )


def test_temperature_softens(tiny_bundle: Path, tmp_path: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1), np.uint8)
    hot = Predictor(with_card(tiny_bundle, tmp_path, {"calibration": {"emotion": 4.0}}))
    cold = Predictor(tiny_bundle)
    a, b = cold.probabilities(crops)["emotion"], hot.probabilities(crops)["emotion"]
    assert (a.argmax(1) == b.argmax(1)).all() and (b.max(1) < a.max(1)).all()
    expected = np.exp(cold.logits(to_input(crops, cold.card.input))["emotion"].astype(float) / 4)
    assert b == pytest.approx(expected / expected.sum(1, keepdims=True), abs=1e-6)


def crops(n: int = 9) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 48, 48, 1), np.uint8)


def test_answers_know_their_model_s_limits(tiny_bundle: Path, tmp_path: Path) -> None:
    limits = {"emotion": 0.4, "gender": 0.6, "age": 33.0}
    (one,) = Predictor(with_card(tiny_bundle, tmp_path, {"thresholds": limits})).predict_crops(
        crops(1)
    )
    assert (one.emotion.limit, one.gender.limit, one.age.limit) == (0.4, 0.6, 33.0)
    (old,) = Predictor(tiny_bundle).predict_crops(crops(1))
    assert (old.emotion.limit, old.gender.limit, old.age.limit) == (
        LIMIT,
        LIMIT,
        np.inf,
    ) and old.age.uncertain is old.age.unclear


@pytest.mark.parametrize("task", ["emotion", "gender"])
def test_uncertain_is_under_the_limit_and_not_above(
    tiny_bundle: Path, tmp_path: Path, task: str
) -> None:
    confidence = getattr(Predictor(tiny_bundle).predict_crops(crops(1))[0], task).confidence
    for limit, unsure in ((confidence - 1e-6, False), (confidence + 1e-6, True), (1.0, True)):
        (one,) = Predictor(
            with_card(tiny_bundle, tmp_path, {"thresholds": {task: limit}})
        ).predict_crops(crops(1))
        assert getattr(one, task).uncertain is unsure and uncertain(one)[task] is unsure
        if task == "emotion":
            assert (band_of(one) == "low") is unsure


def test_an_age_is_uncertain_over_its_width(tiny_bundle: Path, tmp_path: Path) -> None:
    (plain,) = Predictor(tiny_bundle).predict_crops(crops(1))
    width = plain.age.high - plain.age.low
    unclear = width > UNCLEAR_AGE_YEARS  # which is uncertain whatever the limit is
    for limit, unsure in ((width - 0.01, True), (width + 0.01, unclear)):
        (one,) = Predictor(
            with_card(tiny_bundle, tmp_path, {"thresholds": {"age": limit}})
        ).predict_crops(crops(1))
        assert one.age.uncertain is unsure and uncertain(one) == {
            "emotion": True,
            "gender": one.gender.uncertain,
            "age": unsure,
        }


def test_factors_stretch_the_age_s_interval_and_nothing_else(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    plain = Predictor(tiny_bundle)
    wider = Predictor(
        with_card(tiny_bundle, tmp_path, {"calibration": {"age@5": 1.5, "age@85": 1.5}})
    )
    for a, b in zip(plain.predict_crops(crops()), wider.predict_crops(crops()), strict=True):
        assert b.age.value == a.age.value and (b.emotion.p == a.emotion.p).all()
        assert b.age.low == pytest.approx(max(0, a.age.value - 1.5 * (a.age.value - a.age.low)))
        assert b.age.high == pytest.approx(min(116, a.age.value + 1.5 * (a.age.high - a.age.value)))
    value, low, high = wider.ages(wider.probabilities(crops())["age"])
    assert (
        [v.shape for v in (value, low, high)] == [(9,)] * 3
        and (low <= value).all()
        and (value <= high).all()
    )


@pytest.mark.parametrize("kind", ["distribution", "regression"])
def test_ages_are_the_same_alone_and_in_a_batch(kind: Kind) -> None:
    rng, factors = (
        np.random.default_rng(0),
        {"age": 8.0, "age@5": 0.6, "age@40": 1.5, "age@85": 2.5},
    )
    p = (
        rng.dirichlet(np.full(116, 0.3), 50)
        if kind == "distribution"
        else rng.uniform(0, 90, (50, 1))
    )
    together = np.stack(estimate_age(p, kind, factors), axis=1)
    assert (
        together
        == np.concatenate([np.stack(estimate_age(row[None], kind, factors), axis=1) for row in p])
    ).all()


def test_ages_are_worked_out_once_for_all_faces(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, sizes = (
        Predictor(with_card(tiny_bundle, tmp_path, {"calibration": {"age@5": 1.5, "age@85": 0.8}})),
        [],
    )
    ages = np.stack(predictor.ages(predictor.probabilities(crops())["age"]), axis=1)
    stretched = age_intervals.stretched
    monkeypatch.setattr(
        age_intervals,
        "stretched",
        lambda value, *rest: sizes.append(len(value)) or stretched(value, *rest),
    )
    predictions = predictor.predict_crops(crops())
    assert sizes == [9]
    assert ([(one.age.value, one.age.low, one.age.high) for one in predictions] == ages).all()


@pytest.mark.parametrize("factors", [{}, {"age@5": 0.2, "age@35": 1.0}])
def test_years_of_a_regression_are_an_age_within_its_own_interval(
    factors: dict[str, float],
) -> None:
    value, low, high = estimate_age(
        np.array([[-3.0], [0.0], [60.0], [116.0], [150.0]]), "regression", {"age": 10.0, **factors}
    )
    assert list(value) == [0, 0, 60, 116, 116] and (low <= value).all() and (value <= high).all()
    assert (low >= 0).all() and (high <= 116).all()
    assert (high - low <= 20).all(), "no value beyond the ends makes it wide"
    assert (low[0], high[0], low[4], high[4]) == (low[1], high[1], low[3], high[3])


def test_interval_of_known_distributions() -> None:
    one = np.eye(101)[30]
    low, high = central_interval(one, 0.8)
    assert (low, high) == (pytest.approx(29.6), pytest.approx(30.4))
    even = np.full(101, 1 / 101)
    low, high = central_interval(np.stack([even, one]), 0.8)
    assert low == pytest.approx([-0.5 + 0.1 * 101, 29.6]) and high == pytest.approx(
        [-0.5 + 0.9 * 101, 30.4]
    )
    assert central_interval(np.eye(101)[0], 0.8)[0] == 0  # nobody is younger than nothing
