"""Networks that learn to round: folding changes nothing, the rounding is INT8's, and what is
exported is what was trained.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core.errors import UserError
from core.preprocess import to_input
from tests.train.conftest import part_of
from train.compression import qat
from train.compression.fold_batchnorm import fold_batchnorm, recalibrate_batchnorm
from train.export.parity import random_crops
from train.loop.trainer import Trainer
from train.network.build import build_network
from train.recipe.override import override
from train.recipe.recipe import Recipe, load
from train.recipe.settings import Model

SMALL = [
    "model.options.stem=8",
    "model.options.stages=[(16,1),(32,1)]",
    "amp=no",
    "batch=8",
    "qat=true",
    "compile=false",
]


def plain() -> Recipe:
    """A small network with residual sums and average pools."""
    return override(load("mien_ferplus_utkface"), SMALL)


def of_timm(name: str) -> Recipe:
    recipe = load("mobileone_s2")
    return replace(
        recipe, model=Model("timm_backbone", {"name": name}), input=replace(recipe.input, size=64)
    )


def images(recipe: Recipe, n: int = 8) -> Tensor:
    """Noise (n, C, S, S), as the network gets it."""
    return torch.from_numpy(to_input(random_crops(recipe, n), recipe.input))


def lively(recipe: Recipe) -> nn.Module:
    """A float network whose norms do something, in evaluation mode."""
    torch.manual_seed(0)
    model = build_network(replace(recipe, qat=False))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, 0, 0.1)
    recalibrate_batchnorm(model, (recipe.input.channels, recipe.input.size, recipe.input.size))
    return model.eval()


LAYERS = (nn.Conv2d, nn.Linear, qat.FakeQuantizedConv2d, qat.FakeQuantizedLinear)
FAMILIES = {
    "plain": (plain, 0),
    "fer_cnn": (lambda: load("fer_cnn_a"), 7),
    "mobileone": (lambda: of_timm("mobileone_s0"), 0),
    "bottlenecks": (lambda: of_timm("resnet26"), 0),
    "norm and activation in one": (lambda: of_timm("lcnet_050"), 0),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_folding_changes_no_answer_and_leaves_no_norm_behind_a_layer(family: str) -> None:
    make, left = FAMILIES[family]
    recipe = make()
    model = lively(recipe).double()
    folded = fold_batchnorm(model.float()).double()
    x = images(recipe, 2).double()
    with torch.inference_mode():
        ours, theirs = model.double()(x), folded(x)
    for task, value in ours.items():
        assert (value - theirs[task]).abs().max() <= 1e-5 * value.abs().max(), task
    norms = [m for m in folded.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == left  # of fer_cnn, behind activations


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_rounds_and_learns(family: str) -> None:
    recipe = FAMILIES[family][0]()
    model = qat.prepare(lively(recipe)).train()
    layers = [m for m in model.modules() if type(m) in LAYERS]
    ordinary = [n for n, m in model.named_modules() if type(m) in (nn.Conv2d, nn.Linear)]
    assert len(ordinary) == 1 + len(recipe.heads) and len(layers) > len(
        ordinary
    )  # the first convolution and the heads
    sum(out.square().mean() for out in model(images(recipe)).values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert all(m.weight.grad.abs().max() > 0 for m in layers)  # straight through all the rounding
    assert all(m.high > m.low for m in model.modules() if isinstance(m, qat.FakeQuantize))


def mirrored() -> Recipe:
    return override(plain(), ["model.options.mirror=true", "model.options.dropout=0"])


def test_a_network_that_mirrors_learns_from_the_picture_alone_and_answers_with_the_mean() -> None:
    recipe = mirrored()
    once, both = (
        qat.prepare(lively(override(recipe, [f"model.options.mirror={m}"]))) for m in (False, True)
    )
    assert (
        once.state_dict().keys() == both.state_dict().keys()
    )  # no rounding of its own where it mirrors
    x = images(recipe)
    ours, theirs = both.train()(x), once.train()(x)
    assert all(torch.equal(v, theirs[k]) for k, v in ours.items())
    with torch.inference_mode():
        ours, straight, back = both.eval()(x), once.eval()(x), once(x.flip(3))
    assert not torch.allclose(straight["age"], back["age"], atol=1e-3)
    assert all(torch.allclose(v, (straight[k] + back[k]) / 2, atol=1e-5) for k, v in ours.items())


def test_heads_with_layers_of_their_own_are_folded_and_stay_float() -> None:
    recipe = override(of_timm("mobileone_s0"), ["model.options.hidden=16"])
    float_, quantised = lively(recipe), qat.prepare(lively(recipe))
    assert any(isinstance(m, nn.BatchNorm1d) for m in float_.heads.modules())
    layers = [m for m in quantised.heads.modules() if not list(m.children())]
    assert not any(
        isinstance(m, nn.BatchNorm1d | qat.FakeQuantize | qat.FakeQuantizedLinear) for m in layers
    )


def test_values_are_rounded_to_256_steps_and_zero_is_one_of_them() -> None:
    rounding = qat.FakeQuantize()
    x = torch.linspace(-1, 3, 5001)
    assert torch.equal(rounding.eval()(x), x)  # no batch seen: no range to round to
    rounding.train()(x)
    assert (rounding.low, rounding.high) == (-1, 3)
    y = rounding.eval()(x)
    assert (
        len(y.unique()) == 256 and 0 in y and (x - y).abs().max() <= 4 / 255 * 1.0001
    )  # half a step; the zero moves both ends a little
    rounding.train()(5 * x)
    assert rounding.high == pytest.approx(3 + qat.RANGE_MOMENTUM * 12)  # follows slowly

    beyond = torch.tensor([-9.0, 1.0, 9.0], requires_grad=True)
    rounding.eval()(beyond).sum().backward()
    assert beyond.grad.tolist() == [0, 1, 0]  # straight through, but for what is cut off


def test_weights_are_rounded_by_channel_and_only_once() -> None:
    torch.manual_seed(0)
    weight = torch.randn(4, 3, 3, 3) * torch.tensor([1.0, 0.01, 100.0, 0.0]).view(4, 1, 1, 1)
    once = qat.fake_quantize_weight(weight)
    assert torch.equal(qat.fake_quantize_weight(once), once)
    for channel, rounded in zip(weight, once, strict=True):
        step = channel.abs().max() / qat.WEIGHT_LEVELS
        assert (channel - rounded).abs().max() <= 0.5001 * step and len(rounded.unique()) > (
            1 if step else 0
        )


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    recipe = replace(plain(), epochs=1)
    run = Trainer(recipe, tmp_path)
    run.train([part_of(recipe, 16)], [part_of(recipe, 8)])
    again = Trainer(recipe, tmp_path)
    assert again.resume()
    for now, then in ((run.network, again.network), (run.averaged, again.averaged)):
        assert all(torch.equal(v, then.state_dict()[k]) for k, v in now.state_dict().items())


def test_a_network_that_decides_by_values_is_refused() -> None:
    class Asks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(UserError, match="trace"):
        fold_batchnorm(Asks())
