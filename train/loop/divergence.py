"""Stop a run that diverges before its weights replace better ones."""

from __future__ import annotations

import math

import torch
from torch import nn

from core.errors import UserError

MAX_GROWTH = 1e4
"""Times the loss that a run starts with; above it the weights are beyond repair."""


def check_loss(loss: float, start: float, step: int, lr: float) -> None:
    """Refuse a loss that is not finite or has grown beyond `MAX_GROWTH`.

    Args:
        loss: of a batch.
        start: loss that the run started with.
        step: updates of the weights so far.
        lr: highest learning rate of the recipe.

    Raises:
        UserError: the run diverges; advises a learning rate.
    """
    if not math.isfinite(loss):
        raise UserError(f"Expected a finite loss, got {loss} at step {step}; {_advice(lr)}.")
    if loss > MAX_GROWTH * abs(start) > 0:
        raise UserError(
            f"Expected the loss to fall, got {loss:.3g} at step {step} after {start:.3g} at the "
            f"start: the run diverges; {_advice(lr)}."
        )


def check_weights(network: nn.Module, epoch: int, lr: float) -> None:
    """Refuse weights or BatchNorm statistics that are not finite.

    Args:
        network: as it is after an epoch.
        epoch: that epoch, from 1.
        lr: highest learning rate of the recipe.

    Raises:
        UserError: names the first such tensor, and advises a learning rate.
    """
    for name, values in network.state_dict().items():
        if values.is_floating_point() and not bool(torch.isfinite(values).all()):
            raise UserError(
                f"Expected finite weights after epoch {epoch}, got NaN or infinity in {name}: the "
                f"run diverges; {_advice(lr)}. The checkpoint of the epoch before is intact."
            )


def _advice(lr: float) -> str:
    return f"try --set optim.lr={lr / 3:.1g} in a new run folder, or --set optim.clip=1"
