"""Learning rates: those of torch's and Keras' schedules, and a plateau that resumes exactly."""

from __future__ import annotations

import pytest
import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
)

from core.errors import UserError
from train.loop.schedule import Scheduler, lr_share
from train.recipe.settings import Schedule

LR = 0.1


def sgd() -> Optimizer:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)


def rates(how: Schedule, steps: int, per_epoch: int) -> list[float]:
    return [LR * lr_share(how, i, steps, per_epoch) for i in range(steps)]


def torch_rates(optim: Optimizer, scheduler: LRScheduler, steps: int) -> list[float]:
    lrs = []
    for _ in range(steps):
        lrs.append(optim.param_groups[0]["lr"])
        optim.step()
        scheduler.step()
    return lrs


def test_cosine_is_torchs() -> None:
    optim = sgd()
    expected = torch_rates(optim, CosineAnnealingLR(optim, T_max=40, eta_min=0.02 * LR), 40)
    assert rates(Schedule(kind="cosine", floor=0.02), 40, 10) == pytest.approx(expected)


def test_one_cycle_is_torchs() -> None:
    optim = sgd()
    expected = torch_rates(
        optim, OneCycleLR(optim, max_lr=LR, total_steps=50, cycle_momentum=False), 50
    )
    assert rates(
        Schedule(kind="one_cycle", warmup=0.3, initial=0.04, floor=4e-6), 50, 10
    ) == pytest.approx(expected)


def test_one_cycle_starts_at_the_peak_where_its_warm_up_is_one_step() -> None:
    assert rates(Schedule(kind="one_cycle", warmup=0.25), 4, 4)[0] == pytest.approx(LR)


@pytest.mark.parametrize("name", ["adam", "sgd", "sgd without momentum"])
def test_momentum_of_one_cycle_is_torchs(name: str) -> None:
    def optimizer() -> torch.optim.Optimizer:
        weights = [torch.nn.Parameter(torch.zeros(1))]
        if name == "adam":
            return torch.optim.AdamW(weights, lr=LR, betas=(0.9, 0.98))
        return torch.optim.SGD(weights, lr=LR, momentum=0.0 if "without" in name else 0.9)

    def momentum(optim: torch.optim.Optimizer) -> object:
        group = optim.param_groups[0]
        return group["betas"] if "betas" in group else group["momentum"]

    theirs, ours = optimizer(), optimizer()
    cycle = "without" not in name
    scheduler = OneCycleLR(theirs, max_lr=LR, total_steps=50, cycle_momentum=cycle)
    schedule = Scheduler(Schedule(kind="one_cycle", warmup=0.3, floor=4e-6), LR, ours)
    for step in range(50):
        schedule.before_step(step, 50, 10)
        assert momentum(ours) == pytest.approx(momentum(theirs))
        theirs.step()
        scheduler.step()


def test_restarts_are_torchs() -> None:
    optim = sgd()
    scheduler = CosineAnnealingWarmRestarts(optim, T_0=2, T_mult=2)
    expected = []
    for i in range(70):  # 14 epochs of 5 steps: cycles of 2, 4 and 8 epochs
        scheduler.step(i / 5)
        expected.append(optim.param_groups[0]["lr"])
    assert rates(
        Schedule(kind="restarts", period=2, multiply=2, floor=0.0), 70, 5
    ) == pytest.approx(expected)


def test_warmup_cosine_by_hand() -> None:
    lrs = rates(Schedule(warmup=0.25, floor=0.1), 8, 4)
    assert lrs[:2] == pytest.approx([LR / 2, LR]) and lrs[2] == pytest.approx(LR)
    assert lrs[5] == pytest.approx(LR * 0.55) and lrs == sorted(lrs[:2]) + sorted(
        lrs[2:], reverse=True
    )


def test_constant() -> None:
    assert rates(Schedule(kind="constant"), 3, 1) == [LR] * 3


def test_plateau_is_torchs_and_resumes_exactly() -> None:
    losses = [1.0, 0.9, 0.95, 0.95, 0.95, 0.94, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9]
    how = Schedule(kind="plateau", factor=0.5, patience=1, floor=0.2)
    optim, oracle_optim = sgd(), sgd()
    oracle = ReduceLROnPlateau(
        oracle_optim, factor=0.5, patience=1, threshold=1e-4, threshold_mode="abs", min_lr=0.2 * LR
    )
    scheduler = Scheduler(how, LR, optim)
    for i, loss in enumerate(losses):
        assert scheduler.before_step(i, 12, 1) == oracle_optim.param_groups[0]["lr"]
        if i == 4:  # a killed run: new objects, old states
            fresh = sgd()
            fresh.load_state_dict(optim.state_dict())
            again = Scheduler(how, LR, fresh)
            again.load_state_dict(scheduler.state_dict())
            optim, scheduler = fresh, again
        scheduler.after_epoch(loss)
        oracle.step(loss)
    assert (
        optim.param_groups[0]["lr"] == oracle_optim.param_groups[0]["lr"] == pytest.approx(0.2 * LR)
    )


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UserError, match="one_cycle"):
        Schedule(kind="onecycle")


def plateau_rates(
    counting: str, losses: list[float], penalties: list[float] | None = None
) -> list[float]:
    """The learning rate of each epoch; patience 5, factor 0.5."""
    optim = sgd()
    scheduler = Scheduler(
        Schedule(kind="plateau", patience=5, floor=1e-3, counting=counting), LR, optim
    )
    lrs = []
    for i, loss in enumerate(losses):
        lrs.append(scheduler.before_step(i, len(losses), 1))
        scheduler.after_epoch(loss, penalties[i] if penalties else 0.0)
    return lrs


@pytest.mark.parametrize(("counting", "epochs"), [("keras", [5, 10, 15]), ("torch", [6, 12, 18])])
def test_plateau_counts_as_keras_or_torch(counting: str, epochs: list[int]) -> None:
    lrs = plateau_rates(
        counting, [1.0] * 20
    )  # the best is epoch 0's; the rate falls after so many epochs without a better one
    assert [i - 1 for i in range(1, len(lrs)) if lrs[i] < lrs[i - 1]] == epochs


def test_keras_plateau_hears_the_l2_penalty() -> None:
    losses = [1.0 + 0.01 * i for i in range(12)]  # overfitting, while the weights shrink faster
    shrinking = [5.0 - 0.1 * i for i in range(12)]
    assert plateau_rates("keras", losses, shrinking) == [LR] * 12
    assert (
        plateau_rates("torch", losses, shrinking)[-1] < LR
        and plateau_rates("keras", losses)[-1] < LR
    )


def test_an_unknown_counting_is_refused() -> None:
    with pytest.raises(UserError, match="keras"):
        Schedule(counting="Keras")
