"""Parts of a network that do not learn: their weights get no gradient, and their BatchNorm
statistics and dropout stand still.
"""

from __future__ import annotations

from torch import nn

from core.errors import UserError
from train.recipe.settings import Freeze


def parts_of(model: nn.Module, how: Freeze, epoch: int) -> list[nn.Module]:
    """The modules that are frozen in `epoch`, from 0.

    Raises:
        UserError: the network has no part of that name.
    """
    if how.epochs and epoch >= how.epochs:
        return []
    known = dict(model.named_modules())
    unknown = [p for p in how.parts if p not in known]
    if unknown:
        near = [n for n in known if 0 < n.count(".") + 1 <= 2]
        raise UserError(
            f"Expected freeze.parts to name parts of the network, got {unknown}; such as {', '.join(near[:8])}."
        )
    return [known[p] for p in how.parts]


def freeze(model: nn.Module, how: Freeze, epoch: int = 0) -> None:
    """Lets every weight learn but those that are frozen in `epoch`, and puts frozen parts into
    evaluation mode.

    Call it after `model.train()`, which wakes them up.
    """
    if not how.parts:
        return
    model.requires_grad_(True)
    for part in parts_of(model, how, epoch):
        part.requires_grad_(False).eval()
