"""The samples of all data sets together, with a target and a weight for each head of the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core import registry
from core.errors import DataError, UserError
from core.labels import GENDER2
from train.batches.data import DatasetPart
from train.recipe.recipe import Recipe

TEACHER_PREFIX = "taught "
"""The teachers' predictions for a task are a target beside the task's own, named with this prefix.

See `train.loop.distill`.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Crops with their targets.

    Attributes:
        x: (N, C, S, S); uint8 crops from `SamplePool.batch`, float32 after `collate`.
        targets: by task; emotion (N, K) and gender (N, 2) shares, age (N,) years or (N, 2)
            their range.
        weights: by task (N,), 0 where the target is missing.
    """

    x: Tensor
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.x)

    def share(self, rows: slice, device: torch.device, layout: torch.memory_format) -> Batch:
        """Return some rows on a device, the images in this memory layout."""
        return Batch(
            self.x[rows].to(device, memory_format=layout),
            {task: values[rows].to(device) for task, values in self.targets.items()},
            {task: values[rows].to(device) for task, values in self.weights.items()},
        )


@dataclass(frozen=True, slots=True, eq=False)
class SamplePool:
    """All samples with a target. Crops stay in their files until a batch needs them.

    Attributes:
        crops: uint8 (n, S, S, C) of each part.
        source: (N,) the part of each sample.
        row: (N,) its place in that part.
        targets: as in `Batch`, of all samples.
        weights: as in `Batch`, of all samples.
    """

    crops: tuple[NDArray[np.uint8], ...]
    source: Tensor
    row: Tensor
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, index: Tensor) -> Batch:
        """Return the samples at `index` (n,)."""
        source, row = self.source[index].numpy(), self.row[index].numpy()
        crops = np.empty((len(index), *self.crops[0].shape[1:]), np.uint8)
        for part in np.unique(source):
            crops[source == part] = self.crops[part][row[source == part]]
        return Batch(
            torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous(),  # (n, C, S, S)
            _at(self.targets, index),
            _at(self.weights, index),
        )

    def label(self) -> Tensor:
        """Return the class (N,) that a balanced order goes by, -1 for none.

        It is the emotion, or the perceived gender where no head reads emotions.
        """
        task = next(t for t in ("emotion", "gender", "age") if t in self.targets)
        if task == "age":
            return torch.zeros(len(self), dtype=torch.int64)
        return torch.where(self.weights[task] > 0, self.targets[task].argmax(dim=1), -1)

    def absent(self, task: str) -> list[int]:
        """Return the classes of a task that no sample has a share of; none for age."""
        target = self.targets[task]
        if task == "age":
            return []
        totals = target[self.weights[task] > 0].sum(dim=0)  # (K,)
        return [k for k, total in enumerate(totals.tolist()) if total == 0]


def targets_of(
    part: DatasetPart, task: str, loss: str = ""
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return one task's targets for a whole part, and which of them exist (N,).

    Missing ones hold 0: the gradient of NaN is NaN even at weight 0.

    Args:
        part: the samples.
        task: emotion, gender or age.
        loss: that the targets are for; some take ranges of ages (N, 2).
    """
    if task == "emotion":
        has_shares = np.asarray(~np.isnan(part.shares).any(axis=1), np.bool_)
        return np.nan_to_num(part.shares), has_shares
    if task == "gender":
        gender = part.samples.gender
        rows = np.vstack([np.eye(len(GENDER2)), np.zeros(len(GENDER2))]).astype(np.float32)
        return rows[gender], gender >= 0  # -1: the row of zeros
    age = part.samples.age
    if loss and getattr(registry.load("train.losses", loss), "AGE_RANGES", False):
        return np.nan_to_num(part.samples.age_bounds), ~np.isnan(age)
    return np.nan_to_num(age), ~np.isnan(age)


def gather(
    parts: Sequence[DatasetPart],
    recipe: Recipe,
    teacher_targets: Mapping[str, NDArray[np.float32]] | None = None,
) -> SamplePool:
    """Return all samples of all parts that have at least one of the recipe's targets.

    Args:
        parts: in the order that `SamplePool.source` refers to.
        recipe: says the tasks, class weights, and the weight of unlabelled samples.
        teacher_targets: task -> (N, ...), what teachers predict for the N samples of all parts,
            in their order.

    Raises:
        DataError: no sample has a target.
        UserError: the recipe balances the classes of age, which has none.
    """
    targets: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    for task, loss in recipe.losses.items():
        by_part = [targets_of(p, task, loss.name) for p in parts]
        targets[task] = torch.from_numpy(np.concatenate([target for target, _ in by_part]))
        weights[task] = torch.from_numpy(np.concatenate([exists for _, exists in by_part])).float()
        if loss.balanced:
            weights[task] = weights[task] * _class_weights(targets[task], weights[task] > 0)
    for task, predictions in (teacher_targets or {}).items():
        name = TEACHER_PREFIX + task
        targets[name] = torch.from_numpy(predictions)
        weights[name] = torch.ones(len(predictions))
        if task in weights:
            weights[name] = torch.where(weights[task] > 0, 1.0, recipe.distill.missing)
    source = torch.cat([torch.full((len(p),), i) for i, p in enumerate(parts)])
    row = torch.cat([torch.arange(len(p)) for p in parts])
    has_target = torch.stack(list(weights.values())).amax(dim=0) > 0
    if not has_target.any():
        raise DataError(
            f"Expected samples labelled for one of {tuple(recipe.losses)}, "
            f"got none among {len(source)}."
        )
    return SamplePool(
        tuple(p.crops for p in parts),
        source[has_target],
        row[has_target],
        _at(targets, has_target),
        _at(weights, has_target),
    )


def _at(by_task: Mapping[str, Tensor], index: Tensor) -> dict[str, Tensor]:
    """Return the values of the samples at `index`: integers (n,), or a mask, bool (N,)."""
    return {task: values[index] for task, values in by_task.items()}


def _class_weights(target: Tensor, exists: Tensor) -> Tensor:
    """Return N / (K n_k) of each sample's class (N,), scikit-learn's "balanced".

    A soft label counts in part for each of its classes.
    """
    if target.ndim != 2:
        raise UserError(
            "Expected `balanced` on the loss of classes, got it on age; "
            "try --set losses.age.balanced=false."
        )
    counts = target[exists].sum(dim=0)  # (K,)
    return target @ (exists.sum() / (target.shape[1] * counts.clamp(min=1)))
