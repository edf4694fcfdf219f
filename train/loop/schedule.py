"""Learning rates. All but one are pure functions of the step, so a budget can refit them and a
resumed run goes on exactly; `plateau` is torch's own scheduler, whose state is part of the
checkpoint.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from train.recipe.settings import Schedule


def lr_share(how: Schedule, step: int, steps: int, per_epoch: int) -> float:
    """The rate of step 0..steps-1 as a share of the highest one. per_epoch: steps of one epoch."""
    if how.kind == "warmup_cosine":
        warm = max(1, round(how.warmup * steps))
        return (
            (step + 1) / warm
            if step < warm
            else _cosine(1, how.floor, (step - warm) / max(1, steps - warm))
        )
    if (
        how.kind == "one_cycle"
    ):  # torch.optim.lr_scheduler.OneCycleLR (Smith & Topin, arXiv 1708.07120)
        top = how.warmup * steps - 1
        if step <= top:
            return _cosine(how.initial, 1, step / top)
        return _cosine(1, how.floor, (step - top) / max(1e-9, steps - 1 - top))
    if how.kind == "cosine":
        return _cosine(1, how.floor, step / max(1, steps))
    if how.kind == "restarts":  # SGDR (Loshchilov & Hutter, arXiv 1608.03983)
        epoch, period = step / per_epoch, float(how.period)
        while epoch >= period:
            epoch, period = epoch - period, period * how.multiply
        return _cosine(1, how.floor, epoch / period)
    return 1.0


def _cosine(start: float, end: float, done: float) -> float:
    """From `start` to `end` along half a cosine; done in 0..1, more counts as 1."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class Scheduler:
    """Sets the rate of an optimiser: `before_step` every step, `after_epoch` with the validation
    loss.
    """

    def __init__(self, how: Schedule, lr: float, optim: torch.optim.Optimizer) -> None:
        self.how, self.lr, self.optim = how, lr, optim
        self.plateau: ReduceLROnPlateau | None = None
        if how.kind == "plateau":
            least = how.floor * lr
            # torch lowers the rate when bad epochs > patience, Keras' ReduceLROnPlateau when they
            # are >= patience.
            patience = max(0, how.patience - 1) if how.counting == "keras" else how.patience
            self.plateau = ReduceLROnPlateau(
                optim,
                "min",
                how.factor,
                patience,
                threshold=1e-4,
                threshold_mode="abs",
                min_lr=least,
            )

    def before_step(self, step: int, steps: int, per_epoch: int) -> float:
        """Sets and returns the rate of step 0..steps-1."""
        if not self.plateau:
            for group in self.optim.param_groups:
                group["lr"] = self.lr * lr_share(self.how, step, steps, per_epoch)
        return float(self.optim.param_groups[0]["lr"])

    def after_epoch(self, loss: float, penalty: float = 0.0) -> None:
        """Hears the validation loss and the L2 penalty, which is part of Keras' `val_loss`; only
        `plateau` minds.
        """
        if self.plateau:
            self.plateau.step(loss + penalty if self.how.counting == "keras" else loss)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs; the optimiser's own state holds the rate."""
        return self.plateau.state_dict() if self.plateau else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undoes `state_dict`."""
        if self.plateau:
            self.plateau.load_state_dict(state)
