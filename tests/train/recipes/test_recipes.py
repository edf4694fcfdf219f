"""Every recipe: its network is built, counted, trained two steps, exported and compared with ONNX
Runtime; without any network or data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core import registry
from core.artifacts.card import Card
from core.errors import UserError
from core.models.base.network import parameter_counts
from core.preprocess import to_input
from tests.train.conftest import part_of
from train.batches.collate import collate
from train.batches.pool import gather
from train.export.onnx_file import write_onnx
from train.export.parity import PARITY, check_parity, random_crops
from train.loop.initialize import initialize
from train.loop.trainer import Trainer
from train.network.build import build_network, count_parameters
from train.recipe.override import override
from train.recipe.recipe import Recipe, load

RECIPES = registry.names("train.recipes")
TRY = ["model.pretrained=false", "start=", "amp=no", "batch=2", "accumulation=1", "compile=false"]

# What the source documents print. Keras counts BatchNorm's running statistics as non-trainable.
TOTALS = {
    "fer_cnn_0": (1_274_500, 1_274_052),
    "fer_cnn_a": (3_509_444, 3_507_140),
    "fer_cnn_b": (3_509_444, 3_507_140),
    "fer_cnn_c": (3_509_444, 3_507_140),
    "fer_cnn_b_plus": (3_509_444, 3_507_140),
    "fer_cnn_b_plus_plus": (3_509_444, 3_507_140),
    "fer_cnn_d": (4_980_324, 4_978_340),
    "fer_cnn_grey": (5_867_204, 5_866_308),
    "fer_cnn_rgb": (5_868_356, 5_867_460),
    "fer_vgg16": (15_111_748, 396_036),
}
TRAINABLE = {"fer_vgg16": 396_036, "fer_resnet50v2": 526_084, "fer_efficientnet_b0": 329_476}
LISTED = {  # a row for each network of the sources
    "fer_cnn_0",
    "fer_cnn_a",
    "fer_cnn_b",
    "fer_cnn_c",
    "fer_cnn_b_plus",
    "fer_cnn_b_plus_plus",
    "fer_cnn_d",
    "fer_cnn_grey",
    "fer_cnn_rgb",
    "fer_vgg16",
    "fer_resnet50v2",
    "fer_efficientnet_b0",
    "baseline_mobilenetv3",
    "production_b0",
    "production_b0_finetune",
    "production_mobilenetv3",
    "production_vit_tiny",
    "production_b2",
    "mobileone_s2_quick",
    "mobileone_s2",
    "agegendernet_utkface",
    "agegendernet_emotion_frozen",
    "agegendernet_alternating",
    "agegendernet_wiki",
    "agegendernet_emotion",
    "agegendernet_ffhq",
}


def test_the_issue_s_recipes_are_there() -> None:
    assert set(RECIPES) >= LISTED


@pytest.mark.parametrize("name", RECIPES)
def test_parameters(name: str) -> None:
    counts = count_parameters(load(name))
    assert counts["total"] == counts["trainable"] + counts["non_trainable"]
    if name in TOTALS:
        assert (counts["total"], counts["trainable"]) == TOTALS[name]
    if name in TRAINABLE:
        assert counts["trainable"] == TRAINABLE[name]
    if name == "production_b2":  # 5 M of 8 M in the source
        assert round(counts["trainable"] / 1e6) == 5 and round(counts["total"] / 1e6) == 8
    if name.startswith("agegendernet"):
        assert counts["total"] == pytest.approx(9_356_776, rel=0.01)
    if name == "agegendernet_ffhq":  # the phase with all three heads
        assert counts["trainable"] == 9_356_776
        assert counts["total"] * 4 / 2**20 == pytest.approx(35.73, abs=0.005)


def test_counting_agrees_with_a_real_network() -> None:
    assert count_parameters(load("fer_cnn_0")) == parameter_counts(build_network(load("fer_cnn_0")))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_its_source(name: str) -> None:
    recipe = load(name)
    assert recipe.source
    assert all(isinstance(v, int | float) for v in recipe.expected.values())
    assert all(k.partition("_")[0] in ("val", "train", "test", "epoch") for k in recipe.expected)


@pytest.fixture(scope="module")
def exported() -> set[str]:
    """Layers and kinds of heads that were exported and compared. An export takes up to six seconds;
    a network is exported where it has something new.
    """
    return set()


def layers_and_heads(model: torch.nn.Module, recipe: Recipe) -> set[str]:
    """What decides which operators an exported graph has."""
    layers = {f"{type(m).__module__}.{type(m).__name__}" for m in model.modules()}
    return layers | {h.kind for h in recipe.heads}


def leave_repeats_out(model: torch.nn.Module) -> None:
    """Removes blocks that repeat the one before them: an export takes as long as the network is
    deep, and a repeated block brings no new operator.
    """
    for parent in list(model.modules()):
        if not isinstance(parent, torch.nn.Sequential):
            continue
        before: tuple[object, ...] = ()
        for name, block in list(parent.named_children()):
            shapes = {k: v.shape for k, v in block.state_dict().items()}
            this = (type(block), shapes)
            if shapes and this == before:
                delattr(parent, name)
            before = this


def settle(model: torch.nn.Module, recipe: Recipe) -> None:
    """Gives BatchNorm the statistics of some pictures. With those of two steps a deep network's
    outputs reach millions.
    """
    norms = [
        m
        for m in model.train().modules()
        if isinstance(m, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d)
    ]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all batches
    with torch.no_grad():
        model(torch.from_numpy(to_input(random_crops(recipe, 4), recipe.input)))


def teacher_values(recipe: Recipe, n: int) -> dict[str, np.ndarray]:
    """What teachers might say, where the recipe has some."""
    rng = np.random.default_rng(0)
    if not recipe.distill.teachers:
        return {}
    shapes = {
        h.task: (n,) if h.kind == "regression" else (n, len(h.labels)) for h in recipe.heads
    } | {"embedding": (n, 8)}
    return {
        task: rng.random(shape, np.float32)
        for task, shape in shapes.items()
        if task != "embedding" or recipe.distill.features
    }


@pytest.mark.parametrize("name", RECIPES)
def test_two_steps_then_onnx(name: str, exported: set[str], tmp_path: Path) -> None:
    recipe = override(load(name), TRY)
    run = Trainer(recipe, tmp_path / "run")
    pool = gather([part_of(recipe, 4)], recipe, teacher_values(recipe, 4))
    before = {k: p.detach().clone() for k, p in run.network.named_parameters()}
    frozen = [k for k, p in run.network.named_parameters() if not p.requires_grad]
    draw = run.start_epoch()
    for i in range(2):
        run.schedule.before_step(i, 4, 2)
        values = run.train_step(collate(pool.batch(torch.tensor([2 * i, 2 * i + 1])), recipe, draw))
        more = ["features"] if recipe.distill.features else []
        assert set(values) == {"loss", *recipe.losses, *more} and all(
            v == v for v in values.values()
        )
    assert run.step == 2
    after = dict(run.network.named_parameters())
    assert [k for k in before if k in frozen and not torch.equal(before[k], after[k])] == []
    assert any(not torch.equal(before[k], after[k]) for k in before)

    used = layers_and_heads(run.network, recipe)
    if not exported >= used and not recipe.qat:  # what rounds agrees in its own way: test_qat.py
        model = run.network.to("cpu", memory_format=torch.contiguous_format)
        leave_repeats_out(model)
        settle(model, recipe)
        write_onnx(model, Card(name, "0", recipe.input, recipe.heads), tmp_path / "model.onnx")
        assert check_parity(model, tmp_path / "model.onnx", random_crops(recipe, 2)) <= PARITY
        exported |= used


def test_weights_that_cannot_be_had_stop_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    def offline(*args: object, **options: object) -> None:
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UserError, match=r"no route to the hub.*--set model\.pretrained=false"):
        initialize(load("production_b0"))


def test_a_family_without_pretrained_weights_says_so() -> None:
    with pytest.raises(UserError, match=r"plain.*model\.pretrained=false"):
        initialize(override(load("mien_ferplus_utkface"), ["model.pretrained=true"]))


def test_a_missing_start_stops_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train that recipe first"):
        initialize(override(load("agegendernet_emotion_frozen"), [f"start={tmp_path}/nothing"]))
