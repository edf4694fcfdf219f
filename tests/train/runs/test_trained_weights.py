"""Weights beside a bundle's model: damaged or incomplete files give a clear error."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import save_file

from core.artifacts import bundle
from core.artifacts.card import KEY, Card
from core.errors import DataError, ModelError, UserError
from evaluation.training_runs.run_folder import BEST_CHECKPOINT
from tests.conftest import full_disk
from train.export.export import export
from train.network.build import build_architecture
from train.recipe.recipe import load
from train.runs import checkpoint
from train.runs.trained_weights import WEIGHTS, weights

RECIPE = load("fer_cnn_0")


@pytest.fixture()
def kept(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle with a weights file, whose card has `RECIPE`."""
    shutil.copy(tiny_bundle / bundle.MODEL_FILE, tmp_path)
    save_file({"w": torch.ones(3, dtype=torch.float16)}, tmp_path / WEIGHTS)
    with_recipe(tmp_path, RECIPE.to_dict())
    return tmp_path


def with_recipe(folder: Path, recipe: dict) -> None:
    model, card = onnx.load(folder / bundle.MODEL_FILE), bundle.load(folder).card
    text = Card(card.name, card.version, card.input, card.heads, recipe=recipe).to_json()
    onnx.helper.set_model_props(model, {KEY: text})
    onnx.save(model, folder / bundle.MODEL_FILE)


def test_weights_and_recipe_of_a_bundle(kept: Path) -> None:
    state, recipe = weights(kept)
    assert state["w"].dtype == torch.float32 and recipe.to_dict() == RECIPE.to_dict()


@pytest.mark.parametrize("size", [0, 4, -2])
def test_weights_that_break_off(kept: Path, size: int) -> None:
    content = (kept / WEIGHTS).read_bytes()
    (kept / WEIGHTS).write_bytes(content[:size])
    with pytest.raises(ModelError, match=f"{WEIGHTS}.*again"):
        weights(kept)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({}, "Expected `heads`"),
        ({**RECIPE.to_dict(), "losses": {"emotion": {"weigth": 1}}}, "weigth"),
        ({"heads": 5}, "`heads` to be a list"),
    ],
)
def test_a_recipe_that_is_not_whole(kept: Path, recipe: dict, message: str) -> None:
    with_recipe(kept, recipe)
    with pytest.raises(ModelError, match=f"whole recipe in .*{message}.*python -m train"):
        weights(kept)
    run = kept / "run"
    run.mkdir()
    checkpoint.save(run / BEST_CHECKPOINT, {"model": {"w": torch.ones(1)}, "recipe": recipe})
    with pytest.raises(ModelError, match=f"whole recipe in .*{BEST_CHECKPOINT}.*{message}"):
        weights(run)


def test_a_recipe_of_a_newer_version_says_so(kept: Path) -> None:
    with_recipe(kept, {**RECIPE.to_dict(), "warp": 9})
    with pytest.raises(UserError, match="newer Mien"):
        weights(kept)


def test_an_export_to_a_full_disk_leaves_no_half_of_a_bundle(tmp_path: Path) -> None:
    out = tmp_path / "run" / "bundle"
    with full_disk(100_000), pytest.raises(DataError, match=r"Expected to write.*free some space"):
        export(build_architecture(RECIPE), RECIPE, "m", out)
    assert list(out.iterdir()) == [] and list(out.parent.iterdir()) == [out]
