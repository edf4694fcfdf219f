"""Every loss: values computed by hand, gradients, and samples without a label change none."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from core import registry
from train.losses import masked_mean

LOSSES = registry.names("train.losses")
SHARES = {"cross_entropy", "soft_cross_entropy", "focal", "kl", "binary_cross_entropy"}
ONE_OUTPUT = {"binary_cross_entropy", "mean_squared_error", "mean_absolute_error"}


def loss_of(name: str) -> Callable[..., torch.Tensor]:
    return registry.load("train.losses", name).loss


def example(
    name: str, n: int = 4, dtype: torch.dtype = torch.double
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets of the shapes that the loss takes."""
    torch.manual_seed(1)
    logits = torch.randn(n, 1 if name in ONE_OUTPUT else 5, dtype=dtype)
    classes = 2 if name == "binary_cross_entropy" else 5
    target = (
        torch.rand(n, classes, dtype=dtype).softmax(1)
        if name in SHARES
        else torch.linspace(0.3, 3.7, n, dtype=dtype)
    )
    if name == "age_interval":  # exact and ranges in turn
        target = torch.stack([target, target + torch.arange(n, dtype=dtype) % 2], dim=1)
    return logits, target


def test_soft_cross_entropy_by_hand() -> None:
    loss = loss_of("soft_cross_entropy")
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))
    target = torch.tensor([[0.5, 0.5, 0.0]])
    assert loss(logits, target).item() == pytest.approx(
        0.5 * math.log(2) + 0.5 * math.log(4), abs=1e-6
    )
    smooth = 0.8 * target + 0.2 / 3
    assert loss(logits, target, smoothing=0.2).item() == pytest.approx(
        -(smooth * logits).sum().item(), abs=1e-6
    )


def test_any_age_of_a_range_is_right() -> None:
    loss, exact = loss_of("age_interval"), loss_of("age_distribution")
    p = torch.tensor([[0.1, 0.2, 0.3, 0.25, 0.15]])
    likelihood = -math.log(0.2 + 0.3)
    value = loss(p.log(), torch.tensor([[1.0, 2.0]])).item()
    assert value == pytest.approx(likelihood + 0.1 * (2.15 - 2), abs=1e-6)  # expects 2.15 years
    assert loss(p.log(), torch.tensor([[1.0, 3.0]])).item() == pytest.approx(-math.log(0.75))
    assert loss(p.log(), torch.tensor([[3.0, 116.0]])).item() == pytest.approx(
        -math.log(0.4) + 0.1 * (3 - 2.15), abs=1e-6
    )
    for age in (2.0, 2.5):
        assert torch.equal(
            loss(p.log(), torch.tensor([[age, age]])), exact(p.log(), torch.tensor([age]))
        )


def test_cross_entropy_by_hand() -> None:
    loss = loss_of("cross_entropy")
    logits = torch.log(torch.tensor([[0.8, 0.2], [0.3, 0.7]]))
    expected = pytest.approx([-math.log(0.8), -math.log(0.3)], abs=1e-6)
    assert loss(logits, torch.tensor([[1.0, 0.0], [1.0, 0.0]])).tolist() == expected
    assert loss(logits, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), smoothing=0.1)[
        0
    ].item() == pytest.approx(-0.95 * math.log(0.8) - 0.05 * math.log(0.2), abs=1e-6)


def test_focal_by_hand() -> None:
    loss = loss_of("focal")
    p = torch.tensor([[0.7, 0.2, 0.1]])
    hard = torch.tensor([[1.0, 0.0, 0.0]])
    assert loss(p.log(), hard).item() == pytest.approx(-0.25 * 0.3**2 * math.log(0.7), abs=1e-6)
    t = [0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3]
    by_hand = -0.25 * sum(
        tk * (1 - pk) ** 2 * math.log(pk) for tk, pk in zip(t, (0.7, 0.2, 0.1), strict=True)
    )
    assert loss(p.log(), hard, smoothing=0.1).item() == pytest.approx(by_hand, abs=1e-6)
    logits, target = example("focal")
    assert torch.allclose(
        loss(logits, target, gamma=0.0, alpha=1.0), loss_of("soft_cross_entropy")(logits, target)
    )


def test_kl_by_hand() -> None:
    loss = loss_of("kl")
    p, t = torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([[0.5, 0.5, 0.0]])
    assert loss(p.log(), t).item() == pytest.approx(0.5 * math.log(1) + 0.5 * math.log(2), abs=1e-6)
    assert loss(p.log(), p).item() == pytest.approx(0, abs=1e-6)


def test_binary_cross_entropy_by_hand() -> None:
    loss = loss_of("binary_cross_entropy")
    z = torch.tensor([[math.log(0.8 / 0.2)]])
    assert loss(z, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(-math.log(0.8), abs=1e-6)
    assert loss(z, torch.tensor([[0.0, 1.0]])).item() == pytest.approx(-math.log(0.2), abs=1e-6)


def test_errors_by_hand() -> None:
    out, years = torch.tensor([[30.0], [20.0]]), torch.tensor([25.0, 40.0])
    assert loss_of("mean_squared_error")(out, years).tolist() == [25.0, 400.0]
    assert loss_of("mean_squared_error")(out, years, unit=10.0).tolist() == pytest.approx(
        [0.25, 4.0]
    )
    assert loss_of("mean_absolute_error")(out, years).tolist() == [5.0, 20.0]
    assert loss_of("mean_absolute_error")(out, years, unit=10.0).tolist() == pytest.approx(
        [0.5, 2.0]
    )


def test_age_distribution_by_hand() -> None:
    loss = loss_of("age_distribution")
    ages = torch.arange(101.0)
    exponent = -0.5 * ((ages - 30) / 2) ** 2
    gaussian = torch.softmax(exponent, 0)
    assert loss(exponent[None], torch.tensor([30.0])).item() == pytest.approx(0, abs=1e-5)
    uniform = torch.zeros(1, 101)
    entropy = -(gaussian * gaussian.clamp(min=1e-12).log()).sum().item()
    assert loss(uniform, torch.tensor([30.0]), l1=0.5).item() == pytest.approx(
        math.log(101) - entropy + 0.5 * 20, abs=1e-4
    )
    assert torch.equal(loss(uniform, torch.tensor([116.0])), loss(uniform, torch.tensor([100.0])))


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name: str) -> None:
    logits, target = example(name)
    assert torch.autograd.gradcheck(lambda z: loss_of(name)(z, target), (logits.requires_grad_(),))


@pytest.mark.parametrize("name", LOSSES)
def test_an_unlabelled_sample_changes_no_gradient(name: str) -> None:
    logits, target = example(name, dtype=torch.float32)
    target[3] = 0  # what `gather` writes where nothing is known
    weight = torch.tensor([1.0, 1.0, 1.0, 0.0])

    def gradient(rows: slice) -> torch.Tensor:
        z = logits[rows].clone().requires_grad_()
        masked_mean(loss_of(name)(z, target[rows]), weight[rows]).backward()
        return z.grad

    assert torch.allclose(gradient(slice(0, 4))[:3], gradient(slice(0, 3)), atol=1e-7)
    assert gradient(slice(0, 4))[3].abs().sum() == 0
    assert gradient(slice(3, 4)).abs().sum() == 0  # a batch without any label


def test_weights_count_labelled_samples() -> None:
    values = torch.tensor([1.0, 2.0, 3.0])
    assert masked_mean(values, torch.tensor([2.0, 0.5, 0.0])).item() == pytest.approx(
        (2.0 + 1.0) / 2
    )
    assert masked_mean(values, torch.tensor([True, True, False])).item() == pytest.approx(1.5)
