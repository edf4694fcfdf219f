"""INT8 files: what they hold, that they answer like the float32 file they come from, what their
card says, and when they are refused.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from core.artifacts import bundle
from core.artifacts.card import KEY, Card
from core.errors import ModelError
from core.predictor import Predictor
from core.preprocess import to_input
from evaluation.explanation.occlusion import occlusion_maps
from tests.train.compression.test_qat import lively, plain
from tests.train.conftest import part_of
from train.__main__ import main
from train.batches.data import DatasetPart
from train.compression import quantize
from train.export import int8_loss
from train.export.export import export
from train.export.parity import random_crops

RECIPE = replace(plain(), qat=False)


def smooth(part: DatasetPart) -> DatasetPart:
    """The same samples with crops that are blobs of light, no two of the same brightness, and not
    noise.
    """
    import cv2

    blobs = [
        cv2.normalize(cv2.blur(c, (15, 15)), None, 0, 255, cv2.NORM_MINMAX)[..., None]
        for c in part.crops
    ]
    light = np.random.default_rng(0).uniform(0.2, 1, (len(blobs), 1, 1, 1))
    return replace(part, crops=(np.stack(blobs) * light).astype(np.uint8))


@pytest.fixture(scope="module")
def parts() -> tuple[DatasetPart, DatasetPart]:
    return tuple(
        smooth(part_of(RECIPE, 64, seed, name)) for seed, name in enumerate(("learnt", "kept"))
    )


@pytest.fixture(scope="module")
def folders(
    parts: tuple[DatasetPart, DatasetPart], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, list[np.ndarray]]:
    """The float32 bundle, the INT8 bundle, and the crops that showed the ranges."""
    folder, shown = tmp_path_factory.mktemp("int8"), []
    model = lively(RECIPE)
    before = export(model, RECIPE, "float", folder / "float")
    really = quantize.to_int8
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            quantize,
            "to_int8",
            lambda source, target, crops, spec: (
                shown.append(crops),
                really(source, target, crops, spec),
            ),
        )
        after = export(model, RECIPE, "whole", folder / "whole", [parts[0]], [parts[1]], int8=True)
    return before, after, shown


@pytest.fixture
def written(folders: tuple[Path, Path, list[np.ndarray]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter, which takes its time, has written this network before."""
    from train.export import export as module

    def copied(model: torch.nn.Module, card: Card, path: Path) -> None:
        shutil.copy(folders[0] / "model.onnx", path)
        module.set_card(path, card)

    monkeypatch.setattr(module, "write_onnx", copied)


def test_the_file_is_int8_and_what_goes_in_and_out_is_float32(
    folders: tuple[Path, Path, list[np.ndarray]],
) -> None:
    before, after, _ = folders
    graph = onnx.load(after / "model.onnx").graph
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    first, *convolutions = [n for n in graph.node if n.op_type == "Conv"]
    heads = [n for n in graph.node if n.op_type == "Gemm"]
    assert len(heads) == 3 and all(values[n.input[1]].dtype == np.float32 for n in (first, *heads))
    weights = [values[made_by[n.input[1]].input[0]] for n in convolutions]
    assert len(weights) == 6 and all(
        w.dtype == np.int8 and 32 < np.abs(w).max() <= 64 for w in weights
    )  # 7 bits
    scales = [values[made_by[n.input[1]].input[1]] for n in convolutions]
    assert all(s.shape == (len(w),) for s, w in zip(scales, weights, strict=True))  # by channel
    assert all(made_by[n.input[0]].op_type == "DequantizeLinear" for n in convolutions)
    for opened in (bundle.load(before), bundle.load(after)):
        assert all(
            o.type == "tensor(float)"
            for o in (*opened.session.get_inputs(), *opened.session.get_outputs())
        )
    assert [o.version for o in onnx.load(after / "model.onnx").opset_import if not o.domain] == [18]
    assert [p.key for p in onnx.load(after / "model.onnx").metadata_props] == [KEY]
    assert (after / "weights.safetensors").read_bytes() == (
        before / "weights.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_it_answers_like_the_float32_file(
    threads: int,
    folders: tuple[Path, Path, list[np.ndarray]],
    parts: tuple[DatasetPart, DatasetPart],
) -> None:
    before, after = (Predictor(f, threads) for f in folders[:2])
    after.card = replace(after.card, calibration=before.card.calibration)
    crops = parts[1].crops[:32]
    ours, theirs = (
        before.probabilities(crops, embedding=True),
        after.probabilities(crops, embedding=True),
    )
    assert ours.keys() == theirs.keys()
    for task, value in ours.items():
        assert np.abs(value - theirs[task]).mean() < 0.2 * value.std(axis=0).mean(), task
    single = [after.probabilities(c[None], embedding=True) for c in crops]
    for task, value in theirs.items():
        assert (
            np.abs(np.concatenate([s[task] for s in single]) - value).max()
            < 0.05 * np.abs(value).max()
        ), task


def test_an_answer_of_it_can_be_explained(
    folders: tuple[Path, Path, list[np.ndarray]], parts: tuple[DatasetPart, DatasetPart]
) -> None:
    maps = occlusion_maps(Predictor(folders[1]), parts[1].crops[0])
    assert set(maps) == {"emotion", "gender", "age"} and all(
        np.abs(one.heat).max() > 1e-6 for one in maps.values()
    )


def test_the_card_says_so_and_its_figures_are_those_of_the_int8_file(
    folders: tuple[Path, Path, list[np.ndarray]], parts: tuple[DatasetPart, DatasetPart]
) -> None:
    before, after, _ = folders
    assert (bundle.load(before).card.precision, bundle.load(after).card.precision) == (
        "fp32",
        "int8",
    )
    assert (
        "INT8" in (after / "card.md").read_text() and "INT8" not in (before / "card.md").read_text()
    )
    served, samples = Predictor(after), parts[1].samples
    served_values = served.probabilities(parts[1].crops)
    right = {
        "emotion_accuracy": served_values["emotion"].argmax(axis=1) == samples.emotion,
        "gender_accuracy": served_values["gender"].argmax(axis=1) == samples.gender,
        "age_mae": np.abs(served_values["age"] @ np.arange(101) - samples.age),
    }
    assert served.card.calibration["age"] != 1  # so that calibrated answers are other ones
    figures = int8_loss.validation_figures(served.card)
    assert figures == {
        name: (pytest.approx(values.mean(), abs=1e-4), 64) for name, values in right.items()
    }


@pytest.mark.usefixtures("written")
def test_each_file_looks_at_validation_once_and_is_judged_by_what_its_card_says(
    parts: tuple[DatasetPart, DatasetPart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, judged, really = [], [], Predictor.logits
    monkeypatch.setattr(
        Predictor,
        "logits",
        lambda self, x, *more: (measured.append((self.path.name, len(x))), really(self, x, *more))[
            1
        ],
    )
    monkeypatch.setattr(
        "train.export.export.check_int8_loss",
        lambda before, after: judged.append((before, after)),
    )
    monkeypatch.setattr("train.export.export.PARITY_CROPS", 16)
    bundle_folder = export(
        lively(RECIPE), RECIPE, "whole", tmp_path, [parts[0]], [parts[1]], int8=True
    )
    asked = {
        name: sum(n for at, n in measured if at == name and n > 16)
        for name in ("model.onnx", "int8.onnx")
    }
    assert asked == {"model.onnx": 64, "int8.onnx": 64}
    assert (
        judged[0][0] != judged[0][1] == int8_loss.validation_figures(Predictor(bundle_folder).card)
    )


def test_the_ranges_come_from_training_pictures_only(
    folders: tuple[Path, Path, list[np.ndarray]], parts: tuple[DatasetPart, DatasetPart]
) -> None:
    (shown,) = folders[2]
    learnt = {c.tobytes() for c in parts[0].crops}
    assert len(shown) == 64 and all(c.tobytes() in learnt for c in shown)


@pytest.mark.usefixtures("written")
def test_too_much_loss_leaves_the_old_bundle_alone(
    parts: tuple[DatasetPart, DatasetPart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    def refuse(*_: object) -> None:
        raise ModelError("loses too much")

    monkeypatch.setattr(
        quantize,
        "to_int8",
        lambda source, target, crops, spec: (shown.append(crops), shutil.copy(source, target)),
    )
    monkeypatch.setattr("train.export.export.check_int8_loss", refuse)
    out = tmp_path / "out"
    out.mkdir()
    (out / "model.onnx").write_bytes(b"old")
    with pytest.raises(ModelError, match="loses"):
        export(lively(RECIPE), RECIPE, "whole", out, [parts[0]], [parts[1]], int8=True)
    assert (out / "model.onnx").read_bytes() == b"old" and [p.name for p in out.iterdir()] == [
        "model.onnx"
    ]
    assert len(shown) == quantize.MAX_ATTEMPTS and not np.array_equal(shown[0], shown[1])


def test_without_pictures_the_command_says_what_it_needs(
    folders: tuple[Path, Path, list[np.ndarray]], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["export", str(folders[0]), "--out", str(tmp_path / "x"), "--int8"]) == 2
    message = capsys.readouterr().err
    assert "--data" in message and "qat=true" in message and not (tmp_path / "x").exists()


@pytest.mark.usefixtures("written")
def test_a_bundle_is_exported_again_as_int8(
    folders: tuple[Path, Path, list[np.ndarray]],
    parts: tuple[DatasetPart, DatasetPart],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(
        "train.batches.data.load_parts",
        lambda recipe, folders, split, detector: [parts[split == "val"]],
    )
    named = ["--name", "whole", "--version", "7.8.9"]
    assert (
        main(
            [
                "export",
                str(folders[0]),
                "--out",
                str(tmp_path / "again"),
                *named,
                "--data",
                str(tmp_path),
                "--int8",
            ]
        )
        == 0
    )
    message = capsys.readouterr().err
    assert "emotion accuracy: float32" in message and "loses" in message and "MB" in message
    again, first = Predictor(tmp_path / "again"), Predictor(folders[1])
    assert (
        again.card.version == "7.8.9"
        and again.card.precision == "int8"
        and again.card.metrics == first.card.metrics
    )
    x = to_input(random_crops(RECIPE, 4), RECIPE.input)
    assert all(np.array_equal(v, first.logits(x)[k]) for k, v in again.logits(x).items())
