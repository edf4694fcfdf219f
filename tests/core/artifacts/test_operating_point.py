"""Operating points: a card without any predicts as before; each point corrects the prior by as much
as it says, and brings its own thresholds.
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from core.artifacts import bundle
from core.artifacts.card import Card, Head
from core.artifacts.operating_point import ACCURACY, OperatingPoint
from core.calibration import activate
from core.ensemble import Ensemble
from core.errors import ModelError
from core.face_model import open_model
from core.predictor import Predictor
from core.preprocess import InputSpec
from tests.conftest import ROOT
from tests.core.ensembles import join, write

GRAPH = "cf024b500acf57fda4ee18bc113e1fe89d6b1e3962472c704a3784d4a75a68c4"
"""SHA-256 of the network of release 0.4.0, without its metadata."""
NEW_FIELDS = {"priors", "operating_points", "operating_point", "interval_factor", "gender_from_age"}


@pytest.fixture(scope="module")
def card(shipped_model: Path) -> Card:
    return bundle.load_card(shipped_model)


@pytest.fixture(scope="module")
def logits(shipped_model: Path) -> dict[str, np.ndarray]:
    model, rng = Predictor(shipped_model), np.random.default_rng(0)
    return {h.task: rng.normal(0, 2, (50, h.width)) for h in model.card.heads}


def test_release_0_4_1_has_the_network_of_0_4_0() -> None:
    graph = onnx.load(ROOT / "assets/releases/mien_0_4/model.onnx").graph.SerializeToString(
        deterministic=True
    )
    assert hashlib.sha256(graph).hexdigest() == GRAPH


def test_a_card_without_the_new_fields_predicts_as_before(card: Card) -> None:
    old = {k: v for k, v in asdict(card).items() if k not in NEW_FIELDS}
    read = Card(**old)
    assert read.points == (ACCURACY,) and read.at() == read
    assert read.logit_shift("emotion") is None and read.gender_from_age == 0
    assert (read.calibration, read.thresholds) == (card.calibration, card.thresholds)


def test_the_accuracy_point_is_the_card_s_own_calibration(
    shipped_model: Path, card: Card, logits: dict
) -> None:
    model = Predictor(shipped_model, operating_point=ACCURACY)
    assert (model.card.thresholds, model.card.interval_factor) == (card.thresholds, 1)
    z = logits["emotion"] / card.calibration["emotion"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.calibrate(logits)["emotion"], p, atol=1e-12)


def test_the_default_takes_the_prior_off_the_logits(
    shipped_model: Path, card: Card, logits: dict
) -> None:
    model = Predictor(shipped_model)
    point = card.operating_points[card.operating_point]
    assert model.card.operating_point == card.operating_point == "balanced"
    assert model.card.thresholds["emotion"] == point.thresholds["emotion"]
    assert model.card.thresholds["gender"] == card.thresholds["gender"]
    prior = np.array([card.priors["emotion"][label] for label in card.labels("emotion")])
    z = np.exp(logits["emotion"]) / prior ** point.strengths["emotion"]
    p = z ** (1 / point.calibration["emotion"])
    ours = model.calibrate(logits)
    np.testing.assert_allclose(ours["emotion"], p / p.sum(axis=1, keepdims=True), atol=1e-9)
    plain = Predictor(shipped_model, operating_point=ACCURACY).calibrate(logits)
    np.testing.assert_array_equal(ours["gender"], plain["gender"])


def test_a_sigmoid_s_prior_is_taken_off_its_odds() -> None:
    sigmoid = Head("gender", "sigmoid", ("female", "male"), "gender")
    balanced = Card(
        "m",
        "0",
        InputSpec(),
        (sigmoid,),
        priors={"gender": {"female": 0.8, "male": 0.2}},
        operating_points={"balanced": OperatingPoint({"gender": 1.0})},
    ).at("balanced")
    p = activate(np.zeros((1, 1)), sigmoid, 1.0, balanced.logit_shift("gender"))
    assert p[0, 0] / p[0, 1] == pytest.approx(0.2 / 0.8)


def test_wider_intervals_hold_the_narrower_ones(shipped_model: Path, logits: dict) -> None:
    narrow, wide = (Predictor(shipped_model, operating_point=n) for n in ("balanced", "elsewhere"))
    p = narrow.calibrate(logits)["age"]
    (value, low, high), (same, lower, higher) = narrow.ages(p), wide.ages(p)
    factor = wide.card.interval_factor
    assert factor > 1 and np.array_equal(value, same)
    np.testing.assert_allclose(
        lower, np.maximum(value - factor * np.maximum(value - low, 0.5), 0), atol=1e-9
    )
    assert (lower <= low).all() and (higher >= np.minimum(high, 116)).all()


def test_a_model_travels_with_its_operating_point(shipped_model: Path) -> None:
    for name in (ACCURACY, "balanced"):
        model = pickle.loads(pickle.dumps(Predictor(shipped_model, operating_point=name)))
        assert model.card.operating_point == name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operating_point": "x"}, "accuracy, balanced, elsewhere, got 'x'"),
        ({"priors": {}}, "prior of every task"),
        ({"priors": {"emotion": {"joy": 1.0}}}, "prior of emotion for the classes"),
        ({"priors": {"gender": {"female": 0.5, "male": 0.4}}}, "sums to 1"),
        ({"gender_from_age": -1.0}, "a number from 0 to 116"),
        ({"operating_points": {"a": {"strengths": {"emotion": 9.0}}}}, "a number from 0 to 5"),
        ({"operating_points": {"a": {"interval_factor": 0.5}}}, "a number from 1 to 10"),
        ({"operating_points": {"a": {"calibration": {"emotion": 0.0}}}}, "from 0.01 to 100"),
        ({"operating_points": {"accuracy": {}}}, "the card's own point"),
        ({"operating_points": {str(i): {} for i in range(11)}}, "at most 10 items"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(card: Card, change: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        replace(card, **change)


def test_an_unknown_point_names_those_that_there_are(shipped_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="accuracy, balanced, elsewhere, got 'best'"):
        open_model(shipped_model, operating_point="best")
    write(tmp_path / "a", 1)
    folder = join(tmp_path, {"model": "a"})
    assert open_model(folder, operating_point=ACCURACY).card.points == (ACCURACY,)
    with pytest.raises(ModelError, match="accuracy, got 'balanced'"):
        Ensemble(folder, operating_point="balanced")
