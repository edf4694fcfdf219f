"""Ensembles: averages computed by hand from the members' own predictors, and files that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core import bundle
from core.bundle import Card, Head
from core.ensemble import Ensemble, open_model
from core.ensemble_file import MAX_JSON, MAX_MEMBERS, EnsembleFile, Member
from core.errors import DataError, ModelError
from core.labels import AGE_BINS, FER4, FER7, FERPLUS8, GENDER2
from core.pipeline import Pipeline
from core.predictor import Predictor, interval
from core.preprocess import InputSpec
from core.types import Face

EMOTION = Head("emotion", "softmax", FERPLUS8.labels, "emotion")
GENDER = Head("gender", "sigmoid", GENDER2.labels, "gender")
AGE = Head("age", "distribution", tuple(str(i) for i in range(AGE_BINS)), "age")
YEARS = Head("age", "regression", (), "age")
ALL = (EMOTION, GENDER, AGE)


def write(folder: Path, seed: int = 0, heads: tuple[Head, ...] = ALL, spec: InputSpec | None = None, **card: Any) -> Path:
    """A bundle with one random linear layer per head; ages around 40."""
    spec, rng = spec or InputSpec(size=16), np.random.default_rng(seed)
    wide = spec.channels * spec.size**2
    nodes, weights = [helper.make_node("Flatten", ["image"], ["embedding"])], []
    for head in heads:
        w = rng.normal(0, 3 / wide**0.5, (wide, head.width)).astype(np.float32)
        bias = np.full(head.width, 40.0 if head.kind == "regression" else 0.0, np.float32)
        if head.kind == "distribution":
            bias -= np.abs(np.arange(head.width) - 40).astype(np.float32) / 4
        weights += [numpy_helper.from_array(w, f"w_{head.task}"), numpy_helper.from_array(bias, f"b_{head.task}")]
        nodes.append(helper.make_node("Gemm", ["embedding", f"w_{head.task}", f"b_{head.task}"], [head.output]))
    outputs = [helper.make_tensor_value_info(h.output, TensorProto.FLOAT, ["n", h.width]) for h in heads]
    outputs.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", wide]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", spec.channels, spec.size, spec.size])
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [image], outputs, weights), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    helper.set_model_props(model, {bundle.KEY: Card(folder.name, "1", spec, heads, **card).to_json()})
    folder.mkdir(parents=True)
    onnx.save(model, folder / bundle.MODEL_FILE)
    return folder


def join(folder: Path, *members: dict, **more: Any) -> Path:
    """Writes `ensemble.json` into `folder`."""
    (folder / "ensemble.json").write_text(json.dumps({"name": "both", "members": members, **more}))
    return folder


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A folder with bundles `a` and `b` of the same kind."""
    write(tmp_path / "a", 1, calibration={"emotion": 1.5}, licence="of a", data=({"name": "d", "split": "val", "n": 3},))
    write(tmp_path / "b", 2, licence="of b", data=({"name": "d", "split": "val", "n": 3},))
    return tmp_path


def crops(n: int = 5, size: int = 16, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, channels), np.uint8)


def by_hand(folder: Path, *names: str) -> list[dict[str, np.ndarray]]:
    return [Predictor(folder / name).probabilities(crops()) for name in names]


def test_probabilities_are_averaged_with_the_weights(two: Path) -> None:
    found = open_model(join(two, {"model": "a", "weight": 3}, {"model": "b/model.onnx"}))
    assert isinstance(found, Ensemble) and isinstance(found, Predictor)
    a, b = by_hand(two, "a", "b")
    said = found.probabilities(crops())
    for task in ("emotion", "gender", "age"):
        assert said[task] == pytest.approx((3 * a[task] + b[task]) / 4, abs=1e-12)
        assert np.abs(said[task] - a[task]).max() > 1e-3, "the members differ"
    value, low, high = found.ages(said["age"])
    years = np.arange(AGE_BINS)
    assert value == pytest.approx((3 * (a["age"] @ years) + b["age"] @ years) / 4)
    assert np.stack([low, high]) == pytest.approx(np.stack(interval((3 * a["age"] + b["age"]) / 4, 0.8)))
    for i, one in enumerate(found.predict_crops(crops())):
        assert one.emotion and one.gender and one.age
        assert one.emotion.labels == FERPLUS8.labels and one.emotion.p == pytest.approx(said["emotion"][i])
        assert one.gender.p == pytest.approx(said["gender"][i])
        assert (one.age.value, one.age.low, one.age.high) == pytest.approx((value[i], low[i], high[i]))
    assert found.predict_crops(crops(0)) == [] and found.predict(np.zeros((9, 9, 3), np.uint8), []) == []


def test_each_task_has_its_own_weights_and_its_own_members(two: Path) -> None:
    write(two / "c", 3, (GENDER,))
    members = ({"model": "a", "weights": {"emotion": 0}}, {"model": "b", "weight": 0.5, "weights": {"age": 1.5}}, {"model": "c"})
    found, (a, b) = open_model(join(two, *members)), by_hand(two, "a", "b")
    c, said = Predictor(two / "c").probabilities(crops()), found.probabilities(crops())
    assert said["emotion"] == pytest.approx(b["emotion"])
    assert said["gender"] == pytest.approx((a["gender"] + 0.5 * b["gender"] + c["gender"]) / 2.5)
    assert said["age"] == pytest.approx((a["age"] + 1.5 * b["age"]) / 2.5)
    alone = open_model(join(two, {"model": "c"}))
    assert [h.task for h in alone.card.heads] == ["gender"] and alone.predict_crops(crops())[0].emotion is None


def test_a_temperature_comes_after_the_average(two: Path) -> None:
    found, (a, b) = open_model(join(two, {"model": "a"}, {"model": "b"}, calibration={"emotion": 0.5, "age": 2})), by_hand(two, "a", "b")
    for task, temperature in (("emotion", 0.5), ("age", 2.0), ("gender", 1.0)):
        power = ((a[task] + b[task]) / 2) ** (1 / temperature)
        assert found.probabilities(crops())[task] == pytest.approx(power / power.sum(axis=1, keepdims=True), abs=1e-9)


def test_flip_is_the_mean_over_the_mirror(two: Path) -> None:
    found, alone = open_model(join(two, {"model": "b", "flip": True})), Predictor(two / "b")
    there, mirrored = alone.probabilities(crops()), alone.probabilities(np.ascontiguousarray(crops()[:, :, ::-1]))
    assert np.abs(there["emotion"] - mirrored["emotion"]).max() > 0.01
    for task, p in found.probabilities(crops()).items():
        assert p == pytest.approx((there[task] + mirrored[task]) / 2, abs=1e-6)
    both = open_model(join(two, {"model": "b", "flip": True}, {"model": "a"})).probabilities(crops())
    [a] = by_hand(two, "a")
    assert both["emotion"] == pytest.approx((there["emotion"] + mirrored["emotion"] + 2 * a["emotion"]) / 4, abs=1e-6)


def test_emotions_are_mapped_by_name_to_the_smallest_space(two: Path) -> None:
    write(two / "seven", 4, (Head("emotion", "softmax", FER7.labels, "emotion"),))
    found, [a] = open_model(join(two, {"model": "a"}, {"model": "seven"})), by_hand(two, "a")
    [seven] = by_hand(two, "seven")
    kept = a["emotion"][:, [FERPLUS8.labels.index(x) for x in FER7.labels]]
    head = found.card.head("emotion")
    assert head and head.labels == FER7.labels
    expected = (kept / kept.sum(axis=1, keepdims=True) + seven["emotion"]) / 2
    assert found.probabilities(crops())["emotion"] == pytest.approx(expected, abs=1e-9)

    four = open_model(join(two, {"model": "a"}, {"model": "seven"}, labels={"emotion": "FER4"}))
    at = [seven["emotion"][:, FER7.labels.index(x)] for x in FER4.labels], [a["emotion"][:, FERPLUS8.labels.index(x)] for x in FER4.labels]
    expected = np.mean([np.stack(p, axis=1) / np.sum(p, axis=0)[:, None] for p in at], axis=0)
    assert four.predict_crops(crops())[0].emotion.as_dict() == pytest.approx(dict(zip(FER4.labels, expected[0], strict=True)), abs=1e-9)


def test_a_name_without_image_raises(two: Path) -> None:
    write(two / "seven", 4, (Head("emotion", "softmax", FER7.labels, "emotion"),))
    missing = next(x for x in FERPLUS8.labels if x not in FER7.labels)
    with pytest.raises(DataError, match=missing):
        open_model(join(two, {"model": "a"}, {"model": "seven"}, labels={"emotion": "FERPLUS8"}))
    less = [tuple(x for x in FERPLUS8.labels if x != gone) for gone in (FERPLUS8.labels[5], FERPLUS8.labels[6])]
    for name, labels in zip("xy", less, strict=True):
        write(two / name, 5, (Head("emotion", "softmax", labels, "emotion"),))
    with pytest.raises(DataError):
        open_model(join(two, {"model": "x"}, {"model": "y"}))
    assert open_model(join(two, {"model": "x"}, {"model": "y"}, labels={"emotion": "FER4"})).card.head("emotion").labels == FER4.labels
    write(two / "z", 6, (Head("emotion", "softmax", ("bored", "glad"), "emotion"),))
    with pytest.raises(DataError, match=r"bored|glad"):
        open_model(join(two, {"model": "a"}, {"model": "z"}))


def test_genders_go_by_name_too(two: Path) -> None:
    write(two / "other", 4, (Head("gender", "softmax", GENDER2.labels[::-1], "gender"),))
    found, [a], [other] = open_model(join(two, {"model": "a"}, {"model": "other"})), by_hand(two, "a"), by_hand(two, "other")
    assert found.card.head("gender").labels == GENDER2.labels
    assert found.probabilities(crops())["gender"] == pytest.approx((a["gender"] + other["gender"][:, ::-1]) / 2, abs=1e-9)


def test_a_member_s_odd_card_does_no_harm(two: Path) -> None:
    write(two / "odd", 4, data=("text", ["list"], {"name": None}), metrics=(1,))
    assert open_model(join(two, {"model": "odd"}, {"model": "a"})).card.data[:2] == ("text", ["list"])


def test_each_member_crops_for_itself(two: Path, portrait: np.ndarray) -> None:
    write(two / "wide", 7, ALL, InputSpec(size=24, channels=3, box_scale=1.5, mean=(0.1, 0.2, 0.3), std=(0.5,) * 3))
    found = open_model(join(two, {"model": "a"}, {"model": "wide", "flip": True}, {"model": "b"}))
    assert [v.size for v in found.views] == [16, 24], "a and b share their crop"
    faces = [Face((179.0, 62.0, 90.0, 112.0), 0.9), None]
    each = [Predictor(two / name) for name in ("a", "wide", "b")]
    seen = [p.crops(portrait, faces) for p in each]
    parts = [p.probabilities(c)["emotion"] for p, c in zip(each, seen, strict=True)]
    parts[1] = (parts[1] + each[1].probabilities(np.ascontiguousarray(seen[1][:, :, ::-1]))["emotion"]) / 2
    for said, expected in zip(found.predict(portrait, faces), np.mean(parts, axis=0), strict=True):
        assert said.emotion.p == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(found.shown(found.crops(portrait, faces)), seen[0]) and len(found.blank(4)) == 4


def test_ages_without_a_distribution(two: Path) -> None:
    write(two / "r", 8, (YEARS,), calibration={"age": 7.0})
    write(two / "s", 9, (YEARS,), calibration={"age": 3.0})
    [r], [s], [a] = by_hand(two, "r"), by_hand(two, "s"), by_hand(two, "a")
    found = open_model(join(two, {"model": "r", "weight": 3}, {"model": "s"}))
    value, low, high = found.ages(found.probabilities(crops())["age"])
    assert value == pytest.approx((3 * r["age"][:, 0] + s["age"][:, 0]) / 4)
    assert high - value == pytest.approx(np.full(5, 6.0)) and value - low == pytest.approx(np.full(5, 6.0))

    mixed = open_model(join(two, {"model": "r"}, {"model": "a"}))
    value, low, high = mixed.ages(mixed.probabilities(crops())["age"])
    ends = interval(a["age"], 0.8)
    assert value == pytest.approx((r["age"][:, 0] + a["age"] @ np.arange(AGE_BINS)) / 2)
    assert low == pytest.approx((r["age"][:, 0] - 7 + ends[0]) / 2) and high == pytest.approx((r["age"][:, 0] + 7 + ends[1]) / 2)
    told = open_model(join(two, {"model": "r"}, {"model": "a"}, calibration={"age": 4})).predict_crops(crops())[0].age
    assert (told.value, told.low, told.high) == pytest.approx((value[0], value[0] - 4, value[0] + 4))


def test_the_card_says_whose_weights_these_are(two: Path) -> None:
    found = open_model(join(two, {"model": "a", "weight": 3}, {"model": "b"}, thresholds={"emotion": 0.8}))
    assert found.card.name == "both" and Card.from_json(found.card.to_json()) == found.card
    assert found.card.licence == "of a of b" and len(found.card.data) == 1 and found.card.thresholds == {"emotion": 0.8}
    members = found.card.recipe["ensemble"]
    assert [m["name"] for m in members] == ["a", "b"] and [m["weights"]["age"] for m in members] == [0.75, 0.25]
    assert [m["sha256"] for m in members] == [Predictor(two / name).fingerprint for name in "ab"]
    assert found.size == sum((two / name / "model.onnx").stat().st_size for name in "ab")
    marks = {found.fingerprint, open_model(join(two, {"model": "a", "weight": 2}, {"model": "b"})).fingerprint}
    (two / "b" / "model.onnx").write_bytes((two / "a" / "model.onnx").read_bytes())
    marks.add(open_model(join(two, {"model": "a", "weight": 3}, {"model": "b"}, thresholds={"emotion": 0.8})).fingerprint)
    assert len(marks) == 3, "weights and members both count"
    with pytest.raises(ModelError, match="one of its members"):
        found.logits(np.zeros((1, 1, 16, 16), np.float32))


def test_embeddings_agree_as_the_members_do(two: Path) -> None:
    write(two / "m", 3, ALL, InputSpec(size=16, mean=(0.1,)))
    found = open_model(join(two, {"model": "a", "weight": 3}, {"model": "m"}))
    a, m = (Predictor(two / n).probabilities(crops(), True)["embedding"] for n in "am")

    def cosine(x: np.ndarray) -> float:
        return float(x[0] @ x[1] / np.linalg.norm(x[0]) / np.linalg.norm(x[1]))

    assert abs(cosine(a) - cosine(m)) > 0.1 and len(found.views) == 1
    assert cosine(found.probabilities(crops(), True)["embedding"]) == pytest.approx(0.75 * cosine(a) + 0.25 * cosine(m), abs=1e-5)


def test_the_pipeline_reads_a_picture_with_it(two: Path, portrait: np.ndarray) -> None:
    write(two / "wide", 7, ALL, InputSpec(size=24, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3))
    pipeline = Pipeline(join(two, {"model": "wide"}, {"model": "a"}))
    [face] = pipeline(portrait).faces
    [said] = pipeline.predictor.predict(portrait, [face.face])
    assert face.prediction.emotion.p == pytest.approx(said.emotion.p) and face.abstained is None


def test_a_path_names_one_model(two: Path) -> None:
    assert type(open_model(two / "a")) is type(open_model(two / "a" / "model.onnx")) is Predictor
    assert open_model(join(two, {"model": "a"}) / "ensemble.json").card.name == "both"
    (two / "model.onnx").write_bytes((two / "a" / "model.onnx").read_bytes())
    with pytest.raises(ModelError, match="got both; name the file"):
        open_model(two)
    assert open_model(two / "ensemble.json").card.name == "both" and open_model(two / "model.onnx").card.name == "a"
    for missing in (two / "none", two / "none.json"):
        with pytest.raises(ModelError, match="python -m train"):
            open_model(missing)


A = {"model": "a"}
HOSTILE = {
    "not an object": ([], "object"), "no members": ({"name": "x"}, "`members`"), "no name": ({"members": [A]}, "`name`"),
    "empty": ({"name": "x", "members": []}, f"1 to {MAX_MEMBERS}"), "many": ({"name": "x", "members": [A] * 17}, "got 17"),
    "a member that is text": ({"name": "x", "members": ["a"]}, "members[0]"),
    "a member without model": ({"name": "x", "members": [{"weight": 1}]}, "`model`"),
    "unknown field": ({"name": "x", "members": [A], "label": {}}, "try 'labels'"),
    "unknown member field": ({"name": "x", "members": [{**A, "wieght": 1}]}, "try 'weight'"),
    "name of two lines": ({"name": "x\ny", "members": [A]}, "printable"), "no text": ({"name": 7, "members": [A]}, "printable"),
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
    "space of gender": ({"name": "x", "members": [A], "labels": {"gender": "GENDER2"}}, "an object of emotion"),
    "emotions as gender": ({"name": "x", "members": [A], "labels": {"emotion": "GENDER2"}}, "Expected a label"),
    "temperature 0": ({"name": "x", "members": [A], "calibration": {"emotion": 0}}, "from 0.01 to 100"),
    "factor of no age": ({"name": "x", "members": [A], "calibration": {"age@old": 1}}, "ages"),
    "threshold": ({"name": "x", "members": [A], "thresholds": {"emotion": 2}}, "threshold"),
    "metrics": ({"name": "x", "members": [A], "metrics": {"a": 1}}, "list of objects"),
    "absolute": ({"name": "x", "members": [{"model": "/etc/passwd"}]}, "in the folder"),
    "upwards": ({"name": "x", "members": [{"model": "../a"}]}, "in the folder"),
    "up and down": ({"name": "x", "members": [{"model": "a/../../a"}]}, "in the folder"),
    "a drive": ({"name": "x", "members": [{"model": "C:/a"}]}, "in the folder"),
    "backslashes": ({"name": "x", "members": [{"model": "..\\a"}]}, "in the folder"),
    "a link out": ({"name": "x", "members": [{"model": "out"}]}, "in the folder"),
    "a file's link out": ({"name": "x", "members": [{"model": "linked"}]}, "in the folder"),
    "a link to itself": ({"name": "x", "members": [{"model": "round"}]}, "Expected"),
    "too long for a disk": ({"name": "x", "members": [{"model": "\u20ac" * 190}]}, "Expected a model"),
    "nothing there": ({"name": "x", "members": [{"model": "none"}]}, "train export"),
    "an ensemble": ({"name": "x", "members": [{"model": "ensemble.json"}]}, "ONNX"),
}  # fmt: skip


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
    cases = {b"[" * 200_000: "JSON", b"": "JSON", b"9" * 9999: "JSON", b"\xff\xfe": "text", b" " * (MAX_JSON + 1): "bytes"}
    for data, text in cases.items():
        (hostile / "ensemble.json").write_bytes(data)
        with pytest.raises(ModelError, match=text):
            open_model(hostile)


def test_members_together_stay_under_the_limit(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = max((two / name / "model.onnx").stat().st_size for name in "ab")
    monkeypatch.setattr(bundle, "MAX_BYTES", size + 9)
    assert open_model(join(two, {"model": "a"}, {"model": "a", "flip": True})).size <= size, "one file, read once"
    with pytest.raises(ModelError, match="together"):
        open_model(join(two, {"model": "a"}, {"model": "b"}))


def test_a_weight_of_nought_is_written_and_read_again() -> None:
    made = EnsembleFile("pair", (Member("a", weight=0.0), Member("b", weights={"age": 0.0}, flip=True)))
    assert EnsembleFile.from_json(made.to_json()) == made
