"""From data sets to batches: prepared crops and targets of several sets in plain arrays, drawn in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core import discover
from core.data import Samples
from core.errors import DataError
from core.faces import Detector
from core.prepare import UNREADABLE, prepare
from train import progress
from train.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One data set's split, ready: uint8 crops (N, S, S, C) beside its samples; unreadable files are gone."""

    samples: Samples
    crops: np.ndarray

    def __len__(self) -> int:
        return len(self.samples)


def load_parts(recipe: Recipe, folders: dict[str, str], split: str, detector: Detector, limit: int | None = None) -> list[Part]:
    """Every data set of the recipe. `folders`: data set -> folder, `"*"` for all others. limit: first N samples of each.

    Raises:
        DataError: a set or split is missing or empty.
    """
    parts = []
    for name in recipe.data:
        folder = folders.get(name, folders.get("*"))
        if folder is None:
            raise DataError(f"Expected a folder for {name} in --data, got only {sorted(folders)}.")
        with progress.task(f"load {name} {split}"):
            samples = discover.load("core.data", name).load(folder, split)
        if limit is not None:
            samples = samples.take(slice(limit))
        if not len(samples):
            raise DataError(f"Expected samples in the {split} split of {name}, got none; a larger data folder or another --limit helps.")
        for problem in samples.problems[:5]:
            progress.say(f"{name}: left out {problem.file}: {problem.reason}")
        if len(samples.problems) > 5:
            progress.say(f"{name}: left out {len(samples.problems) - 5} more")
        with progress.task(f"align {name} {split}", len(samples)) as advance:
            made = prepare(samples, detector, recipe.input, progress=advance)
        good = np.flatnonzero(made.found != UNREADABLE)
        parts.append(Part(samples.take(good), np.ascontiguousarray(made.crops[good])))
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """crops uint8 (N, C, S, S); targets and masks by task: emotion (N, 8) shares, gender (N,) index, age (N,) years; mask (N,) bool."""

    crops: Tensor
    targets: dict[str, Tensor]
    masks: dict[str, Tensor]

    def rows(self, index: Tensor | slice) -> Batch:
        """The samples at `index`."""
        return Batch(
            self.crops[index], {k: v[index] for k, v in self.targets.items()}, {k: v[index] for k, v in self.masks.items()}
        )


def gather(parts: Sequence[Part], tasks: Sequence[str]) -> Batch:
    """All samples of all parts that carry at least one of the tasks' targets, as one large batch in memory."""
    crops = torch.from_numpy(np.concatenate([p.crops for p in parts])).permute(0, 3, 1, 2).contiguous()
    votes = np.concatenate([p.samples.emotion_votes for p in parts])
    gender = np.concatenate([p.samples.gender for p in parts])
    age = np.concatenate([p.samples.age for p in parts])
    columns = {"emotion": votes, "gender": gender, "age": age}
    known = {"emotion": ~np.isnan(votes).any(axis=1), "gender": gender >= 0, "age": ~np.isnan(age)}
    useful = np.flatnonzero(np.any([known[t] for t in tasks], axis=0))
    if not len(useful):
        raise DataError(f"Expected samples labelled for one of {tuple(tasks)}, got none among {len(votes)}.")
    # NaN would pass a mask in the backward pass (0 * NaN); the mask alone says what is missing.
    whole = Batch(crops, {t: torch.from_numpy(np.nan_to_num(columns[t])) for t in tasks}, {t: torch.from_numpy(known[t]) for t in tasks})
    return whole.rows(torch.from_numpy(useful))


def epoch_batches(data: Batch, size: int, seed: int, epoch: int) -> Iterator[Batch]:
    """The samples in an order that (seed, epoch) decides, in batches of `size`; the last, shorter one is left out, as a batch of a few
    samples would disturb BatchNorm, unless it is the only one."""
    order = torch.randperm(len(data.crops), generator=torch.Generator().manual_seed(seed * 100_003 + epoch))
    whole = max(1, len(order) // size)
    for i in range(whole):
        yield data.rows(order[i * size : (i + 1) * size])
