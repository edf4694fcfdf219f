"""Optimizers of timm.optim, with an L2 penalty on chosen parts of the network."""

from __future__ import annotations

import torch
from torch import nn

import core.models.base.torchvision_compat  # noqa: F401 - must come before timm
from core.errors import UserError
from train.recipe.settings import Optim

from timm.optim import create_optimizer_v2  # isort: skip


def build_optimizer(model: nn.Module, settings: Optim) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over all weights of `model`.

    Frozen weights are among them: without a gradient they stay, and may learn in a later epoch.

    Raises:
        UserError: timm has no such optimizer, or an L2 penalty names no part of the network.
    """
    weights: nn.Module | list[dict[str, object]] = model
    decay = settings.weight_decay
    if settings.l2:
        weights, decay = _parameter_groups(model, settings), 0.0
    try:
        return create_optimizer_v2(
            weights, opt=settings.name, lr=settings.lr, weight_decay=decay, **settings.options
        )
    except (ValueError, AssertionError, TypeError) as error:
        raise UserError(
            "Expected an optimiser of timm in optim.name, with its options, "
            f"got {settings.name!r} with {dict(settings.options)}: {error}."
        ) from error


@torch.no_grad()
def l2_penalty(model: nn.Module, settings: Optim) -> float:
    """Return the sum of `l2 * sum(w^2)` over the kernels that `optim.l2` names, 0 for none.

    Keras adds it to its losses, that of validation too.
    """
    total = 0.0
    for name, weight in model.named_parameters():
        part = _part_of(name, settings)
        if weight.ndim >= 2 and part is not None:
            total += settings.l2[part] * float(weight.square().sum())
    return total


def _part_of(name: str, settings: Optim) -> str | None:
    """Return the longest name in `optim.l2` of a part of the network that holds a weight."""
    parts = (part for part in settings.l2 if not part or name.startswith(f"{part}."))
    return max(parts, key=len, default=None)


def _parameter_groups(model: nn.Module, settings: Optim) -> list[dict[str, object]]:
    """Return the weights by their decay.

    Keras adds `l2 * sum(w^2)` of a layer's kernel to the loss, whose gradient is `2 * l2 * w`: a
    decay of `2 * l2`.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    parts = set()
    for name, weight in model.named_parameters():
        part = _part_of(name, settings)
        parts.add(part)
        decay = 0.0
        if weight.ndim >= 2:
            decay = settings.weight_decay + (0.0 if part is None else 2 * settings.l2[part])
        groups.setdefault(decay, []).append(weight)
    if missing := [part for part in settings.l2 if part not in parts]:
        raise UserError(
            f"Expected optim.l2 to name parts of the network, got {missing}; "
            "such as backbone or heads."
        )
    return [{"params": weights, "weight_decay": decay} for decay, weights in groups.items()]
