"""What a network says of whole data sets, and the figures that training selects by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from core.bundle import Head
from core.preprocess import InputSpec, to_input
from train.data import Part


@torch.inference_mode()
def outputs(model: nn.Module, crops: np.ndarray, spec: InputSpec, batch: int = 256) -> dict[str, np.ndarray]:
    """uint8 crops (N, S, S, C) -> raw float32 outputs by task (N, width), with `embedding`; the model is put in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    rows = []
    for start in range(0, len(crops), batch):
        x = torch.from_numpy(to_input(crops[start : start + batch], spec)).to(device)
        rows.append({k: v.float().cpu().numpy() for k, v in model(x).items()})
    return {k: np.concatenate([r[k] for r in rows]) for k in rows[0]}


def score_parts(model: nn.Module, parts: Sequence[Part], heads: Sequence[Head], spec: InputSpec) -> dict[str, float]:
    """emotion_accuracy and gender_accuracy in [0, 1], age_mae in years, over all parts; and `score` in [0, 1], their balanced mean."""
    right: dict[str, list[np.ndarray]] = {"emotion": [], "gender": [], "age": []}
    for part in parts:
        out = outputs(model, part.crops, spec)
        for head in heads:
            if head.task == "age":
                known = ~np.isnan(part.samples.age)
                right["age"].append(np.abs(age_of(out["age"], head) - part.samples.age)[known])
            else:
                truth = getattr(part.samples, head.task)
                right[head.task].append((out[head.task].argmax(axis=1) == truth)[truth >= 0])
    figures = {}
    for head in heads:
        values = np.concatenate(right[head.task])
        if len(values):
            figures["age_mae" if head.task == "age" else f"{head.task}_accuracy"] = float(values.mean())
    # 20 years of error count as much as no right answer at all: about what a constant guess makes on UTKFace.
    parts_of_score = [max(0.0, 1 - v / 20) if k == "age_mae" else v for k, v in figures.items()]
    return figures | {"score": float(np.mean(parts_of_score))}


def age_of(logits: np.ndarray, head: Head) -> np.ndarray:
    """Raw age output (N, width) -> years (N,)."""
    if head.kind == "regression":
        return logits[:, 0]
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(z)
    return (p / p.sum(axis=1, keepdims=True)) @ np.arange(logits.shape[1])
