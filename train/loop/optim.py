"""Optimisers of timm.optim, with an L2 penalty on chosen parts of the network."""

from __future__ import annotations

import torch
from torch import nn

import core.models.base.torchvision_compat  # noqa: F401 - defines operators before timm is imported
from core.errors import UserError
from train.recipe.settings import Optim

from timm.optim import create_optimizer_v2  # isort: skip


def build_optimizer(model: nn.Module, how: Optim) -> torch.optim.Optimizer:
    """The recipe's optimiser over the weights of `model`, frozen ones too: without a gradient they
    stay, and they may wake up later.

    Raises:
        UserError: timm knows no such optimiser, or an L2 penalty names no part of the network.
    """
    weights, decay = (_groups(model, how), 0.0) if how.l2 else (model, how.weight_decay)
    try:
        return create_optimizer_v2(
            weights, opt=how.name, lr=how.lr, weight_decay=decay, **how.options
        )
    except (ValueError, AssertionError, TypeError) as error:
        given = f"{how.name!r} with {dict(how.options)}"
        raise UserError(
            f"Expected an optimiser of timm in optim.name, with its options, got {given}: {error}."
        ) from error


@torch.no_grad()
def l2_penalty(model: nn.Module, how: Optim) -> float:
    """What Keras adds to its losses, of validation too: the sum of `l2 * sum(w^2)` over the kernels
    that `optim.l2` names, 0 for none.
    """
    each = (
        (weight, _part(name, how)) for name, weight in model.named_parameters() if weight.ndim >= 2
    )
    return sum(
        how.l2[part] * float(weight.square().sum()) for weight, part in each if part is not None
    )


def _part(name: str, how: Optim) -> str | None:
    """The longest name in `optim.l2` of a part of the network that holds the weight `name`."""
    return max((p for p in how.l2 if not p or name.startswith(f"{p}.")), key=len, default=None)


def _groups(model: nn.Module, how: Optim) -> list[dict]:
    """Weights by decay. Keras adds `l2 * sum(w^2)` of a layer's kernel to the loss, whose gradient
    is `2 * l2 * w`: a decay of `2 * l2`.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    found = set()
    for name, weight in model.named_parameters():
        part = _part(name, how)
        found.add(part)
        decay = (
            0.0
            if weight.ndim < 2
            else how.weight_decay + (0.0 if part is None else 2 * how.l2[part])
        )
        groups.setdefault(decay, []).append(weight)
    if missing := [p for p in how.l2 if p not in found]:
        raise UserError(
            f"Expected optim.l2 to name parts of the network, got {missing}; such as backbone or heads."
        )
    return [{"params": weights, "weight_decay": decay} for decay, weights in groups.items()]
