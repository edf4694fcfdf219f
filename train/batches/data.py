"""From data sets to batches: prepared crops and targets of several sets in plain arrays, drawn in
an order that a seed decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from core import progress, registry
from core.data import Samples, manifest
from core.data.base.crop_cache import UNREADABLE, Crops, prepare
from core.errors import DataError, UserError
from core.faces import Detector
from core.labels import FERPLUS8, GENDER2, LabelSpace, collapse
from core.preprocess import InputSpec
from train.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One data set's split, ready: uint8 crops (N, S, S, C), mapped from the cache where they can
    be, beside its samples.

    Unreadable files are gone. `samples.emotion` counts the classes of the recipe's emotion head;
    shares: soft labels (N, K) of the same classes, NaN rows where there are none. look: another
    spec -> the same samples' crops as a network of that spec takes them; None where there are no
    pictures to take them from.
    """

    samples: Samples
    crops: np.ndarray
    shares: np.ndarray
    look: Callable[[InputSpec], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.samples)


def load_parts(
    recipe: Recipe,
    folders: dict[str, str],
    split: str,
    detector: Detector,
    limit: int | None = None,
) -> list[Part]:
    """Every data set of the recipe. `folders`: data set -> folder or manifest, `"*"` for all
    others. limit: N samples of each, spread over it, as lists are often sorted by their labels.

    Raises:
        DataError: a set or split is missing or empty.
    """
    loaded: list[
        tuple[Samples, np.ndarray]
    ] = []  # all of them before any is aligned: a set that is missing is told at once
    for name in recipe.data:
        module = registry.load("core.data", name)
        folder = folders.get(
            name, folders.get("*", "." if getattr(module, "GENERATED", False) else None)
        )
        if folder is None:
            raise DataError(f"Expected a folder for {name} in --data, got only {sorted(folders)}.")
        try:
            with progress.task(f"load {name} {split}"):
                samples = (
                    replace(manifest.load(folder, split), name=name)
                    if manifest.named(folder)
                    else module.load(folder, split)
                )
        except DataError as error:
            others = ",".join(d for d in recipe.data if d != name)
            raise DataError(
                f"{error} To do without {name}: --set data={others}" if others else str(error)
            ) from error
        samples = samples.spread(limit)
        for problem in samples.problems[:5]:
            progress.say(f"{name}: left out {problem.file}: {problem.reason}")
        if len(samples.problems) > 5:
            progress.say(f"{name}: left out {len(samples.problems) - 5} more")
        samples, shares = relabel(samples, recipe)
        if not len(samples):
            raise DataError(
                f"Expected samples in the {split} split of {name}, got none; a larger data folder or another --limit helps."
            )
        loaded.append((samples, shares))
    parts = []
    for samples, shares in loaded:
        made = _aligned(recipe.input, samples, detector)
        readable = made.found != UNREADABLE
        crops, of = made.crops, None  # mapped from the cache, not copied
        if not readable.all():
            progress.say(
                f"{samples.name}: left out {int((~readable).sum())} pictures that cannot be read"
            )
            crops, of = crops[readable], readable
        look = partial(_crops, samples=samples, detector=detector, of=of)
        kept = samples if of is None else samples.take(np.flatnonzero(of))
        parts.append(Part(kept, crops, shares[readable], look))
    return parts


def _aligned(spec: InputSpec, samples: Samples, detector: Detector) -> Crops:
    with progress.task(f"align {samples.name} {samples.split}", len(samples)) as advance:
        return prepare(samples, detector, spec, progress=advance)


def _crops(
    spec: InputSpec, *, samples: Samples, detector: Detector, of: np.ndarray | None = None
) -> np.ndarray:
    """uint8 (N, S, S, C) of all samples, or `of` those."""
    crops = _aligned(spec, samples, detector).crops
    return crops if of is None else crops[of]


def relabel(samples: Samples, recipe: Recipe) -> tuple[Samples, np.ndarray]:
    """Emotions in the classes of the recipe's head. Samples whose emotion is none of them, and that
    have nothing else to teach, are dropped and counted. Shares are the votes (the one label where
    there are none, or where the recipe wants no soft labels).
    """
    labels = next((h.labels for h in recipe.heads if h.task == "emotion"), FERPLUS8.labels)
    number = np.array(
        [labels.index(name) if name in labels else -1 for name in FERPLUS8.labels] + [-1]
    )  # the last place is for -1
    emotion = number[samples.emotion]
    lost = (samples.emotion >= 0) & (emotion < 0)
    known = emotion >= 0
    shares = np.full((len(samples), len(labels)), np.nan, np.float32)
    shares[known] = np.eye(len(labels), dtype=np.float32)[emotion[known]]
    voted = known & ~np.isnan(samples.emotion_votes).any(axis=1)
    if recipe.soft_labels and voted.any():
        shares[voted] = collapse(samples.emotion_votes[voted], FERPLUS8, LabelSpace("head", labels))
    samples = replace(samples, emotion=emotion.astype(np.int64))
    others = [
        ~np.isnan(samples.age) if h.task == "age" else samples.gender >= 0
        for h in recipe.heads
        if h.task != "emotion"
    ]
    dropped = lost & ~np.any(others, axis=0) if others else lost
    if dropped.any():
        what = f"{samples.name} {samples.split}: dropped {dropped.sum()} of {len(samples)} samples"
        progress.say(f"{what} whose emotion is not one of {', '.join(labels)}")
    keep = np.flatnonzero(~dropped)
    return samples.take(keep), shares[keep]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """crops uint8 (N, C, S, S); targets by task: emotion (N, K) and gender (N, 2) shares, age (N,)
    years; weights by task (N,), 0 where the target is missing.
    """

    crops: Tensor
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """All samples that can teach something, of all parts. Crops stay where they are until a batch
    asks for them. source (N,): each sample's part, row (N,): its place there. Targets and weights
    as in `Batch`.
    """

    crops: tuple[np.ndarray, ...]
    source: Tensor
    row: Tensor
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, index: Tensor) -> Batch:
        """The samples at `index` (n,)."""
        source, row = self.source[index].numpy(), self.row[index].numpy()
        crops = np.empty((len(index), *self.crops[0].shape[1:]), np.uint8)
        for part in np.unique(source):
            crops[source == part] = self.crops[part][row[source == part]]
        taken = torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous()  # (n, C, S, S)
        return Batch(
            taken,
            {k: v[index] for k, v in self.targets.items()},
            {k: v[index] for k, v in self.weights.items()},
        )

    def label(self) -> Tensor:
        """The class that a balanced order goes by (N,): emotion, or gender where no head reads
        emotions; -1 for none.
        """
        task = next(t for t in ("emotion", "gender", "age") if t in self.targets)
        if task == "age":
            return torch.zeros(len(self), dtype=torch.int64)
        return torch.where(self.weights[task] > 0, self.targets[task].argmax(dim=1), -1)

    def absent(self, task: str) -> list[int]:
        """Classes of a task that no sample shows, not even in part; none for age."""
        target = self.targets[task]
        return (
            []
            if target.ndim < 2
            else (target[self.weights[task] > 0].sum(dim=0) == 0).nonzero()[:, 0].tolist()
        )


def targets_of(part: Part, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Targets of one task for a whole part and which are known (N,) bool. Missing ones hold 0: NaN
    would pass a zero weight backwards.
    """
    if task == "emotion":
        known = ~np.isnan(part.shares).any(axis=1)
        return np.nan_to_num(part.shares), known
    if task == "gender":
        gender = part.samples.gender
        return np.vstack([np.eye(len(GENDER2)), np.zeros(len(GENDER2))]).astype(np.float32)[
            gender
        ], gender >= 0  # -1: the row of zeros
    return np.nan_to_num(part.samples.age), ~np.isnan(part.samples.age)


TAUGHT = "taught "
"""What the teachers say of a task is a target beside the task's own, under its name with this
before it; see train/loop/distill.py.
"""


def gather(
    parts: Sequence[Part], recipe: Recipe, taught: Mapping[str, np.ndarray] | None = None
) -> Pool:
    """All samples of all parts that carry at least one of the recipe's targets. taught: what
    teachers say of all samples, by task.

    Raises:
        DataError: none does.
    """
    targets, weights = {}, {}
    for task, loss in recipe.losses.items():
        each = [targets_of(p, task) for p in parts]
        targets[task] = torch.from_numpy(np.concatenate([t for t, _ in each]))
        weights[task] = torch.from_numpy(np.concatenate([k for _, k in each])).float()
        if loss.balanced:
            weights[task] = weights[task] * _class_weights(targets[task], weights[task] > 0)
    for name, said in (taught or {}).items():
        targets[TAUGHT + name] = torch.from_numpy(said)
        labelled = weights[name] > 0 if name in weights else torch.ones(len(said), dtype=torch.bool)
        weights[TAUGHT + name] = torch.where(labelled, 1.0, recipe.distill.missing)
    source = torch.cat([torch.full((len(p),), i) for i, p in enumerate(parts)])
    row = torch.cat([torch.arange(len(p)) for p in parts])
    useful = torch.stack(list(weights.values())).amax(dim=0) > 0
    if not useful.any():
        raise DataError(
            f"Expected samples labelled for one of {tuple(recipe.losses)}, got none among {len(source)}."
        )
    take = lambda values: {k: v[useful] for k, v in values.items()}
    return Pool(
        tuple(p.crops for p in parts), source[useful], row[useful], take(targets), take(weights)
    )


def _class_weights(target: Tensor, known: Tensor) -> Tensor:
    """N / (K n_k) of each sample's class (N,), scikit-learn's "balanced"; shares count in part."""
    if target.ndim != 2:
        raise UserError(
            "Expected `balanced` on the loss of classes, got it on age; try --set losses.age.balanced=false."
        )
    count = target[known].sum(dim=0)  # (K,)
    return target @ (known.sum() / (target.shape[1] * count.clamp(min=1)))
