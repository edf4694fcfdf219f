"""`ensemble.json`: what it may hold, and files that are refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.artifacts.ensemble_config import (
    MAX_FILE_BYTES,
    MAX_MEMBERS,
    EnsembleConfig,
    EnsembleMember,
)
from core.errors import DataError, ModelError
from core.face_model import open_model
from tests.core.ensembles import write

A = {"model": "a"}
HOSTILE = {
    "not an object": ([], "object"),
    "no members": ({"name": "x"}, "`members`"),
    "no name": ({"members": [A]}, "`name`"),
    "empty": ({"name": "x", "members": []}, "`members` to have at least 1 item, got 0"),
    "many": ({"name": "x", "members": [A] * 17}, f"at most {MAX_MEMBERS} items, got 17"),
    "a member that is text": ({"name": "x", "members": ["a"]}, "members[0]"),
    "a member without model": ({"name": "x", "members": [{"weight": 1}]}, "`model`"),
    "unknown field": ({"name": "x", "members": [A], "label": {}}, "try 'labels'"),
    "unknown member field": ({"name": "x", "members": [{**A, "wieght": 1}]}, "try 'weight'"),
    "name of two lines": ({"name": "x\ny", "members": [A]}, "printable"),
    "no text": ({"name": 7, "members": [A]}, "printable"),
    "long name": ({"name": "x" * 999, "members": [A]}, "1 to 200"),
    "negative": ({"name": "x", "members": [{**A, "weight": -1}]}, "members[0].weight"),
    "NaN": ({"name": "x", "members": [{**A, "weight": float("nan")}]}, "a number"),
    "infinite": ({"name": "x", "members": [{**A, "weight": float("inf")}]}, "a number"),
    "huge": ({"name": "x", "members": [{**A, "weight": 10**400}]}, "a number"),
    "true": ({"name": "x", "members": [{**A, "weight": True}]}, "a number"),
    "text": ({"name": "x", "members": [{**A, "weights": {"age": "1"}}]}, "weights.age"),
    "no task": ({"name": "x", "members": [{**A, "weights": {"mood": 1}}]}, "emotion, gender, age"),
    "all 0": ({"name": "x", "members": [{**A, "weight": 0}]}, "above 0"),
    "flip": ({"name": "x", "members": [{**A, "flip": 1}]}, "true or false"),
    "sha256": ({"name": "x", "members": [{**A, "sha256": "abc"}]}, "64 hexadecimal"),
    "other sha256": ({"name": "x", "members": [{**A, "sha256": "0" * 64}]}, "was changed"),
    "space": ({"name": "x", "members": [A], "labels": {"emotion": "FER9"}}, "FERPLUS8"),
    "space that is a list": ({"name": "x", "members": [A], "labels": {"emotion": [1]}}, "FERPLUS8"),
    "space of gender": (
        {"name": "x", "members": [A], "labels": {"gender": "GENDER2"}},
        "`labels.gender` to be one of emotion",
    ),
    "emotions as gender": (
        {"name": "x", "members": [A], "labels": {"emotion": "GENDER2"}},
        "Expected a label",
    ),
    "temperature 0": (
        {"name": "x", "members": [A], "calibration": {"emotion": 0}},
        "from 0.01 to 100",
    ),
    "factor of no age": (
        {"name": "x", "members": [A], "calibration": {"age@old": 1}},
        "an age of 0",
    ),
    "threshold": ({"name": "x", "members": [A], "thresholds": {"emotion": 2}}, "threshold"),
    "metrics": ({"name": "x", "members": [A], "metrics": {"a": 1}}, "`metrics` to be a list"),
    "absolute": ({"name": "x", "members": [{"model": "/etc/passwd"}]}, "in the folder"),
    "upwards": ({"name": "x", "members": [{"model": "../a"}]}, "in the folder"),
    "up and down": ({"name": "x", "members": [{"model": "a/../../a"}]}, "in the folder"),
    "a drive": ({"name": "x", "members": [{"model": "C:/a"}]}, "in the folder"),
    "backslashes": ({"name": "x", "members": [{"model": "..\\a"}]}, "in the folder"),
    "a link out": ({"name": "x", "members": [{"model": "out"}]}, "in the folder"),
    "a file's link out": ({"name": "x", "members": [{"model": "linked"}]}, "in the folder"),
    "a link to itself": ({"name": "x", "members": [{"model": "round"}]}, "Expected"),
    "too long for a disk": (
        {"name": "x", "members": [{"model": "\u20ac" * 190}]},
        "Expected a model",
    ),
    "nothing there": ({"name": "x", "members": [{"model": "none"}]}, "train export"),
    "an ensemble": ({"name": "x", "members": [{"model": "ensemble.json"}]}, "ONNX"),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle `a` and links that lead out of it."""
    folder = tmp_path_factory.mktemp("h")
    write(folder / "in" / "a", 1)
    write(folder / "elsewhere", 2)
    (folder / "in" / "out").symlink_to(folder / "elsewhere")
    (folder / "in" / "linked").mkdir()
    (folder / "in" / "linked" / "model.onnx").symlink_to(folder / "elsewhere" / "model.onnx")
    (folder / "in" / "round").symlink_to(folder / "in" / "round")
    return folder / "in"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(hostile: Path, name: str) -> None:
    raw, text = HOSTILE[name]
    (hostile / "ensemble.json").write_text(json.dumps(raw))
    with pytest.raises((ModelError, DataError)) as error:
        open_model(hostile)
    assert text in str(error.value) and len(str(error.value)) < 1000


def test_files_that_are_no_json_are_refused(hostile: Path) -> None:
    cases = {
        b"[" * 200_000: "JSON",
        b"": "JSON",
        b"9" * 9999: "JSON",
        b"\xff\xfe": "text",
        b" " * (MAX_FILE_BYTES + 1): "bytes",
    }
    for data, text in cases.items():
        (hostile / "ensemble.json").write_bytes(data)
        with pytest.raises(ModelError, match=text):
            open_model(hostile)


def test_a_weight_of_nought_is_written_and_read_again() -> None:
    config = EnsembleConfig(
        "pair",
        (EnsembleMember("a", weight=0.0), EnsembleMember("b", weights={"age": 0.0}, flip=True)),
    )
    assert EnsembleConfig.from_json(config.to_json()) == config


ROW = {
    "data": "d",
    "split": "val",
    "metric": "emotion_accuracy",
    "value": 0.8,
    "ci95": [0.7, 0.9],
    "n": 9,
}
ODD_ROWS = {
    "a number": (3, "`metrics[1]` to be an object"),
    "no metric": ({"data": "d", "split": "val", "value": 1}, "Expected `metric`"),
    "another field": (
        ROW | {"html": "x"},
        "Expected only fields data, split, metric, value, ci95, n, group in `metrics[1]`",
    ),
    "two lines": (ROW | {"metric": "a\nb"}, "metrics[1].metric"),
    "no text": (ROW | {"split": ["val"]}, "metrics[1].split"),
    "long": (ROW | {"group": "x" * 501}, "metrics[1].group"),
    "text": (ROW | {"value": "0.8"}, "metrics[1].value"),
    "huge": (ROW | {"value": 10**400}, "metrics[1].value"),
    "true": (ROW | {"value": True}, "metrics[1].value"),
    "three ends": (ROW | {"ci95": [1, 2, 3]}, "metrics[1].ci95"),
    "ends of text": (ROW | {"ci95": ["a", "b"]}, "metrics[1].ci95"),
    "half a face": (ROW | {"n": 0.5}, "metrics[1].n"),
    "less than none": (ROW | {"n": -1}, "metrics[1].n"),
}


@pytest.mark.parametrize("name", ODD_ROWS)
def test_odd_figures_are_refused(name: str) -> None:
    row, text = ODD_ROWS[name]
    with pytest.raises(ModelError, match=re.escape(text)) as error:
        EnsembleConfig.from_json(json.dumps({"name": "x", "members": [A], "metrics": [ROW, row]}))
    assert len(str(error.value)) < 500


def test_figures_are_read_as_they_were_written() -> None:
    rows = (ROW, ROW | {"group": "age: 30-39", "value": None, "ci95": None})
    config = EnsembleConfig("pair", (EnsembleMember("a"),), metrics=rows)
    assert EnsembleConfig.from_json(config.to_json()).metrics == rows
