"""Keep parts of a network from learning: no gradient, no dropout, fixed BatchNorm statistics."""

from __future__ import annotations

from torch import nn

from core.errors import UserError
from train.recipe.settings import Freeze


def frozen_modules(model: nn.Module, settings: Freeze, epoch: int) -> list[nn.Module]:
    """Return the modules that are frozen in `epoch`, counted from 0.

    Raises:
        UserError: the network has no part of that name.
    """
    if settings.epochs and epoch >= settings.epochs:
        return []
    modules = dict(model.named_modules())
    unknown = [name for name in settings.parts if name not in modules]
    if unknown:
        outer = [name for name in modules if name and name.count(".") <= 1]
        raise UserError(
            f"Expected freeze.parts to name parts of the network, got {unknown}; "
            f"such as {', '.join(outer[:8])}."
        )
    return [modules[name] for name in settings.parts]


def freeze(model: nn.Module, settings: Freeze, epoch: int = 0) -> None:
    """Let every weight learn but those frozen in `epoch`; set frozen parts to evaluation mode.

    Call it after `model.train()`, which sets train mode everywhere.
    """
    if not settings.parts:
        return
    model.requires_grad_(True)
    for module in frozen_modules(model, settings, epoch):
        module.requires_grad_(False).eval()
