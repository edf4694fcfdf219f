"""Learning from trained networks (Hinton et al., arXiv 1503.02531), and from them alone where a
sample has no label for a head.

The teachers look at every training face once, cropped as they are used to, as it is and mirrored,
and what they say is kept beside the run: a teacher that is many times the student's size costs one
pass, not one an epoch. Heads: classes by KL at a temperature, ages as distributions by KL (years by
their distance). Features: the similarities of a batch's samples to each other (Tung & Mori, arXiv
1907.09682), which need no layer between embeddings of different widths.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import progress
from core.artifacts.card import Head
from core.errors import UserError
from core.preprocess import InputSpec, to_input
from train.batches.data import DatasetPart
from train.loop import distributed
from train.loop.initialize import load_network
from train.recipe.recipe import Recipe
from train.runs.trained_weights import weights
from train.runs.writing import write_file

KEPT = "teachers.npz"
"""In the run folder: what the teachers said of every training crop, so that `--resume` need not ask
again.
"""
MARK = "made of"
"""Beside the answers in that file: what they depend on, see `_mark`."""
FEATURES = "embedding"
L1 = 0.1
"""Weight of the expectations' distance in years beside the divergence of two age distributions, as
in losses/age_distribution.
"""


def teacher_targets(
    recipe: Recipe, parts: Sequence[DatasetPart], folder: Path
) -> dict[str, np.ndarray]:
    """What the recipe's teachers say, by task: probabilities (N, K) or years (N,) float32 of all
    samples of all parts in their order, their mean; with `embedding` (N, F) where features are
    taught. Empty without teachers.

    Raises:
        UserError: a teacher is missing, has other classes, or crops faces otherwise and there are
        no pictures to crop.
    """
    how = recipe.distill
    if not how.teachers:
        return {}
    if how.features and distributed.world_size() > 1:
        raise UserError(
            "Expected one process where features are taught, as they compare all samples of a batch; try --set distill.features=0."
        )
    with distributed.local_main_first():
        file, mark = folder / KEPT, _mark(recipe, parts)
        said = _kept(file, mark)
        if said is None:
            folder.mkdir(parents=True, exist_ok=True)
            said = _ask(recipe, parts)
            write_file(file, lambda path: _save(path, said | {MARK: np.array(json.dumps(mark))}))
    return said


def _mark(recipe: Recipe, parts: Sequence[DatasetPart]) -> dict[str, str]:
    """What the answers depend on: the question, and digests of the samples and of each teacher's
    weights, "" of one that is gone.
    """
    samples = [
        [p.samples.name, p.samples.split, p.samples.fingerprint, *p.samples.ids] for p in parts
    ]
    how = {
        "input": recipe.input.to_dict(),
        "tasks": [h.task for h in recipe.heads],
        "features": bool(recipe.distill.features),
    }
    mark = {
        "samples": hashlib.sha256(json.dumps(samples).encode()).hexdigest(),
        "asked": json.dumps(how),
    }
    return mark | {path: _digest(path) for path in recipe.distill.teachers}


def _digest(teacher: str) -> str:
    try:
        state, _ = weights(teacher)
    except UserError:
        return ""
    total = hashlib.sha256()
    for name, value in state.items():
        total.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def _kept(file: Path, mark: Mapping[str, str]) -> dict[str, np.ndarray] | None:
    """The answers in `file`, if they are of this `mark`; a teacher that is gone may have given
    them.
    """
    if not file.is_file():
        return None
    with np.load(file) as kept:
        said = {name: kept[name] for name in kept.files}
    theirs = json.loads(str(said.pop(MARK, "{}")))
    if theirs.keys() == mark.keys() and all(
        value in ("", theirs[name]) for name, value in mark.items()
    ):
        return said
    progress.say(
        f"{file} holds answers of other teachers or about other samples; they are asked again"
    )
    return None


def _save(path: Path, said: dict[str, np.ndarray]) -> None:
    with path.open("wb") as file:  # NumPy adds an ending of its own to a name
        np.savez(file, **said)  # type: ignore[arg-type]


def _ask(recipe: Recipe, parts: Sequence[DatasetPart]) -> dict[str, np.ndarray]:
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    for path in recipe.distill.teachers:
        model, theirs = load_network(path)
        heads = {h.task: h for h in theirs.heads}
        asked = [h for h in recipe.heads if h.task in heads]
        for head in asked:
            if (head.labels or ()) != (heads[head.task].labels or ()):
                raise UserError(
                    f"Expected the teacher {path} to have the student's classes of {head.task}, got {heads[head.task].labels}."
                )
        crops = [_seen(p, theirs.input, recipe.input, path) for p in parts]
        said = _answers(model, [heads[h.task] for h in asked], crops, theirs.input, recipe, path)
        for name, value in said.items():
            counts[name] = counts.get(name, 0) + 1
            sums[name] = value + sums[name] if name in sums else value
    return {name: (sums[name] / counts[name]).astype(np.float32) for name in sums}


def _seen(part: DatasetPart, theirs: InputSpec, mine: InputSpec, path: str) -> np.ndarray:
    """The part's crops (N, S, S, C) as a teacher takes them."""
    if theirs == replace(mine, mean=theirs.mean, std=theirs.std):
        return part.crops
    if part.crops_for is None:
        raise UserError(
            f"Expected pictures to crop as the teacher {path} takes them, {theirs}, got only crops of {mine}."
        )
    return part.crops_for(theirs)


@torch.inference_mode()
def _answers(
    model: nn.Module,
    heads: Sequence[Head],
    parts: Sequence[np.ndarray],
    spec: InputSpec,
    recipe: Recipe,
    path: str,
    batch: int = 256,
) -> dict[str, np.ndarray]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.eval().to(device)
    if getattr(model, "mirror", False):
        model.mirror = False  # type: ignore[assignment]  # it is shown both below anyway
    features = bool(recipe.distill.features)
    if features and len(recipe.distill.teachers) > 1:
        raise UserError(
            "Expected one teacher where features are taught, got several, whose features mean different things."
        )
    rows: dict[str, list[np.ndarray]] = {
        name: [] for name in [*(h.task for h in heads), *([FEATURES] if features else [])]
    }
    total, done = sum(map(len, parts)), 0
    with (
        progress.task(f"ask {path}", total) as advance,
        torch.autocast(device, torch.bfloat16, enabled=recipe.amp == "bf16"),
    ):
        for crops in parts:
            for start in range(0, len(crops), batch):
                x = torch.from_numpy(to_input(crops[start : start + batch], spec)).to(device)
                out = [model(x), model(x.flip(3))]
                for head in heads:
                    rows[head.task].append(
                        np.mean(
                            [_said(o[head.task].float(), head).cpu().numpy() for o in out], axis=0
                        )
                    )
                if features:
                    rows[FEATURES].append(
                        np.mean([o[FEATURES].float().cpu().numpy() for o in out], axis=0)
                    )
                done += len(x)
                advance(done)
    return {name: np.concatenate(values) for name, values in rows.items()}


def _said(logits: Tensor, head: Head) -> Tensor:
    if head.kind == "regression":
        return logits[:, 0]
    if head.kind == "sigmoid":
        return torch.cat([logits, torch.zeros_like(logits)], 1).softmax(dim=1)
    return logits.softmax(dim=1)


def distillation_loss(logits: Tensor, said: Tensor, head: Head, temperature: float = 1.0) -> Tensor:
    """logits (N, width) of the student's head, said: probabilities (N, K) or years (N,) of the
    teachers -> (N,), one value per sample.

    Classes: T^2 KL(teachers || student), both at temperature T, in nats. Age distribution: KL at 1,
    plus `L1` times the distance of the expectations in years. Regression: that distance.
    """
    if head.kind == "regression":
        return (logits[:, 0] - said).abs()
    if head.kind == "sigmoid":
        logits = torch.cat([logits, torch.zeros_like(logits)], dim=1)
    temperature = 1.0 if head.kind == "distribution" else temperature
    log_p = (logits / temperature).log_softmax(dim=1)
    log_q = (said.clamp(min=1e-8).log() / temperature).log_softmax(dim=1)
    divergence = temperature**2 * (log_q.exp() * (log_q - log_p)).sum(dim=1)
    if head.kind == "distribution":
        ages = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)
        divergence = divergence + L1 * ((log_p.exp() - log_q.exp()) @ ages).abs()
    return divergence


def similarity_loss(mine: Tensor, theirs: Tensor) -> Tensor:
    """Embeddings (N, F) of the student and (N, G) of the teacher -> scalar: the mean squared
    difference of their samples' similarities to each other, each row of which has length 1, times N
    (arXiv 1907.09682, equation 4).
    """
    a, b = (F.normalize(v @ v.T, dim=1) for v in (mine.float(), theirs.float()))
    return ((a - b) ** 2).sum() / len(mine)
