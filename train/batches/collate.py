"""Make the batch that a training step takes: augmented, normalised and mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import torch
from torch import Tensor

from core.preprocess import to_input
from train.batches.augment import augment
from train.batches.mixup import mixup
from train.batches.pool import Batch
from train.recipe.recipe import Recipe


def collate(batch: Batch, recipe: Recipe, generator: torch.Generator) -> Batch:
    """Augment, normalise and mix a batch. All randomness comes from `generator`."""
    crops = augment(batch.x, recipe.augment, generator)
    x = torch.from_numpy(to_input(crops.permute(0, 2, 3, 1).numpy(), recipe.input))  # (N, C, S, S)
    return Batch(*mixup(x, batch.targets, batch.weights, recipe.mix, generator))


class LoadingTime:
    """Batches, and the seconds that were spent waiting for them."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self.batches, self.seconds = batches, 0.0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        started = monotonic()
        try:
            return next(self.batches)
        finally:
            self.seconds += monotonic() - started


def prefetch(
    make: Callable[[Tensor], Batch], order: Iterable[Tensor], in_thread: bool
) -> Iterator[Batch]:
    """Yield `make(index)` for each index of `order`, in order.

    Args:
        make: makes a batch of the samples at an index.
        order: the samples of each batch, int64 (batch_size,).
        in_thread: make the next batch in a thread while this one is used. That pays where an
            accelerator computes the step; on a CPU its threads fill all cores already.
    """
    if not in_thread:
        yield from map(make, order)
        return
    # one thread: the random numbers of a batch come after those of the batch before
    with ThreadPoolExecutor(1, "prefetch") as thread:
        waiting = None
        for index in order:
            following = thread.submit(make, index)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
