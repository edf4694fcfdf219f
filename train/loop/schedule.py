"""Learning rates over a run.

All but one are pure functions of the step, so that a budget can refit them and a resumed run goes
on exactly; `plateau` is torch's own scheduler, whose state is part of the checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from core import progress
from train.recipe.settings import Schedule

ONE_CYCLE_MOMENTUM = (0.95, 0.85)
"""Highest and lowest momentum (of Adam: beta1), torch's defaults."""
MAX_RISE = 1.5
"""Factor by which a longer schedule may raise the learning rate without a word."""


def lr_share(settings: Schedule, step: int, steps: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step as a share of the highest one.

    Args:
        settings: the kind of schedule and its parameters.
        step: from 0 to steps - 1.
        steps: of the whole run.
        steps_per_epoch: of one epoch, for warm restarts.
    """
    if settings.kind == "warmup_cosine":
        warm = max(1, round(settings.warmup * steps))
        if step < warm:
            return (step + 1) / warm
        return _cosine(1, settings.floor, (step - warm) / max(1, steps - warm))
    if settings.kind == "one_cycle":
        # torch.optim.lr_scheduler.OneCycleLR (Smith & Topin, arXiv 1708.07120)
        return _one_cycle(settings, step, steps, (settings.initial, 1, settings.floor))
    if settings.kind == "cosine":
        return _cosine(1, settings.floor, step / max(1, steps))
    if settings.kind == "restarts":  # SGDR (Loshchilov & Hutter, arXiv 1608.03983)
        epoch, period = step / steps_per_epoch, float(settings.period)
        while epoch >= period:
            epoch, period = epoch - period, period * settings.multiply
        return _cosine(1, settings.floor, epoch / period)
    return 1.0


def one_cycle_momentum(settings: Schedule, step: int, steps: int) -> float:
    """Return the momentum of torch's OneCycleLR, which falls while the learning rate rises.

    Args:
        settings: `warmup` is the share of steps in which it falls.
        step: from 0 to steps - 1.
        steps: of the whole run.
    """
    high, low = ONE_CYCLE_MOMENTUM
    return _one_cycle(settings, step, steps, (high, low, high))


def _one_cycle(
    settings: Schedule, step: int, steps: int, values: tuple[float, float, float]
) -> float:
    """Go from the first value to the second over the warm-up, then to the third."""
    top = settings.warmup * steps - 1
    if step <= top and top > 0:
        return _cosine(*values[:2], step / top)
    return _cosine(*values[1:], (step - top) / max(1e-9, steps - 1 - top))


def _set_momentum(group: dict[str, Any], momentum: float) -> None:
    """Set beta1 of Adam and its kin, or the momentum of SGD that has one."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    elif group.get("momentum"):
        group["momentum"] = momentum


def _cosine(start: float, end: float, done: float) -> float:
    """Go from `start` to `end` along half a cosine; done is in [0, 1], more counts as 1."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class Scheduler:
    """Set the learning rate of an optimizer, before every step and after every epoch."""

    def __init__(self, settings: Schedule, lr: float, optimizer: torch.optim.Optimizer) -> None:
        self.settings, self.lr, self.optimizer = settings, lr, optimizer
        self.held_lr: float | None = None
        self.plateau: ReduceLROnPlateau | None = None
        if settings.kind == "plateau":
            # torch lowers the rate when bad epochs > patience, Keras' ReduceLROnPlateau when they
            # are >= patience
            patience = settings.patience
            if settings.counting == "keras":
                patience = max(0, patience - 1)
            self.plateau = ReduceLROnPlateau(
                optimizer,
                "min",
                settings.factor,
                patience,
                threshold=1e-4,
                threshold_mode="abs",
                min_lr=settings.floor * lr,
            )

    def before_step(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """Set and return the learning rate of a step, from 0 to steps - 1."""
        if self.held_lr is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = self.held_lr
        elif not self.plateau:
            share = lr_share(self.settings, step, steps, steps_per_epoch)
            for group in self.optimizer.param_groups:
                group["lr"] = self.lr * share
                if self.settings.kind == "one_cycle":
                    _set_momentum(group, one_cycle_momentum(self.settings, step, steps))
        return float(self.optimizer.param_groups[0]["lr"])

    def stretch(
        self,
        step: int,
        history: Sequence[Mapping[str, float]],
        planned: int,
        epochs: int,
        keep_lr: bool,
    ) -> None:
        """Say where another number of epochs raises the learning rate, and hold it if wanted.

        Args:
            step: updates of the weights so far.
            history: a row with `lr` for each finished epoch.
            planned: epochs before.
            epochs: from now on.
            keep_lr: stay at the last learning rate instead of a higher one.
        """
        if self.plateau or not history:
            return
        last_lr, per_epoch = history[-1]["lr"], max(1, step // len(history))
        before, now = (
            self.lr * lr_share(self.settings, step, per_epoch * n, per_epoch)
            for n in (planned, epochs)
        )
        if now <= MAX_RISE * max(last_lr, before):
            return
        if keep_lr:
            self.held_lr = last_lr
            progress.say(f"the learning rate stays at {last_lr:.2g} (--keep-lr)")
        else:
            progress.say(
                f"the schedule for {epochs} epochs raises the learning rate from {last_lr:.2g} to "
                f"{now:.2g}; to go on at {last_lr:.2g}, stop now and add --keep-lr"
            )

    def after_epoch(self, loss: float, penalty: float = 0.0) -> None:
        """Step ReduceLROnPlateau, where the schedule is one.

        Args:
            loss: of validation.
            penalty: the L2 penalty, which is part of Keras' `val_loss`.
        """
        if self.plateau:
            self.plateau.step(loss + penalty if self.settings.counting == "keras" else loss)

    def state_dict(self) -> dict[str, object]:
        """Return what a checkpoint needs; the optimizer's own state holds the rate."""
        if self.held_lr is not None:
            return {"held_lr": self.held_lr}
        return self.plateau.state_dict() if self.plateau else {}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore what `state_dict` returned."""
        held_lr = state.get("held_lr")
        if isinstance(held_lr, float):
            self.held_lr = held_lr
        elif self.plateau:
            self.plateau.load_state_dict(state)
