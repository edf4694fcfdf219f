"""Which models an ensemble opens, how often, and whose weights its card says they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.artifacts import bundle
from core.artifacts.card import Card
from core.errors import ModelError
from core.face_model import open_model
from core.pipeline import Pipeline
from core.predictor import Predictor
from core.preprocess import InputSpec
from tests.core.ensembles import ALL, join, write


def test_the_card_says_whose_weights_these_are(two: Path) -> None:
    ensemble = open_model(
        join(two, {"model": "a", "weight": 3}, {"model": "b"}, thresholds={"emotion": 0.8})
    )
    assert ensemble.card.name == "both" and Card.from_json(ensemble.card.to_json()) == ensemble.card
    assert (
        ensemble.card.licence == "of a of b"
        and len(ensemble.card.data) == 1
        and ensemble.card.thresholds == {"emotion": 0.8}
    )
    members = ensemble.card.recipe["ensemble"]
    assert [m["name"] for m in members] == ["a", "b"] and [
        m["weights"]["age"] for m in members
    ] == [0.75, 0.25]
    assert [m["sha256"] for m in members] == [Predictor(two / name).fingerprint for name in "ab"]
    assert ensemble.size == sum((two / name / "model.onnx").stat().st_size for name in "ab")
    marks = {
        ensemble.fingerprint,
        open_model(join(two, {"model": "a", "weight": 2}, {"model": "b"})).fingerprint,
    }
    (two / "b" / "model.onnx").write_bytes((two / "a" / "model.onnx").read_bytes())
    marks.add(
        open_model(
            join(two, {"model": "a", "weight": 3}, {"model": "b"}, thresholds={"emotion": 0.8})
        ).fingerprint
    )
    assert len(marks) == 3, "weights and members both count"


def test_the_pipeline_reads_a_picture_with_it(two: Path, portrait: np.ndarray) -> None:
    write(two / "wide", 7, ALL, InputSpec(size=24, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3))
    pipeline = Pipeline(join(two, {"model": "wide"}, {"model": "a"}))
    [face] = pipeline(portrait).faces
    [prediction] = pipeline.predictor.predict(portrait, [face.face])
    assert (
        face.prediction.emotion.p == pytest.approx(prediction.emotion.p) and face.abstained is None
    )


def test_a_path_names_one_model(two: Path) -> None:
    assert type(open_model(two / "a")) is type(open_model(two / "a" / "model.onnx")) is Predictor
    assert open_model(join(two, {"model": "a"}) / "ensemble.json").card.name == "both"
    (two / "model.onnx").write_bytes((two / "a" / "model.onnx").read_bytes())
    with pytest.raises(ModelError, match="got both; name the file"):
        open_model(two)
    assert (
        open_model(two / "ensemble.json").card.name == "both"
        and open_model(two / "model.onnx").card.name == "a"
    )
    for missing in (two / "none", two / "none.json"):
        with pytest.raises(ModelError, match="python -m train"):
            open_model(missing)


def test_members_together_stay_under_the_limit(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = max((two / name / "model.onnx").stat().st_size for name in "ab")
    monkeypatch.setattr(bundle, "MAX_BYTES", size + 9)
    assert open_model(join(two, {"model": "a"}, {"model": "a", "flip": True})).size <= size, (
        "one file, read once"
    )
    with pytest.raises(ModelError, match="together"):
        open_model(join(two, {"model": "a"}, {"model": "b"}))


def test_each_model_is_read_once(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests, read = [Predictor(two / name).fingerprint for name in "ab"], []
    folder, plain = (
        join(two, *({"model": n, "sha256": d} for n, d in zip("aba", [*digests, ""], strict=True))),
        Path.read_bytes,
    )
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read.append(path.parent.name) or plain(path)
    )
    ensemble = open_model(folder)
    assert sorted(read) == ["a", "b"]
    (two / "b" / "model.onnx").write_bytes(b"changed since")
    assert [m["sha256"] for m in ensemble.card.recipe["ensemble"]] == [*digests, digests[0]]
    assert ensemble.members[1].fingerprint == digests[1], (
        "of what answers, not of what lies there now"
    )


def test_a_changed_model_is_refused_before_it_is_opened(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = Predictor(two / "a").fingerprint
    (two / "a" / "model.onnx").write_bytes(b"something else")
    monkeypatch.setattr(bundle.ort, "InferenceSession", lambda *_, **__: pytest.fail("opened"))
    for members in (
        [{"model": "a", "sha256": digest}],
        [{"model": "a"}, {"model": "a", "sha256": digest}],
    ):
        with pytest.raises(ModelError, match=f"{digest}.* it was changed"):
            open_model(join(two, *members))
