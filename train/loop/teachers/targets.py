"""What trained networks predict for the training samples, for another network to learn from.

The teachers see every training face once, cropped as they take it, with flip averaging, and their
predictions are kept in the run folder: a teacher that is many times the student's size costs one
pass, not one an epoch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import progress
from core.errors import UserError
from core.preprocess import InputSpec
from train.batches.data import DatasetPart
from train.loop import distributed
from train.loop.distill import FEATURES
from train.loop.teachers.opening import digest, open_teachers
from train.loop.teachers.student_classes import converter
from train.loop.teachers.teacher import Predictions, Teacher
from train.recipe.recipe import Recipe
from train.runs.writing import write_file

CACHE_FILE = "teachers.npz"
"""File of a run folder: predictions for every training crop, so that `--resume` has them."""
ORIGIN_KEY = "made of"
"""Key in that file, beside the predictions: what they depend on, see `_origin`."""
BATCH_SIZE = 256


def teacher_targets(recipe: Recipe, parts: Sequence[DatasetPart], folder: Path) -> Predictions:
    """Return the mean predictions of a recipe's teachers, by task; empty without teachers.

    Args:
        recipe: names the teachers.
        parts: the training samples.
        folder: the run folder, where the predictions are kept.

    Returns:
        Probabilities (N, K) or years (N,) of all samples of all parts in their order; with
        `embedding` (N, F) where features are learnt from.

    Raises:
        UserError: a teacher is missing, has other classes, or crops faces otherwise and there are
            no images to crop.
    """
    settings = recipe.distill
    if not settings.teachers:
        return {}
    if settings.features and distributed.world_size() > 1:
        raise UserError(
            "Expected one process where features are taught, as they compare all samples of a "
            "batch; try --set distill.features=0."
        )
    if settings.features and len(settings.teachers) > 1:
        raise UserError(
            "Expected one teacher where features are taught, got several, whose features mean "
            "different things."
        )
    with distributed.local_main_first():
        file, origin = folder / CACHE_FILE, _origin(recipe, parts)
        predictions = _load(file, origin)
        if predictions is None:
            folder.mkdir(parents=True, exist_ok=True)
            predictions = predict_all(recipe, parts)
            content = predictions | {ORIGIN_KEY: np.array(json.dumps(origin))}
            write_file(file, lambda path: _save(path, content))
    return predictions


def _origin(recipe: Recipe, parts: Sequence[DatasetPart]) -> dict[str, str]:
    """Return what predictions depend on: settings, and digests of the samples and the teachers.

    The digest of a teacher that is gone is "".
    """
    samples = [
        [p.samples.name, p.samples.split, p.samples.fingerprint, *p.samples.ids] for p in parts
    ]
    settings: dict[str, object] = {
        "input": recipe.input.to_dict(),
        "tasks": [h.task for h in recipe.heads],
        "features": bool(recipe.distill.features),
    }
    if recipe.distill.weights:
        settings["weights"] = recipe.distill.weights
    origin = {
        "samples": hashlib.sha256(json.dumps(samples).encode()).hexdigest(),
        "asked": json.dumps(settings),
    }
    return origin | {name: digest(name) for name in recipe.distill.teachers}


def _load(file: Path, origin: Mapping[str, str]) -> Predictions | None:
    """Return the predictions in `file`, if they have this origin; a teacher may be gone since."""
    if not file.is_file():
        return None
    with np.load(file) as archive:
        predictions = {name: archive[name] for name in archive.files}
    stored = json.loads(str(predictions.pop(ORIGIN_KEY, "{}")))
    same = stored.keys() == origin.keys() and all(
        value in ("", stored[name]) for name, value in origin.items()
    )
    if same:
        return predictions
    progress.say(
        f"{file} holds answers of other teachers or about other samples; they are asked again"
    )
    return None


def _save(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    with path.open("wb") as file:  # NumPy appends a suffix to a name
        np.savez(file, allow_pickle=False, **arrays)


def predict_all(recipe: Recipe, parts: Sequence[DatasetPart]) -> Predictions:
    """Return the weighted mean predictions, for each task over all teachers that have it.

    Raises:
        UserError: no teacher has a task of the recipe.
    """
    settings = recipe.distill
    sums: Predictions = {}
    totals: dict[str, float] = {}
    for name, weight in zip(settings.teachers, settings.teacher_weights, strict=True):
        for teacher in open_teachers(name, recipe.amp):
            for task, values in _predict(teacher, name, recipe, parts).items():
                totals[task] = totals.get(task, 0.0) + weight
                sums[task] = weight * values + sums[task] if task in sums else weight * values
    if not sums:
        raise UserError(
            f"Expected teachers of {', '.join(h.task for h in recipe.heads)}, got "
            f"{', '.join(settings.teachers)}, which predict none of these; name others by "
            "--set distill.teachers=..."
        )
    return {task: (sums[task] / totals[task]).astype(np.float32) for task in sums}


def _predict(
    teacher: Teacher, name: str, recipe: Recipe, parts: Sequence[DatasetPart]
) -> Predictions:
    """Return one teacher's predictions over all parts, with flip averaging, as the student's."""
    students = {head.task: head for head in recipe.heads}
    convert = {
        head.task: converter(head, students[head.task], name)
        for head in teacher.heads
        if head.task in students
    }
    if recipe.distill.features:
        convert[FEATURES] = lambda values: values
    if not convert:
        return {}
    rows: dict[str, list[NDArray[np.float32]]] = {key: [] for key in convert}
    crops_by_part = [_crops_for(part, teacher.input, recipe.input, name) for part in parts]
    total, done = sum(map(len, crops_by_part)), 0
    with progress.task(f"ask {name}", total) as advance:
        for crops in crops_by_part:
            for start in range(0, len(crops), BATCH_SIZE):
                batch = crops[start : start + BATCH_SIZE]
                views = [teacher.predict(view) for view in (batch, batch[:, :, ::-1])]
                if lacking := convert.keys() - views[0].keys():
                    raise UserError(
                        f"Expected a teacher with {', '.join(lacking)}, got {name}; try --set "
                        "distill.features=0."
                    )
                for key, function in convert.items():
                    mean = np.mean([view[key] for view in views], axis=0)
                    rows[key].append(function(mean))
                done += len(batch)
                advance(done)
    return {key: np.concatenate(arrays) for key, arrays in rows.items()}


def _crops_for(
    part: DatasetPart, teacher: InputSpec, student: InputSpec, name: str
) -> NDArray[np.uint8]:
    """Return the part's crops (N, S, S, C) as a teacher takes them."""
    if _without_normalisation(teacher) == _without_normalisation(student):
        return part.crops
    if part.crops_for is None:
        raise UserError(
            f"Expected pictures to crop as the teacher {name} takes them, {teacher}, "
            f"got only crops of {student}."
        )
    return part.crops_for(teacher)


def _without_normalisation(spec: InputSpec) -> InputSpec:
    return replace(spec, mean=(0.0,) * spec.channels, std=(1.0,) * spec.channels)
