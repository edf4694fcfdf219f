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
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core import progress
from core.artifacts.card import Head
from core.errors import UserError
from core.preprocess import InputSpec, to_input
from train.batches.data import DatasetPart
from train.loop import distributed
from train.loop.distill import FEATURES, two_logits
from train.loop.initialize import load_network
from train.recipe.recipe import Recipe
from train.runs.trained_weights import weights
from train.runs.writing import write_file

CACHE_FILE = "teachers.npz"
"""File of a run folder: predictions for every training crop, so that `--resume` has them."""
ORIGIN_KEY = "made of"
"""Key in that file, beside the predictions: what they depend on, see `_origin`."""
BATCH_SIZE = 256

Predictions = dict[str, NDArray[np.float32]]


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
            predictions = _predict_all(recipe, parts)
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
    settings = {
        "input": recipe.input.to_dict(),
        "tasks": [h.task for h in recipe.heads],
        "features": bool(recipe.distill.features),
    }
    origin = {
        "samples": hashlib.sha256(json.dumps(samples).encode()).hexdigest(),
        "asked": json.dumps(settings),
    }
    return origin | {path: _weights_digest(path) for path in recipe.distill.teachers}


def _weights_digest(teacher: str) -> str:
    try:
        state, _ = weights(teacher)
    except UserError:
        return ""
    digest = hashlib.sha256()
    for name, value in state.items():
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


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


def _predict_all(recipe: Recipe, parts: Sequence[DatasetPart]) -> Predictions:
    """Return the mean predictions over all teachers that have a task."""
    sums: Predictions = {}
    counts: dict[str, int] = {}
    for path in recipe.distill.teachers:
        model, teacher = load_network(path)
        heads = _shared_heads(recipe, teacher, path)
        crops = [_crops_for(p, teacher.input, recipe.input, path) for p in parts]
        predictions = _predict(model, heads, crops, teacher.input, recipe, path)
        for name, values in predictions.items():
            counts[name] = counts.get(name, 0) + 1
            sums[name] = values + sums[name] if name in sums else values
    return {name: (sums[name] / counts[name]).astype(np.float32) for name in sums}


def _shared_heads(student: Recipe, teacher: Recipe, path: str) -> list[Head]:
    """Return the teacher's heads for the student's tasks."""
    heads = {h.task: h for h in teacher.heads}
    shared = []
    for head in student.heads:
        if head.task not in heads:
            continue
        if (head.labels or ()) != (heads[head.task].labels or ()):
            raise UserError(
                f"Expected the teacher {path} to have the student's classes of {head.task}, "
                f"got {heads[head.task].labels}."
            )
        shared.append(heads[head.task])
    return shared


def _crops_for(
    part: DatasetPart, teacher: InputSpec, student: InputSpec, path: str
) -> NDArray[np.uint8]:
    """Return the part's crops (N, S, S, C) as a teacher takes them."""
    if teacher == replace(student, mean=teacher.mean, std=teacher.std):
        return part.crops
    if part.crops_for is None:
        raise UserError(
            f"Expected pictures to crop as the teacher {path} takes them, {teacher}, "
            f"got only crops of {student}."
        )
    return part.crops_for(teacher)


@torch.inference_mode()
def _predict(
    model: nn.Module,
    heads: Sequence[Head],
    parts: Sequence[NDArray[np.uint8]],
    spec: InputSpec,
    recipe: Recipe,
    path: str,
) -> Predictions:
    """Return one teacher's predictions over all parts, with flip averaging."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.eval().to(device)
    if getattr(model, "mirror", False):
        model.mirror = False  # type: ignore[assignment]  # both are computed below anyway
    rows: dict[str, list[NDArray[np.float32]]] = {head.task: [] for head in heads}
    if recipe.distill.features:
        rows[FEATURES] = []
    total, done = sum(map(len, parts)), 0
    with (
        progress.task(f"ask {path}", total) as advance,
        torch.autocast(device, torch.bfloat16, enabled=recipe.amp == "bf16"),
    ):
        for crops in parts:
            for start in range(0, len(crops), BATCH_SIZE):
                batch = crops[start : start + BATCH_SIZE]
                x = torch.from_numpy(to_input(batch, spec)).to(device)
                outs = [model(x), model(x.flip(3))]
                for head in heads:
                    predictions = [_to_prediction(out[head.task].float(), head) for out in outs]
                    rows[head.task].append(_mean(predictions))
                if recipe.distill.features:
                    rows[FEATURES].append(_mean([out[FEATURES].float() for out in outs]))
                done += len(x)
                advance(done)
    return {name: np.concatenate(arrays) for name, arrays in rows.items()}


def _mean(tensors: Sequence[Tensor]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = np.mean([t.cpu().numpy() for t in tensors], axis=0)
    return mean


def _to_prediction(logits: Tensor, head: Head) -> Tensor:
    """Return years (N,) or probabilities (N, K)."""
    if head.kind == "regression":
        return logits[:, 0]
    if head.kind == "sigmoid":
        logits = two_logits(logits)
    return logits.softmax(dim=1)
