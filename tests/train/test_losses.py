from __future__ import annotations

import math

import pytest
import torch

from core import discover
from train.losses import masked_mean
from train.recipe import load


def test_soft_cross_entropy_by_hand() -> None:
    loss = discover.load("train.losses", "soft_cross_entropy").loss
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))
    target = torch.tensor([[0.5, 0.5, 0.0]])
    assert loss(logits, target).item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4), abs=1e-6)
    smooth = 0.8 * target + 0.2 / 3
    assert loss(logits, target, smoothing=0.2).item() == pytest.approx(-(smooth * logits).sum().item(), abs=1e-6)


def test_cross_entropy_by_hand() -> None:
    loss = discover.load("train.losses", "cross_entropy").loss
    logits = torch.log(torch.tensor([[0.8, 0.2], [0.3, 0.7]]))
    assert loss(logits, torch.tensor([0, 0])).tolist() == pytest.approx([-math.log(0.8), -math.log(0.3)], abs=1e-6)


def test_age_distribution_by_hand() -> None:
    loss = discover.load("train.losses", "age_distribution").loss
    ages = torch.arange(101.0)
    exponent = -0.5 * ((ages - 30) / 2) ** 2
    gaussian = torch.softmax(exponent, 0)
    assert loss(exponent[None], torch.tensor([30.0])).item() == pytest.approx(0, abs=1e-5)
    uniform = torch.zeros(1, 101)
    entropy = -(gaussian * gaussian.clamp(min=1e-12).log()).sum().item()
    assert loss(uniform, torch.tensor([30.0]), l1=0.5).item() == pytest.approx(math.log(101) - entropy + 0.5 * 20, abs=1e-4)
    assert torch.equal(loss(uniform, torch.tensor([116.0])), loss(uniform, torch.tensor([100.0])))


@pytest.mark.parametrize("name", discover.names("train.losses"))
def test_gradients(name: str) -> None:
    loss = discover.load("train.losses", name).loss
    torch.manual_seed(0)
    targets = {
        "soft_cross_entropy": torch.rand(3, 5, dtype=torch.double).softmax(1),
        "cross_entropy": torch.tensor([0, 4, 2]),
        "age_distribution": torch.tensor([1.0, 2.5, 0.3], dtype=torch.double),
    }
    logits = torch.randn(3, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: loss(z, targets[name]), (logits,))


@pytest.mark.parametrize("task", ["emotion", "gender", "age"])
def test_an_unlabelled_sample_changes_no_gradient(task: str) -> None:
    spec = load("mien").losses[task]
    loss = discover.load("train.losses", spec.name).loss
    torch.manual_seed(1)
    full = {"emotion": torch.rand(4, 8).softmax(1), "gender": torch.tensor([0, 1, 1, 0]), "age": torch.tensor([3.0, 50, 20, 0])}[task]
    mask = torch.tensor([True, True, True, False])
    logits = torch.randn(4, {"emotion": 8, "gender": 2, "age": 101}[task])

    def gradient(rows: slice) -> torch.Tensor:
        z = logits[rows].clone().requires_grad_()
        masked_mean(loss(z, full[rows], **spec.options), mask[rows]).backward()
        return z.grad

    assert torch.allclose(gradient(slice(0, 4))[:3], gradient(slice(0, 3)), atol=1e-7)
    assert gradient(slice(0, 4))[3].abs().sum() == 0
    assert gradient(slice(3, 4)).abs().sum() == 0  # a batch without any label
