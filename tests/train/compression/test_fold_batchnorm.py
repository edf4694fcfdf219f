"""Training branches are folded at export; what is served is the same network to 1e-5."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch

from core.artifacts.card import Card
from core.errors import ModelError
from core.predictor import Predictor
from core.preprocess import to_input
from tests.train.recipes.test_recipes import settle
from train.compression.fold_batchnorm import reparameterize
from train.export.export import export
from train.export.parity import FOLDED_PARITY, _difference, check_folded, random_crops
from train.loop.initialize import load_network
from train.network.build import build_network
from train.recipe.override import override
from train.recipe.recipe import load
from train.recipe.settings import Model

RECIPE = replace(load("mobileone_s2"), model=Model("timm_backbone", {"name": "mobileone_s0"}))
RECIPE = replace(RECIPE, input=replace(RECIPE.input, size=64))


@pytest.fixture(scope="module")
def trained() -> torch.nn.Module:
    torch.manual_seed(0)
    model = build_network(RECIPE)
    settle(model, RECIPE)
    for module in model.modules():  # no two branches alike, and no norm that does nothing
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.7, 1.3)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    settle(model, RECIPE)
    for head in model.heads.values():
        torch.nn.init.normal_(
            head.weight, 0, 0.003
        )  # answers of a few units, as a trained network's
    return model.eval()


def test_what_is_served_has_no_branches_and_answers_the_same(
    trained: torch.nn.Module, tmp_path: Path
) -> None:
    bundle = export(trained, RECIPE, "folded", tmp_path / "bundle")
    fused, branched = (
        sum(p.numel() for p in m.parameters()) for m in (reparameterize(trained), trained)
    )
    assert fused < 0.8 * branched
    assert f"{fused:,}" in (bundle / "card.md").read_text()
    assert (bundle / "model.onnx").stat().st_size < 4 * (
        fused + 60_000
    ) + 400_000  # no second set of weights is carried along

    again, _ = load_network(bundle)  # the weights file has the branches, to train on
    assert set(again.state_dict()) == set(trained.state_dict())
    crops = random_crops(RECIPE, 8)
    served = Predictor(bundle)
    assert check_folded(again, reparameterize(again), served, crops) <= FOLDED_PARITY
    theirs = served.logits(to_input(crops, RECIPE.input))
    with torch.inference_mode():
        ours = again(torch.from_numpy(to_input(crops, RECIPE.input)))
    assert all(np.abs(ours[k].numpy() - z).max() < 1e-3 for k, z in theirs.items())

    worse = reparameterize(again)
    torch.nn.init.normal_(next(m for m in worse.modules() if isinstance(m, torch.nn.Conv2d)).weight)
    with pytest.raises(ModelError, match="folded network"):
        check_folded(again, worse, served, crops)


def test_a_network_without_branches_is_left_alone() -> None:
    model = build_network(load("fer_cnn_0"))
    assert reparameterize(model) is model


def test_the_flagship_s_shortcuts_are_served_as_convolutions(tmp_path: Path) -> None:
    recipe = override(
        load("mien"), ["model.options.stem=8", "model.options.stages=[(16,2),(24,1)]"]
    )
    model = build_network(recipe)
    settle(model, recipe)
    bundle_folder = export(model, recipe, "plain", tmp_path / "bundle")
    kinds = [node.op_type for node in onnx.load(bundle_folder / "model.onnx").graph.node]
    assert "AveragePool" not in kinds, "in INT8 the mean costs more than the convolutions beside it"
    assert kinds.count("Conv") == 1 + 3 + 2 + 3
    assert set(load_network(bundle_folder)[0].state_dict()) == set(model.state_dict()), (
        "the weights file keeps the training form"
    )


def test_years_are_compared_as_a_share_of_them() -> None:
    card = Card("a", "0", RECIPE.input, RECIPE.heads)
    served = SimpleNamespace(card=card, calibrate=lambda raw: raw)
    others = {h.task: np.zeros((2, h.width)) for h in RECIPE.heads}
    years = lambda *v: {**others, "age": np.array(v)[:, None]}
    assert _difference(served, years(50.0, 0.1), years(50.005, 0.1)) == pytest.approx(1e-4)
    assert _difference(served, years(50.0, 0.1), years(50.0, 0.2)) == pytest.approx(
        0.1
    )  # under a year, in years
    assert _difference(
        served, {**years(1.0, 1.0), "gender": np.ones((2, 2))}, years(1.0, 1.0)
    ) == pytest.approx(1)
