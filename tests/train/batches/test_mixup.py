"""Mixup: how often it acts, and that blended targets give the blend of the losses."""

from __future__ import annotations

import pytest
import torch

from core import registry
from train.batches.mixup import mixup
from train.losses import masked_mean
from train.recipe.settings import Mix


def batch(n: int = 8) -> tuple[torch.Tensor, dict, dict]:
    torch.manual_seed(0)
    targets = {"emotion": torch.rand(n, 4).softmax(1), "age": torch.rand(n) * 80}
    weights = {
        "emotion": torch.tensor([1.0, 0.0] * (n // 2)),
        "age": torch.tensor([0.0, 1.0] * (n // 2)),
    }
    for task, target in targets.items():
        target[weights[task] == 0] = 0
    return torch.rand(n, 1, 12, 12), targets, weights


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_off_changes_nothing_and_draws_nothing() -> None:
    x, targets, weights = batch()
    draw = generator()
    out = mixup(x, targets, weights, Mix(), draw)
    assert out[0] is x and out[1] is targets and out[2] is weights
    assert torch.equal(draw.get_state(), generator().get_state())


def test_probability() -> None:
    x, targets, weights = batch()
    mixed = sum(
        mixup(x, targets, weights, Mix(mixup=1.0, probability=0.3), generator(i))[0] is not x
        for i in range(400)
    )
    assert 0.2 < mixed / 400 < 0.4


@pytest.mark.parametrize("how", [Mix(mixup=0.4), Mix(cutmix=1.0), Mix(mixup=0.4, cutmix=1.0)])
@pytest.mark.parametrize("seed", range(6))
def test_targets_are_the_blend_of_those_that_are_known(how: Mix, seed: int) -> None:
    _, targets, weights = batch()
    marks = torch.eye(8).view(8, 8, 1, 1).expand(8, 8, 12, 12).clone()  # sample i fills channel i
    mixed, blended, total = mixup(marks.clone(), targets, weights, how, generator(seed))
    assert torch.equal(mixed, mixup(marks.clone(), targets, weights, how, generator(seed))[0])
    shares = mixed.mean(dim=(2, 3))  # (8, 8): so the picture itself says how much of whom is in it
    assert torch.allclose(shares.sum(dim=1), torch.ones(8), atol=1e-5)
    for task, target in targets.items():
        assert torch.allclose(total[task], shares @ weights[task], atol=1e-5)
        has_target = total[task] > 1e-3
        expected = (
            (shares * weights[task]) @ target.view(8, -1) / total[task].view(8, 1).clamp(min=1e-9)
        )
        assert torch.allclose(
            blended[task].view(8, -1)[has_target], expected[has_target], rtol=1e-3, atol=1e-3
        )


def test_mixup_of_cross_entropy_is_the_blend_of_losses() -> None:
    torch.manual_seed(2)
    loss = registry.load("train.losses", "cross_entropy").loss
    logits = torch.randn(8, 3)
    targets, weights = {"emotion": torch.eye(3)[torch.arange(8) % 3]}, {"emotion": torch.ones(8)}
    mixed, blended, _ = mixup(
        torch.eye(8).view(8, 8, 1, 1), targets, weights, Mix(mixup=1.0), generator(3)
    )
    each = torch.stack(
        [loss(logits, targets["emotion"][[k] * 8]) for k in range(8)], dim=1
    )  # (8, 8): row i against target k
    assert torch.allclose(
        loss(logits, blended["emotion"]), (mixed[:, :, 0, 0] * each).sum(dim=1), atol=1e-5
    )


@pytest.mark.parametrize("how", [Mix(mixup=0.4), Mix(cutmix=1.0)])
def test_two_unlabelled_samples_teach_nothing(how: Mix) -> None:
    x, targets, _ = batch()
    nothing = {k: torch.zeros(8) for k in targets}
    _, blended, shares = mixup(
        x, {k: torch.zeros_like(v) for k, v in targets.items()}, nothing, how, generator(1)
    )
    logits = torch.randn(8, 4, requires_grad=True)
    loss = registry.load("train.losses", "cross_entropy").loss
    masked_mean(loss(logits, blended["emotion"]), shares["emotion"]).backward()
    assert (
        logits.grad is not None
        and logits.grad.abs().sum() == 0
        and torch.isfinite(blended["age"]).all()
    )
