"""A bundle's file: the card inside it survives, and damaged or lying files are refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from core.artifacts import bundle
from core.artifacts.card import KEY, Card, Head
from core.errors import ModelError
from tests.conftest import ROOT


def with_card(source: Path, target: Path, change: dict | None, text: str | None = None) -> Path:
    """A copy of the model whose card has some fields replaced, or is `text`."""
    model = onnx.load(source / "model.onnx")
    raw = json.loads(Card.to_json(bundle.load(source).card))
    card = text or json.dumps({**raw, **(change or {})})
    onnx.helper.set_model_props(model, {} if change is None and text is None else {KEY: card})
    onnx.save(model, target / "m.onnx")
    return target / "m.onnx"


def test_the_card_survives(tiny_bundle: Path) -> None:
    card = bundle.load(tiny_bundle).card
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
def test_a_card_that_lies_is_refused(tiny_bundle: Path, tmp_path: Path, change: dict) -> None:
    with pytest.raises(ModelError):
        bundle.load(with_card(tiny_bundle, tmp_path, change))


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
def test_a_field_of_another_form_is_named(tiny_bundle: Path, change: dict, message: str) -> None:
    raw = json.loads(bundle.load(tiny_bundle).card.to_json())
    with pytest.raises(ModelError, match=f"train export.*{message}") as refused:
        Card.from_json(json.dumps({**raw, **change}))
    assert len(str(refused.value)) < 1000, (
        "shows the beginning of what it refuses, not a megabyte of it"
    )


def test_a_card_at_its_limits_is_taken(tiny_bundle: Path) -> None:
    card = bundle.load(tiny_bundle).card
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
    with pytest.raises(ModelError, match=r"train export.*more levels"):
        Card.from_json("[" * 100_000)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"name": 1}'])
def test_a_card_that_is_no_card_is_refused(tiny_bundle: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError):
        bundle.load(with_card(tiny_bundle, tmp_path, None, text or " "))


def test_a_model_without_card_names_the_cure(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="train export"):
        bundle.load(with_card(tiny_bundle, tmp_path, None))


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\x08\x09" * 50])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError):
        bundle.load(tmp_path)


def test_missing_and_truncated(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="train export"):
        bundle.load(tmp_path)
    data = (tiny_bundle / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError):
        bundle.load(tmp_path)


def test_a_model_cannot_reach_for_other_files(tiny_bundle: Path, tmp_path: Path) -> None:
    """ONNX may keep weights in files that it names; a downloaded model must not read the disk that
    way.
    """
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\0" * 48 * 48 * 8 * 4)
    model = onnx.load(tiny_bundle / "model.onnx")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(secret))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError):
        bundle.load(tmp_path)
