"""Say which batch fits where memory runs out."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from core.errors import UserError
from train.batches.collate import collate
from train.batches.pool import Batch, SamplePool
from train.loop import distributed
from train.recipe.recipe import Recipe

PHRASES = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
"""Phrases in messages of torch's allocators, which raise a plain RuntimeError on a CPU."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory of the accelerator or of the machine ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in text for phrase in PHRASES)


@contextmanager
def batch_advice(
    recipe: Recipe, pool: SamplePool, train_step: Callable[[Batch, bool], object]
) -> Iterator[None]:
    """Turn running out of memory into advice on the batch.

    Args:
        recipe: that is trained.
        pool: its training samples.
        train_step: `Trainer.train_step`, to try which batch fits.

    Raises:
        UserError: memory ran out; names the batch and accumulation that fit.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)  # they hold what filled the memory
        fitting = recipe.batch // 2
        if distributed.world_size() == 1:  # else a trial would wait for the other processes
            generator = torch.Generator().manual_seed(recipe.seed)

            def learn(n: int) -> None:
                rows = torch.arange(n) % len(pool)
                train_step(collate(pool.batch(rows), recipe, generator), False)

            fitting = fitting_batch(recipe.batch, learn)
        reason = str(error).split("\n")[0][:160] or type(error).__name__
        raise UserError(
            f"Expected batches of {recipe.batch} samples to fit into memory, got: {reason}; "
            f"{_advice(recipe, fitting)}."
        ) from error


def _advice(recipe: Recipe, batch: int) -> str:
    if batch < 2:
        return "not even 2 fit; try a smaller network or input, or --set amp=bf16"
    accumulation = math.ceil(recipe.batch * recipe.accumulation / batch)
    return f"try --set batch={batch} --set accumulation={accumulation}, in a new run folder"


def fitting_batch(batch: int, learn: Callable[[int], object]) -> int:
    """Return the largest of batch / 2, batch / 4, ... that fits into memory, 0 where none does."""
    while (batch := batch // 2) >= 2:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            learn(batch)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)
        else:
            return batch
    return 0
