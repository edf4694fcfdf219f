"""The order of samples in an epoch.

It follows from (seed, epoch) alone, so that an interrupted epoch can be run again.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from core.errors import UserError
from train.recipe.settings import Sampling


def samples_of_epoch(settings: Sampling, n: int) -> int:
    """Return how many of `n` samples an epoch has, its last and shorter batch included."""
    return min(settings.epoch_samples or n, n)


def count_batches(settings: Sampling, batch_size: int, n: int) -> int:
    """Return the number of batches of an epoch.

    A last, shorter batch is left out, as a few samples would disturb BatchNorm, unless it is the
    only one.
    """
    return max(1, samples_of_epoch(settings, n) // batch_size)


def batches(
    settings: Sampling,
    batch_size: int,
    seed: int,
    epoch: int,
    source: Tensor,
    label: Tensor,
    names: tuple[str, ...],
) -> Iterator[Tensor]:
    """Yield the sample numbers of each batch of an epoch, (batch_size,) int64.

    Every order gives `count_batches` of them.

    Args:
        settings: the order and the weights of data sets.
        batch_size: samples in each batch.
        seed: of the run.
        epoch: from 0.
        source: (N,) each sample's data set, a place in `names`.
        label: (N,) its class, -1 for none.
        names: the data sets.

    Raises:
        UserError: the weights do not name the data sets.
    """
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    n = len(source)
    n_batches = count_batches(settings, batch_size, n)
    if settings.order == "alternate":
        yield from _alternate(n_batches, batch_size, source, generator)
        return
    if settings.order == "shuffle":
        order = torch.randperm(n, generator=generator)
    else:
        chances = (
            _class_chances(label)
            if settings.order == "balanced"
            else _dataset_chances(settings, source, names)
        )
        n_draws = n_batches * batch_size if n >= batch_size else n
        order = torch.multinomial(chances, n_draws, replacement=True, generator=generator)
    yield from torch.split(order[: n_batches * batch_size], batch_size)


def _alternate(
    n_batches: int, batch_size: int, source: Tensor, generator: torch.Generator
) -> Iterator[Tensor]:
    """Yield batches of one data set each, in turn; a used-up set starts again in a new order."""
    numbers = torch.bincount(source).nonzero()[:, 0].tolist()
    datasets = [(source == number).nonzero()[:, 0] for number in numbers]
    waiting = [rows[:0] for rows in datasets]
    for i in range(n_batches):
        k = i % len(datasets)
        while len(waiting[k]) < batch_size:
            shuffled = datasets[k][torch.randperm(len(datasets[k]), generator=generator)]
            waiting[k] = torch.cat([waiting[k], shuffled])
        yield waiting[k][:batch_size]
        waiting[k] = waiting[k][batch_size:]


def _class_chances(label: Tensor) -> Tensor:
    """Return the chance of each sample: each class alike, "no label" being one more class."""
    classes = label + 1
    return 1.0 / torch.bincount(classes)[classes].double()


def _dataset_chances(settings: Sampling, source: Tensor, names: tuple[str, ...]) -> Tensor:
    """Return the chance of each sample: data sets by their weights, each sample of a set alike."""
    # A recipe's weights may name more data sets than those that --set data=... leaves of them.
    if min((settings.weights.get(name, 0.0) for name in names), default=0.0) <= 0:
        raise UserError(
            f"Expected sampling.weights to hold a positive weight for each of {', '.join(names)}, "
            f"got {dict(settings.weights)}; try --set sampling.order=shuffle, which needs none."
        )
    weights = torch.tensor([settings.weights[name] for name in names]).double()
    return weights[source] / torch.bincount(source)[source]
