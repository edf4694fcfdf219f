"""Set up the device, mixed precision and memory layout of a run."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import nn

from core import progress
from core.errors import UserError
from train.loop import distributed
from train.recipe.recipe import Recipe


def thaws(recipe: Recipe) -> bool:
    """Return whether frozen parts learn from some epoch on."""
    return bool(recipe.freeze.parts and recipe.freeze.epochs)


def build_accelerator(recipe: Recipe) -> Accelerator:
    """Return the device, mixed precision, gradient scaling, and exchange between processes.

    Raises:
        UserError: this machine does not compute in the recipe's precision.
    """
    amp = precision(recipe.amp)
    ddp = DistributedDataParallelKwargs(find_unused_parameters=thaws(recipe))
    try:
        return Accelerator(mixed_precision=amp, kwargs_handlers=[ddp])
    except ValueError as error:
        raise UserError(
            f"Expected this machine to compute in {amp}, got: {error} Try --set amp=bf16 or amp=no."
        ) from error


def precision(amp: str) -> str:
    """Return the mixed precision to compute in: the recipe's, or another if this device lacks it.

    fp16 needs an accelerator, whose gradients are then scaled; bf16 one of 2020 or later, or a CPU.

    Args:
        amp: of the recipe.
    """
    has_cuda = torch.cuda.is_available()
    possible = amp
    if amp == "fp16" and not has_cuda:
        possible = "bf16"
    elif amp == "bf16" and has_cuda and not torch.cuda.is_bf16_supported(including_emulation=False):
        possible = "fp16"
    if possible != amp:
        progress.say(f"this device does not compute in {amp}; {possible} is used instead")
    return possible


def compiled(model: nn.Module, recipe: Recipe) -> nn.Module:
    """Return the network as training steps call it, compiled if the recipe says so."""
    if not recipe.compile or distributed.world_size() > 1:
        return model  # torch does not compile what exchanges statistics between processes
    step_model: nn.Module = torch.compile(model)  # type: ignore[assignment]  # of a module it is one
    return step_model


def memory_layout(model: nn.Module) -> torch.memory_format:
    """Return channels_last, which is faster, where it is safe.

    On a CPU the backward pass of grouped convolutions (MobileOne) in torch 2.13 writes outside its
    memory with it ("corrupted double-linked list").
    """
    grouped = any(isinstance(m, nn.Conv2d) and m.groups > 1 for m in model.modules())
    if grouped and not torch.cuda.is_available():
        return torch.contiguous_format
    return torch.channels_last
