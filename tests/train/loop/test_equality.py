"""Training and serving see the same pixels and say the same: one file through both paths, arrays
exactly, logits to 1e-4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core import image
from core.data import ferplus, utkface
from core.data.base.crop_cache import prepare
from core.faces import best_detector, chip_face
from core.preprocess import to_input
from evaluation.report import gate_limits, gates
from train.export.export import MEASURED_FILE, export
from train.export.parity import PARITY, check_parity, logit_difference, random_crops
from train.loop.trainer import Trainer
from train.recipe.override import override
from train.recipe.recipe import load

SMALL = ["model.options.stem=8", "model.options.stages=[(16,1),(24,1)]", "amp=no"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, Path]:
    folder = tmp_path_factory.mktemp("x")
    run = Trainer(override(load("mien_ferplus_utkface"), SMALL), folder / "run")
    for p in (
        run.network.parameters()
    ):  # away from the start, where the last BatchNorm of each block is zero
        torch.nn.init.normal_(p, 0.0 if p.ndim > 1 else 0.5, 0.2)
    return run, export(run.network, run.recipe, "equality", folder / "bundle")


@pytest.mark.parametrize(("module", "split"), [(ferplus, "train"), (utkface, "all")])
def test_the_training_path_equals_the_serving_path(
    module: object, split: str, small_data: Path, exported: tuple[Trainer, Path], tmp_path: Path
) -> None:
    from core.predictor import Predictor

    run, bundle = exported
    samples = module.load(small_data, split).take(slice(24))
    detector, _ = best_detector()
    trained_on = prepare(samples, detector, run.recipe.input, folder=tmp_path).crops

    predictor = Predictor(bundle)
    pictures = [image.load(p) for p in samples.paths]
    served = np.concatenate([predictor.crops(p, [chip_face(p, detector)]) for p in pictures])
    assert np.array_equal(trained_on, served)

    x = to_input(served, predictor.card.input)
    with torch.inference_mode():
        ours = run.network.eval()(
            torch.from_numpy(to_input(np.asarray(trained_on), run.recipe.input))
        )
    theirs = predictor.logits(x, embedding=True)
    for task, z in theirs.items():
        assert np.abs(z - ours[task].numpy()).max() < 1e-4, task


def test_parity_is_checked_and_can_fail(exported: tuple[Trainer, Path]) -> None:
    from core.errors import ModelError

    run, bundle = exported
    side = run.recipe.input.size
    crops = np.random.default_rng(0).integers(0, 256, (8, side, side, 1), np.uint8)
    assert check_parity(run.network, bundle / "model.onnx", crops) < PARITY
    other = Trainer(
        override(load("mien_ferplus_utkface"), [*SMALL, "seed=1"]), bundle.parent / "other"
    )
    torch.nn.init.normal_(other.network.heads["emotion"].weight)
    with pytest.raises(ModelError, match="agree"):
        check_parity(other.network, bundle / "model.onnx", crops)


def test_the_gate_finds_the_parity_beside_the_model(exported: tuple[Trainer, Path]) -> None:
    run, bundle = exported
    measured = gate_limits.read_measured(bundle / MEASURED_FILE)
    crops = random_crops(run.recipe)
    assert measured == {"onnx_parity": logit_difference(run.network, bundle / "model.onnx", crops)}
    with torch.no_grad():
        run.network.heads["age"].bias[3] += 0.5
        assert logit_difference(run.network, bundle / "model.onnx", crops) == pytest.approx(
            0.5, abs=1e-3
        )  # in logits, as the gate means it
        run.network.heads["age"].bias[3] -= 0.5
    parity = [g for g in gate_limits.PRODUCTION if g.name == "onnx_parity"]
    assert gates.check(parity, [], [], measured)[0].state == "passed"
    assert MEASURED_FILE in gates.check(parity, [], [], {})[0].how


def test_an_exported_model_carries_no_paths_of_this_machine(exported: tuple[Trainer, Path]) -> None:
    content = (exported[1] / "model.onnx").read_bytes()
    assert b"/work/" not in content and b"site-packages" not in content
