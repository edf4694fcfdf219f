"""One run on several processes, with the loss curve of one: `torchrun --nproc-per-node 2 -m train`.

`batch` is the global batch. Every process draws the same order, augmentation and mix for all of it
and learns from its own share of the samples; losses are divided by the labelled samples of all
shares; BatchNorm's statistics are those of all shares, and dropout's mask is each share's part of
the mask that one process would have drawn. What remains are sums in another order. Only the main
process writes files and prints.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from torch import Tensor, distributed
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from core import progress
from core.errors import UserError

TIMEOUT = timedelta(hours=12)
"""How long processes wait for one that prepares crops or validates."""

T = TypeVar("T")


@contextmanager
def process_group() -> Iterator[None]:
    """Join the other processes that torchrun started, if it did; inside, only the main one prints.

    Raises:
        UserError: the processes do not find each other.
    """
    expected = int(os.environ.get("WORLD_SIZE", "1"))
    if expected == 1:
        yield
        return
    # without `cpu` accelerate joins nobody on a CPU
    state = PartialState(cpu=not torch.cuda.is_available(), timeout=TIMEOUT)
    if state.num_processes != expected:
        raise UserError(
            f"Expected {expected} processes to find each other, got {state.num_processes}; "
            "try torchrun's --rdzv-endpoint."
        )
    progress.console().quiet = not state.is_main_process
    try:
        yield
    finally:
        progress.console().quiet = False
    # torch 2.13 waits for ever where an unused DistributedDataParallel is collected after gloo's
    # group is gone
    gc.collect()
    state.destroy_process_group()


@contextmanager
def local_main_first() -> Iterator[None]:
    """Let the first process of each machine go first; the others find its work in the cache."""
    with PartialState().local_main_process_first():
        yield


def world_size() -> int:
    """Return the number of processes."""
    return int(PartialState().num_processes)


def is_main() -> bool:
    """Return whether this process writes files and prints."""
    return bool(PartialState().is_main_process)


def local_slice(n: int) -> slice:
    """Return this process's part of a global batch of `n` samples.

    Raises:
        UserError: there are fewer samples than processes.
    """
    size, rank = world_size(), PartialState().process_index
    if n < size:
        raise UserError(
            f"Expected at least one sample of a batch for each of {size} processes, got {n}; "
            "try a larger --set batch."
        )
    return slice(rank * n // size, (rank + 1) * n // size)


def broadcast_from_main(value: T) -> T:
    """Return the main process's `value`, in all processes."""
    if world_size() == 1:
        return value
    received: T = broadcast_object_list([value])[0]
    return received


def sum_over_processes(values: dict[str, float]) -> dict[str, float]:
    """Return the sum of each value over all processes, which have the same keys."""
    if world_size() == 1:
        return values
    names = sorted(values)
    device = PartialState().device
    total = torch.tensor([values[name] for name in names], dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return dict(zip(names, total.tolist(), strict=True))


class GlobalBatchMode(TorchFunctionMode):
    """Inside, BatchNorm and dropout of a share of a batch act as on the global batch.

    A mode and not other modules, so that networks of any library keep theirs, and their weights
    their names.
    """

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size, self.rows = batch_size, local_slice(batch_size)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.batch_norm:
            return _batch_norm(*args, **kwargs)
        if func is F.dropout:
            return self._dropout(*args, **kwargs)
        return func(*args, **kwargs)

    def _dropout(
        self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        """Drop what one process would: the mask is drawn for the global batch."""
        if not training or not p or len(x) != self.rows.stop - self.rows.start:
            return F.dropout(x, p, training)
        channels_last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        ones = torch.ones((self.batch_size, *x.shape[1:]), dtype=x.dtype, device=x.device)
        return x * F.dropout(ones.contiguous(memory_format=layout), p)[self.rows]


class _Sum(torch.autograd.Function):
    """The sum over all processes; gradients are summed as well."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        value = value.clone()
        distributed.all_reduce(value)
        return value

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous().clone()
        distributed.all_reduce(gradient)
        return gradient


def _sum(value: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]  # torch has none
    return total


def _batch_norm(
    x: Tensor,
    mean: Tensor | None,
    var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise as torch's `batch_norm`, over the shares of all processes.

    Mean before variance: their difference of squares would cancel in float32.
    """
    if not training:
        return F.batch_norm(x, mean, var, weight, bias, False, momentum, eps)
    dtype = x.dtype
    x = x if dtype == torch.float64 else x.float()
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    count = torch.tensor([float(x.numel() // x.shape[1])], device=x.device)
    distributed.all_reduce(count)
    batch_mean = _sum(x.sum(axes)) / count  # (C,)
    centred = x - batch_mean.view(shape)
    batch_var = _sum((centred * centred).sum(axes)) / count
    if mean is not None and var is not None:
        with torch.no_grad():
            mean.lerp_(batch_mean, momentum)
            var.lerp_(batch_var * count / (count - 1), momentum)
    scale = torch.rsqrt(batch_var + eps) * (1.0 if weight is None else weight)
    out: Tensor = centred * scale.view(shape)
    return (out if bias is None else out + bias.view(shape)).to(dtype)
