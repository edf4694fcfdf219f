"""What a network says of whole data sets, and the figures that training selects by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from core import registry
from core.artifacts.card import Head
from core.errors import DataError
from core.preprocess import InputSpec, to_input
from evaluation.metrics.calibration import softmax
from train.batches.data import DatasetPart
from train.batches.pool import targets_of
from train.recipe.recipe import Recipe


@torch.inference_mode()
def outputs(
    model: nn.Module, crops: np.ndarray, spec: InputSpec, batch: int = 256
) -> dict[str, np.ndarray]:
    """uint8 crops (N, S, S, C) -> raw float32 outputs by task (N, width), with `embedding`; the
    model is put in evaluation mode.
    """
    model.eval()
    device = next(model.parameters()).device
    rows = []
    for start in range(0, len(crops), batch):
        x = torch.from_numpy(to_input(crops[start : start + batch], spec)).to(device)
        rows.append({k: v.float().cpu().numpy() for k, v in model(x).items()})
    return {k: np.concatenate([r[k] for r in rows]) for k in rows[0]}


def validate(model: nn.Module, parts: Sequence[DatasetPart], recipe: Recipe) -> dict[str, float]:
    """emotion_accuracy and gender_accuracy in [0, 1], age_mae in years, over all parts; `score` in
    [0, 1], their balanced mean; and `loss`, the weighted sum that training minimises, without class
    weights.
    """
    right: dict[str, list[np.ndarray]] = {h.task: [] for h in recipe.heads}
    losses: dict[str, list[np.ndarray]] = {h.task: [] for h in recipe.heads}
    for part in parts:
        out = outputs(model, part.crops, recipe.input)
        for head in recipe.heads:
            target, known = targets_of(part, head.task)
            how = recipe.losses[head.task]
            each = registry.load("train.losses", how.name).loss(
                torch.from_numpy(out[head.task]), torch.from_numpy(target), **how.options
            )
            losses[head.task].append(each.numpy()[known])
            if head.task == "age":
                right["age"].append(np.abs(age_of(out["age"], head) - part.samples.age)[known])
            else:
                truth = getattr(part.samples, head.task)
                right[head.task].append((class_of(out[head.task], head) == truth)[truth >= 0])
    figures = {}
    for head in recipe.heads:
        values = np.concatenate(right[head.task])
        if len(values):
            figures["age_mae" if head.task == "age" else f"{head.task}_accuracy"] = float(
                values.mean()
            )
    if not figures:
        raise DataError(
            f"Expected validation samples labelled for one of {tuple(right)}, got none."
        )
    # 20 years of error count as much as no right answer at all: about what a constant guess makes
    # on UTKFace.
    parts_of_score = [max(0.0, 1 - v / 20) if k == "age_mae" else v for k, v in figures.items()]
    means = {
        task: float(np.concatenate(values).mean())
        for task, values in losses.items()
        if sum(map(len, values))
    }
    total = sum(recipe.losses[task].weight * mean for task, mean in means.items())
    return figures | {"score": float(np.mean(parts_of_score)), "loss": float(total)}


def batch_metric(out: Tensor, target: Tensor, known: Tensor, head: Head) -> tuple[str, float, int]:
    """What a training batch adds to an epoch's figure of one head: the figure's name, the sum over
    its known samples, and their number.

    out (N, width); target and known (N,) as in `train.batches.pool.CropBatch`, known being a mask.
    """
    if head.task == "age":
        return (
            "age_mae",
            float(np.abs(age_of(out.numpy(), head) - target.numpy())[known.numpy()].sum()),
            int(known.sum()),
        )
    right = class_of(out.numpy(), head) == target.argmax(dim=1).numpy()
    return f"{head.task}_accuracy", float(right[known.numpy()].sum()), int(known.sum())


def class_of(logits: np.ndarray, head: Head) -> np.ndarray:
    """Raw output of a softmax head (N, K) or a sigmoid head (N, 1) -> class index (N,)."""
    return (logits[:, 0] <= 0).astype(np.int64) if head.kind == "sigmoid" else logits.argmax(axis=1)


def age_of(logits: np.ndarray, head: Head) -> np.ndarray:
    """Raw age output (N, width) -> years (N,)."""
    if head.kind == "regression":
        return logits[:, 0]
    return softmax(logits) @ np.arange(logits.shape[1])
