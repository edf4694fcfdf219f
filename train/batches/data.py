"""Load data sets as a recipe wants them: samples with its labels, beside their aligned crops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core import progress, registry
from core.data import Samples, manifest
from core.data.base.crop_cache import UNREADABLE, Crops, prepare
from core.errors import DataError
from core.faces import Detector
from core.labels import FERPLUS8, GENDER2, LabelSpace, collapse
from core.preprocess import InputSpec
from core.vocabulary import count_of
from train.recipe.recipe import Recipe

MAX_PROBLEMS_PRINTED = 5


@dataclass(frozen=True, slots=True, eq=False)
class DatasetPart:
    """One split of one data set, ready for training: its readable samples and their crops.

    Attributes:
        samples: `samples.emotion` and `samples.gender` index the classes of the recipe's heads.
        crops: uint8 (N, S, S, C), mapped from the cache where they can be.
        shares: soft labels (N, K) of the same classes; rows without any are NaN.
        crops_for: another spec -> the same samples' crops as a network of that spec takes them;
            None where there are no images to crop.
    """

    samples: Samples
    crops: NDArray[np.uint8]
    shares: NDArray[np.float32]
    crops_for: Callable[[InputSpec], NDArray[np.uint8]] | None = None

    def __len__(self) -> int:
        return len(self.samples)


def load_parts(
    recipe: Recipe,
    folders: Mapping[str, str],
    split: str,
    detector: Detector,
    limit: int | None = None,
) -> list[DatasetPart]:
    """Return one split of every data set of the recipe.

    Args:
        recipe: says which data sets, labels and crops.
        folders: data set -> its folder or manifest; `"*"` for all others.
        split: "train", "val" or "test".
        detector: finds the faces that are not in the crop cache yet.
        limit: N samples of each set, spread over it, as lists are often sorted by their labels.

    Raises:
        DataError: a set or split is missing or empty, or one manifest is to be several sets.
    """
    names, for_all = recipe.datasets(split), folders.get("*")
    if len(names) > 1 and for_all and manifest.is_manifest(for_all):
        raise DataError(
            f"Expected folders of {', '.join(names)}, got one manifest, {for_all}, for all; "
            "try a JSON file {data set: folder}, see --help."
        )
    # all of them before any is aligned: a set that is missing is reported at once
    loaded = [_load_samples(name, recipe, folders, split, limit) for name in names]
    return [_align(samples, shares, recipe.input, detector) for samples, shares in loaded]


def read_split(name: str, folders: Mapping[str, str], split: str) -> Samples:
    """Return the samples of one split of a data set, as they are in its folder or manifest.

    Args:
        name: of the data set.
        folders: data set -> its folder or manifest; `"*"` for all others.
        split: "train", "val" or "test".

    Raises:
        DataError: the data set has no folder, or cannot be read.
    """
    adapter = registry.load("core.data", name)
    default = "." if getattr(adapter, "GENERATED", False) else None
    folder = folders.get(name, folders.get("*", default))
    if folder is None:
        raise DataError(f"Expected a folder for {name} in --data, got only {sorted(folders)}.")
    with progress.task(f"load {name} {split}"):
        samples: Samples = (
            replace(manifest.load(folder, split), name=name)
            if manifest.is_manifest(folder)
            else adapter.load(folder, split)
        )
    return samples


def _load_samples(
    name: str, recipe: Recipe, folders: Mapping[str, str], split: str, limit: int | None
) -> tuple[Samples, NDArray[np.float32]]:
    """Return one data set's samples and soft labels, in the classes of the recipe."""
    try:
        samples = read_split(name, folders, split)
    except DataError as error:
        field = "validation" if split == "val" and recipe.validation else "data"
        others = ",".join(d for d in recipe.datasets(split) if d != name)
        hint = f" To do without {name}: --set {field}={others}" if others else ""
        raise DataError(f"{error}{hint}") from error
    samples = samples.spread(limit)
    for problem in samples.problems[:MAX_PROBLEMS_PRINTED]:
        progress.say(f"{name}: left out {problem.file}: {problem.reason}")
    if len(samples.problems) > MAX_PROBLEMS_PRINTED:
        progress.say(f"{name}: left out {len(samples.problems) - MAX_PROBLEMS_PRINTED} more")
    samples, shares = relabel(samples, recipe)
    if not len(samples):
        raise DataError(
            f"Expected samples in the {split} split of {name}, got none; "
            "a larger data folder or another --limit helps."
        )
    return samples, shares


def _align(
    samples: Samples, shares: NDArray[np.float32], spec: InputSpec, detector: Detector
) -> DatasetPart:
    """Return the samples whose files can be read, with their crops."""
    aligned = _prepare_crops(spec, samples, detector)
    readable = aligned.state != UNREADABLE
    crops_for = partial(_crops_for, samples=samples, detector=detector)
    if readable.all():
        return DatasetPart(samples, aligned.crops, shares, crops_for)
    n_unreadable = int((~readable).sum())
    progress.say(
        f"{samples.name}: left out {count_of(n_unreadable, 'picture')} that cannot be read"
    )
    return DatasetPart(
        samples.take(np.flatnonzero(readable)),
        aligned.crops[readable],
        shares[readable],
        partial(crops_for, rows=readable),
    )


def _prepare_crops(spec: InputSpec, samples: Samples, detector: Detector) -> Crops:
    with progress.task(f"align {samples.name} {samples.split}", len(samples)) as advance:
        return prepare(samples, detector, spec, progress=advance)


def _crops_for(
    spec: InputSpec,
    *,
    samples: Samples,
    detector: Detector,
    rows: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Return uint8 crops (N, S, S, C) of all samples, or of the `rows` that are set."""
    crops: NDArray[np.uint8] = _prepare_crops(spec, samples, detector).crops
    return crops if rows is None else crops[rows]


def relabel(samples: Samples, recipe: Recipe) -> tuple[Samples, NDArray[np.float32]]:
    """Return the samples with labels in the classes of the recipe's heads, and soft labels (N, K).

    Classes go by name, so a head may have them in any order. Samples whose emotion is none of these
    classes, and that have no other label of use, are dropped and counted. Soft labels are the
    shares of the annotators' votes; where there are none, or the recipe wants none, the one label.
    """
    heads = {head.task: head.labels for head in recipe.heads}
    labels = heads.get("emotion", FERPLUS8.labels)
    emotion = _in_classes(samples.emotion, FERPLUS8, labels)
    gender = _in_classes(samples.gender, GENDER2, heads.get("gender", GENDER2.labels))
    has_emotion = emotion >= 0
    shares = np.full((len(samples), len(labels)), np.nan, np.float32)
    shares[has_emotion] = np.eye(len(labels), dtype=np.float32)[emotion[has_emotion]]
    has_votes = has_emotion & ~np.isnan(samples.emotion_votes).any(axis=1)
    if recipe.soft_labels and has_votes.any():
        votes = samples.emotion_votes[has_votes]
        shares[has_votes] = collapse(votes, FERPLUS8, LabelSpace("head", labels))
    other_class = (samples.emotion >= 0) & ~has_emotion
    dropped = other_class & ~_has_other_label(samples, recipe)
    if dropped.any():
        progress.say(
            f"{samples.name} {samples.split}: dropped {dropped.sum()} of "
            f"{count_of(len(samples), 'sample')} whose emotion is not one of {', '.join(labels)}"
        )
    kept = np.flatnonzero(~dropped)
    return replace(samples, emotion=emotion, gender=gender).take(kept), shares[kept]


def _in_classes(
    codes: NDArray[np.int64], space: LabelSpace, labels: Sequence[str]
) -> NDArray[np.int64]:
    """Return indices (N,) in `labels` for indices in `space`; -1, none, where it is not in them."""
    numbers = [labels.index(name) if name in labels else -1 for name in space.labels]
    return np.array([*numbers, -1], np.int64)[codes]  # the last place is for -1


def _has_other_label(samples: Samples, recipe: Recipe) -> NDArray[np.bool_]:
    """Return which samples (N,) have a label for one of the recipe's heads other than emotion."""
    result = np.zeros(len(samples), bool)
    for head in recipe.heads:
        if head.task == "age":
            result |= ~np.isnan(samples.age)
        elif head.task == "gender":
            result |= samples.gender >= 0
    return result
