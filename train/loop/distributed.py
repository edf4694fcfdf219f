"""One run on several processes: `torchrun --nproc-per-node 2 -m train ...`, on one machine or many,
with the loss curve of one process.

`batch` is the global batch. Every process draws the same order, augmentation and mix for all of it
and learns from its own share of the samples; losses are divided by the labelled samples of all
shares; BatchNorm's statistics are those of all shares, and dropout's mask is each share's part of
the mask that one process would have drawn. What remains are sums in another order. One process
writes and speaks.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from torch import Tensor, distributed
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from core import progress
from core.errors import UserError

PATIENCE = timedelta(
    hours=12
)  # the others wait while the first one of a machine prepares the pictures, or validates


@contextmanager
def process_group() -> Iterator[None]:
    """Joins the other processes that torchrun started, if it did; inside, only the first one
    speaks. Errors are told by all.
    """
    wanted = int(os.environ.get("WORLD_SIZE", "1"))
    if wanted == 1:
        yield
        return
    state = PartialState(
        cpu=not torch.cuda.is_available(), timeout=PATIENCE
    )  # without `cpu` accelerate joins nobody on a CPU
    if state.num_processes != wanted:
        raise UserError(
            f"Expected {wanted} processes to find each other, got {state.num_processes}; try torchrun's --rdzv-endpoint."
        )
    progress.console().quiet = not state.is_main_process
    try:
        yield
    finally:
        progress.console().quiet = False
    # torch 2.13 waits for ever where a DistributedDataParallel that nobody needs any more goes
    # after gloo's group
    gc.collect()
    state.destroy_process_group()


@contextmanager
def local_main_first() -> Iterator[None]:
    """The first process of each machine goes through the block before the others, who find its work
    in the cache.
    """
    with PartialState().local_main_process_first():
        yield


def world_size() -> int:
    """How many processes there are."""
    return PartialState().num_processes


def is_main() -> bool:
    """Whether this process writes and speaks."""
    return PartialState().is_main_process


def local_slice(n: int) -> slice:
    """This process's part of a global batch of `n`.

    Raises:
        UserError: there are fewer samples than processes.
    """
    world, rank = world_size(), PartialState().process_index
    if n < world:
        raise UserError(
            f"Expected at least one sample of a batch for each of {world} processes, got {n}; try a larger --set batch."
        )
    return slice(rank * n // world, (rank + 1) * n // world)


def broadcast_from_main(value: Any) -> Any:
    """The first process's `value`, in all of them."""
    return value if world_size() == 1 else broadcast_object_list([value])[0]


def sum_over_processes(values: dict[str, float]) -> dict[str, float]:
    """The sum of each value over all processes, which have the same keys."""
    if world_size() == 1:
        return values
    total = torch.tensor(
        [values[k] for k in sorted(values)], dtype=torch.float64, device=PartialState().device
    )
    distributed.all_reduce(total)
    return dict(zip(sorted(values), total.tolist(), strict=True))


class GlobalBatchMode(TorchFunctionMode):
    """Inside, BatchNorm and dropout of a share of a batch do what they would do to the whole batch
    of `n`, see above.

    A mode and not other modules, so that networks of any library keep theirs, and their weights
    their names.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n, self.share = n, local_slice(n)

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
        if not training or not p or len(x) != self.share.stop - self.share.start:
            return F.dropout(x, p, training)
        layout = (
            torch.channels_last
            if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
            else torch.contiguous_format
        )
        ones = torch.ones((self.n, *x.shape[1:]), dtype=x.dtype, device=x.device).contiguous(
            memory_format=layout
        )
        return x * F.dropout(ones, p)[self.share]


class _Sum(torch.autograd.Function):
    """The sum over all processes; what flows back is summed as well."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        value = value.clone()
        distributed.all_reduce(value)
        return value

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        gradient = gradient.contiguous().clone()
        distributed.all_reduce(gradient)
        return gradient


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
    """torch's `batch_norm` over all processes' shares. Mean before variance: their difference of
    squares would cancel in float32.
    """
    if not training:
        return F.batch_norm(x, mean, var, weight, bias, False, momentum, eps)
    kind = x.dtype
    x = x if kind == torch.float64 else x.float()
    over = [d for d in range(x.ndim) if d != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    places = torch.tensor([float(x.numel() // x.shape[1])], device=x.device)
    distributed.all_reduce(places)
    batch_mean = _Sum.apply(x.sum(over)) / places  # (C,)
    centred = x - batch_mean.view(shape)
    batch_var = _Sum.apply((centred * centred).sum(over)) / places
    if mean is not None and var is not None:
        with torch.no_grad():
            mean.lerp_(batch_mean, momentum)
            var.lerp_(batch_var * places / (places - 1), momentum)
    scale = torch.rsqrt(batch_var + eps) * (1.0 if weight is None else weight)
    out = centred * scale.view(shape)
    return (out if bias is None else out + bias.view(shape)).to(kind)
