from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from core import age_intervals
from core.artifacts import bundle
from core.artifacts.card import KEY, Card, Head, Kind
from core.calibration import INTERVAL_COVERAGE, central_interval, estimate_age
from core.errors import ModelError
from core.face_quality import band_of, uncertain
from core.predictor import Predictor
from core.preprocess import to_input
from core.types import LIMIT, UNCLEAR_AGE_YEARS, Distribution
from tests.conftest import ROOT, write_tiny_bundle


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("b"))


def with_card(source: Path, target: Path, change: dict | None, text: str | None = None) -> Path:
    """A copy of the model whose card has some fields replaced, or is `text`."""
    model = onnx.load(source / "model.onnx")
    raw = json.loads(Card.to_json(bundle.load(source).card))
    card = text or json.dumps({**raw, **(change or {})})
    onnx.helper.set_model_props(model, {} if change is None and text is None else {KEY: card})
    onnx.save(model, target / "m.onnx")
    return target / "m.onnx"


def test_the_card_survives(tiny: Path) -> None:
    card = bundle.load(tiny).card
    assert Card.from_json(card.to_json()) == card
    assert [h.task for h in card.heads] == ["emotion", "gender", "age"]


def test_the_shipped_card_is_written_as_it_was_read() -> None:
    model = onnx.load(ROOT / "assets" / "models" / "mien" / "model.onnx", load_external_data=False)
    (text,) = (p.value for p in model.metadata_props if p.key == KEY)
    assert Card.from_json(text).to_json() == text


HEAD = {"task": "emotion", "kind": "softmax", "labels": ["a", "b"], "output": "emotion"}


@pytest.mark.parametrize(
    "change",
    [
        {"heads": []},
        {"heads": [HEAD]},
        {"heads": [{**HEAD, "task": "mood"}]},
        {"heads": [{**HEAD, "kind": "magic"}]},
        {"heads": [{"task": "emotion"}]},
        {"heads": "emotion"},
        {"heads": [{**HEAD, "task": "age"}]},
        {"heads": [{**HEAD, "kind": "distribution"}]},
        {"heads": [{**HEAD, "task": "age", "kind": "distribution", "labels": ["5", "6"]}]},
        {"input": {"size": 47}},
        {"input": {"sizes": 48}},
        {"input": None},
        {"calibration": {"emotion": 0}},
        {"calibration": {"emotion": "hot"}},
        {"calibration": {"emotion": float("nan")}},
        {"calibration": {"age@25": float("nan")}},
        {"calibration": {"age@25": -1}},
        {"calibration": {"age@25": 1e9}},
        {"calibration": {"age@1e9": 1}},
        {"calibration": {"age@": 1}},
        {"calibration": {"age@nan": 1}},
        {"thresholds": {"emotion": float("nan")}},
        {"thresholds": {"emotion": float("inf")}},
        {"thresholds": {"emotion": -0.1}},
        {"thresholds": {"emotion": 0}},
        {"thresholds": {"emotion": 1.0001}},
        {"thresholds": {"gender": 1e9}},
        {"thresholds": {"age": 1e9}},
        {"thresholds": {"age": float("nan")}},
        {"thresholds": {"age": -5}},
        {"thresholds": {"mood": 0.5}},
        {"thresholds": {"emotion": "high"}},
        {"thresholds": {"emotion": None}},
        {"thresholds": [0.5]},
        {"thresholds": 0.5},
        {"precision": "int4"},
        {"precision": None},
    ],
)
def test_a_card_that_lies_is_refused(tiny: Path, tmp_path: Path, change: dict) -> None:
    with pytest.raises(ModelError):
        bundle.load(with_card(tiny, tmp_path, change))


AGES = {"task": "age", "kind": "distribution", "output": "age"}
ROW = {"name": "ferplus", "split": "val", "n": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": [HEAD, HEAD]}, "one head for each task"),
        ({"heads": [{**HEAD, "labels": ["a", "a"]}]}, "different labels"),
        ({"heads": [{**HEAD, "labels": ["a"]}]}, "2 to 1000"),
        ({"heads": [{**HEAD, "kind": "sigmoid", "labels": ["a"]}]}, "2 to 2"),
        ({"heads": [{**HEAD, "kind": "sigmoid", "labels": ["a", "b", "c"]}]}, "2 to 2"),
        ({"heads": [{**HEAD, "labels": "ab"}]}, r"`heads\[0\].labels` to be a list"),
        ({"heads": [{**HEAD, "labels": ["a", 1]}]}, r"`heads\[0\].labels\[1\]` to be a text"),
        (
            {"heads": [{**HEAD, "labels": ["a", "b" * 201]}]},
            r"`heads\[0\].labels\[1\]` to be a text",
        ),
        ({"heads": [{**HEAD, "output": 1}]}, r"`heads\[0\].output` to be a text"),
        ({"heads": [{**AGES, "labels": []}]}, "2 to 117"),
        ({"heads": [{**AGES, "labels": [str(i) for i in range(118)]}]}, "2 to 117"),
        ({"heads": [{**AGES, "kind": "regression", "labels": ["years"]}]}, "0 to 0"),
        ({"name": "x" * 900_000}, "`name`"),
        ({"name": 1}, "`name`"),
        ({"name": "a\nb"}, "`name`"),
        ({"version": None}, "`version`"),
        ({"created": []}, "`created`"),
        ({"licence": {}}, "`licence`"),
        ({"licence": "x" * 50_001}, "`licence`"),
        ({"calibration": {"age": 10**400}}, "`calibration.age` to be a number from 0.01 to 100"),
        ({"thresholds": {"age": 10**400}}, "`thresholds.age` to be a number"),
        ({"calibration": {"age": True}}, "`calibration.age` to be a number"),
        ({"thresholds": {"emotion": "0.5"}}, "`thresholds.emotion` to be a number"),
        ({"recipe": [["a", 1]]}, "recipe"),
        ({"recipe": {"a": json.loads("[" * 40 + "]" * 40)}}, "32 levels"),
        ({"data": ["x"]}, r"`data\[0\]` to be an object"),
        ({"data": ROW}, "`data`"),
        ({"data": "x"}, "`data`"),
        ({"data": [{"name": "ferplus"}]}, r"`split` in `data\[0\]`"),
        ({"data": [{**ROW, "n": 1.5}]}, r"`data\[0\].n` to be a count"),
        ({"data": [{**ROW, "n": True}]}, r"`data\[0\].n` to be a count"),
        ({"data": [{**ROW, "more": 1}]}, r"in `data\[0\]`, got 'more'"),
        ({"data": [{**ROW, "split": None}]}, r"`data\[0\].split` to be a text"),
        ({"data": [{**ROW, "fingerprint": "x" * 201}]}, r"`data\[0\].fingerprint` to be a text"),
        ({"input": {"size": 48.0}}, "`size`"),
        ({"input": []}, "`input`"),
        ({"input": {"box_scale": 0}}, "`box_scale`"),
    ],
)
def test_a_field_of_another_form_is_named(tiny: Path, change: dict, message: str) -> None:
    raw = json.loads(bundle.load(tiny).card.to_json())
    with pytest.raises(ModelError, match=f"train export.*{message}") as refused:
        Card.from_json(json.dumps({**raw, **change}))
    assert len(str(refused.value)) < 1000, (
        "shows the beginning of what it refuses, not a megabyte of it"
    )


def test_a_card_at_its_limits_is_taken(tiny: Path) -> None:
    card = bundle.load(tiny).card
    head = replace(card.heads[0], kind="sigmoid", labels=("a" * 200, "b"))
    old = Head("age", "distribution", tuple(str(i) for i in range(117)), "age")
    card = replace(
        card,
        name="n" * 200,
        licence="x\n" * 25_000,
        heads=(head, old),
        data=({**ROW, "fingerprint": "0" * 64}, ROW),
    )
    assert Card.from_json(card.to_json()) == card


def test_nested_text_is_refused() -> None:
    with pytest.raises(ModelError, match=r"train export.*recursion"):
        Card.from_json("[" * 100_000)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"name": 1}'])
def test_a_card_that_is_no_card_is_refused(tiny: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError):
        bundle.load(with_card(tiny, tmp_path, None, text or " "))


def test_a_model_without_card_names_the_cure(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="train export"):
        bundle.load(with_card(tiny, tmp_path, None))


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\x08\x09" * 50])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError):
        bundle.load(tmp_path)


def test_missing_and_truncated(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="train export"):
        bundle.load(tmp_path)
    data = (tiny / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError):
        bundle.load(tmp_path)


def test_a_model_cannot_reach_for_other_files(tiny: Path, tmp_path: Path) -> None:
    """ONNX may keep weights in files that it names; a downloaded model must not read the disk that
    way.
    """
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\0" * 48 * 48 * 8 * 4)
    model = onnx.load(tiny / "model.onnx")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(secret))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError):
        bundle.load(tmp_path)


def test_predictions_are_probabilities_and_batches_agree(tiny: Path) -> None:
    predictor = Predictor(tiny)
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


def test_temperature_softens(tiny: Path, tmp_path: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1), np.uint8)
    hot = Predictor(with_card(tiny, tmp_path, {"calibration": {"emotion": 4.0}}))
    cold = Predictor(tiny)
    a, b = cold.probabilities(crops)["emotion"], hot.probabilities(crops)["emotion"]
    assert (a.argmax(1) == b.argmax(1)).all() and (b.max(1) < a.max(1)).all()
    expected = np.exp(cold.logits(to_input(crops, cold.card.input))["emotion"].astype(float) / 4)
    assert b == pytest.approx(expected / expected.sum(1, keepdims=True), abs=1e-6)


def crops(n: int = 9) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 48, 48, 1), np.uint8)


def test_answers_know_their_model_s_limits(tiny: Path, tmp_path: Path) -> None:
    limits = {"emotion": 0.4, "gender": 0.6, "age": 33.0}
    (one,) = Predictor(with_card(tiny, tmp_path, {"thresholds": limits})).predict_crops(crops(1))
    assert (one.emotion.limit, one.gender.limit, one.age.limit) == (0.4, 0.6, 33.0)
    (old,) = Predictor(tiny).predict_crops(crops(1))
    assert (old.emotion.limit, old.gender.limit, old.age.limit) == (
        LIMIT,
        LIMIT,
        np.inf,
    ) and old.age.uncertain is old.age.unclear


@pytest.mark.parametrize("task", ["emotion", "gender"])
def test_uncertain_is_under_the_limit_and_not_above(tiny: Path, tmp_path: Path, task: str) -> None:
    confidence = getattr(Predictor(tiny).predict_crops(crops(1))[0], task).confidence
    for limit, unsure in ((confidence - 1e-6, False), (confidence + 1e-6, True), (1.0, True)):
        (one,) = Predictor(with_card(tiny, tmp_path, {"thresholds": {task: limit}})).predict_crops(
            crops(1)
        )
        assert getattr(one, task).uncertain is unsure and uncertain(one)[task] is unsure
        if task == "emotion":
            assert (band_of(one) == "low") is unsure


def test_an_age_is_uncertain_over_its_width(tiny: Path, tmp_path: Path) -> None:
    (plain,) = Predictor(tiny).predict_crops(crops(1))
    width = plain.age.high - plain.age.low
    unclear = width > UNCLEAR_AGE_YEARS  # which is uncertain whatever the limit is
    for limit, unsure in ((width - 0.01, True), (width + 0.01, unclear)):
        (one,) = Predictor(with_card(tiny, tmp_path, {"thresholds": {"age": limit}})).predict_crops(
            crops(1)
        )
        assert one.age.uncertain is unsure and uncertain(one) == {
            "emotion": True,
            "gender": one.gender.uncertain,
            "age": unsure,
        }


def test_factors_stretch_the_age_s_interval_and_nothing_else(tiny: Path, tmp_path: Path) -> None:
    plain = Predictor(tiny)
    wider = Predictor(with_card(tiny, tmp_path, {"calibration": {"age@5": 1.5, "age@85": 1.5}}))
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
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, sizes = (
        Predictor(with_card(tiny, tmp_path, {"calibration": {"age@5": 1.5, "age@85": 0.8}})),
        [],
    )
    ages = np.stack(predictor.ages(predictor.probabilities(crops())["age"]), axis=1)
    conformed = age_intervals.conformed
    monkeypatch.setattr(
        age_intervals,
        "conformed",
        lambda value, *rest: sizes.append(len(value)) or conformed(value, *rest),
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
