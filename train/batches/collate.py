"""What a step eats: a batch, augmented, normalised and mixed; made one ahead of the step where an
accelerator computes that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from core.preprocess import to_input
from train.batches.augment import augment
from train.batches.data import Batch
from train.batches.mixup import mix
from train.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """x float32 (N, C, S, S); targets and weights by task as in `train.batches.data.Batch`. All on
    the CPU.
    """

    x: Tensor
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.x)


def inputs(batch: Batch, recipe: Recipe, draw: torch.Generator) -> Inputs:
    """Augments, normalises and mixes a batch. All randomness comes from `draw`."""
    crops = augment(batch.crops, recipe.augment, draw).permute(0, 2, 3, 1).numpy()  # (N, S, S, C)
    x = torch.from_numpy(to_input(crops, recipe.input))
    return Inputs(*mix(x, batch.targets, batch.weights, recipe.mix, draw))


def ahead(
    make: Callable[[Tensor], Inputs], order: Iterable[Tensor], wanted: bool
) -> Iterator[Inputs]:
    """`make` of each batch of `order`, in order. wanted: one thread makes the next batch while this
    one is used. On a CPU that would only take turns with the step, whose threads fill all cores.
    """
    if not wanted:
        yield from map(make, order)
        return
    with ThreadPoolExecutor(
        1, "feed"
    ) as thread:  # one: the draws of a batch come after those of the batch before
        waiting = None
        for index in order:
            following = thread.submit(make, index)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
