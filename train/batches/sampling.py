"""The order in which an epoch sees its samples. It follows from (seed, epoch) alone, so an
interrupted epoch can be run again.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from core.errors import UserError
from train.recipe.settings import Sampling


def batches(
    how: Sampling,
    size: int,
    seed: int,
    epoch: int,
    source: Tensor,
    label: Tensor,
    names: tuple[str, ...],
) -> Iterator[Tensor]:
    """Sample numbers of each batch of an epoch, (size,) int64. source (N,): each sample's data set,
    a place in `names`. label (N,): its class, -1 for none.

    Every order gives as many batches as fit into N; a last, shorter batch is left out, as a few
    samples would disturb BatchNorm, unless it is the only one.
    """
    draw = torch.Generator().manual_seed(seed * 100_003 + epoch)
    n = len(source)
    count = max(1, n // size)
    if how.order == "alternate":
        yield from _alternate(count, size, source, draw)
        return
    if how.order == "shuffle":
        order = torch.randperm(n, generator=draw)
    else:
        chances = _by_class(label) if how.order == "balanced" else _by_set(how, source, names)
        order = torch.multinomial(
            chances, count * size if n >= size else n, replacement=True, generator=draw
        )
    for i in range(count):
        yield order[i * size : (i + 1) * size]


def _alternate(count: int, size: int, source: Tensor, draw: torch.Generator) -> Iterator[Tensor]:
    """Each batch from one data set, in turn; a set that is through starts again in a new order."""
    sets = [(source == s).nonzero()[:, 0] for s in source.unique()]
    waiting = [s[:0] for s in sets]
    for i in range(count):
        k = i % len(sets)
        while len(waiting[k]) < size:
            waiting[k] = torch.cat(
                [waiting[k], sets[k][torch.randperm(len(sets[k]), generator=draw)]]
            )
        yield waiting[k][:size]
        waiting[k] = waiting[k][size:]


def _by_class(label: Tensor) -> Tensor:
    """The same chance for every class; samples without a label count as one more class."""
    classes = label + 1
    return 1.0 / torch.bincount(classes)[classes].double()


def _by_set(how: Sampling, source: Tensor, names: tuple[str, ...]) -> Tensor:
    if set(how.weights) != set(names) or min(how.weights.values()) <= 0:
        raise UserError(
            f"Expected sampling.weights to hold a positive weight for each of {', '.join(names)}, got {dict(how.weights)}."
        )
    return (
        torch.tensor([how.weights[n] for n in names]).double()[source]
        / torch.bincount(source)[source]
    )
