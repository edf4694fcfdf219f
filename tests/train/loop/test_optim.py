"""Weight decay: Keras' L2 penalty by its formula, parts of a network, refused combinations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.errors import UserError
from train.loop.optim import build_optimizer, l2_penalty
from train.recipe.settings import Optim


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict(
        {"backbone": nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), "heads": nn.Linear(4, 2)}
    )


def run(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model["heads"](model["backbone"](x)).square().mean()


def test_l2_is_keras_penalty() -> None:
    """Adam with the penalty in the loss, as Keras has it, makes the same steps."""
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    ours, theirs = net(), net()
    optim = build_optimizer(ours, Optim("adam", lr=0.01, weight_decay=0.0, l2={"backbone": 0.05}))
    oracle = torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(5):
        optim.zero_grad()
        run(ours, x).backward()
        optim.step()
        oracle.zero_grad()
        (run(theirs, x) + 0.05 * theirs["backbone"][0].weight.square().sum()).backward()
        oracle.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_the_longest_part_decides() -> None:
    optim = build_optimizer(net(), Optim("adam", weight_decay=0.0, l2={"": 1.0, "heads": 2.0}))
    assert sorted(g["weight_decay"] for g in optim.param_groups) == [0.0, 2.0, 4.0]


def test_the_penalty_is_keras_term_of_the_loss() -> None:
    model = net()
    first, last = (m.weight.square().sum().item() for m in (model["backbone"][0], model["heads"]))
    assert l2_penalty(model, Optim("adam", l2={"backbone": 0.05})) == pytest.approx(
        0.05 * first
    )  # kernels alone: no bias, no norm
    assert l2_penalty(model, Optim("adam", l2={"": 1.0, "heads": 2.0})) == pytest.approx(
        first + 2 * last
    )
    assert l2_penalty(model, Optim("adam")) == 0


@pytest.mark.parametrize(
    ("how", "hint"),
    [
        (Optim("adan_but_wrong"), "optimiser of timm"),
        (Optim("adam", l2={"backbones": 1e-3}), "backbones"),
        (Optim(options={"epsilon": 1}), "epsilon"),
    ],
)
def test_what_does_not_exist_is_refused(how: Optim, hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        build_optimizer(net(), how)


def test_l2_with_decoupled_decay_is_refused() -> None:
    with pytest.raises(UserError, match="adamw"):
        Optim("adamw", l2={"": 1e-4})


def test_eps_reaches_the_optimiser() -> None:
    assert (
        build_optimizer(net(), Optim("adam", options={"eps": 1e-7})).param_groups[0]["eps"] == 1e-7
    )
