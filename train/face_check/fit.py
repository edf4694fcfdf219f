"""Train the face check, choose its threshold on validation faces, and write it as ONNX."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

from core.detection.face_check import INPUT, KEY
from core.errors import DataError
from core.files import atomic_file
from core.preprocess import to_input
from train.batches.augment import augment
from train.export.onnx_file import trace
from train.face_check.network import build
from train.recipe.settings import Augment

BATCH = 256
TURNED, MISSED, PATCHES, NOISE = 48, 96, 160, 24
"""Crops without a whole, upright face beside every `BATCH` faces."""
MAX_LOST = 0.01
"""Share of the validation faces of each data set that the threshold may lose."""
SEED = 0
AUGMENT = Augment(
    rotate=15,
    zoom=0.13,
    shift=0.08,
    light=0.3,
    blur=0.15,
    blur_max=1.5,
    lowres=0.15,
    noise=0.2,
    erase=0,
)
"""Augmentation so slight that a whole, upright face stays one."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCrops:
    """What the network learns from, each uint8 (N, 48, 48).

    Attributes:
        faces: whole and upright.
        missed: parts and neighbours of faces.
        patches: of pictures without people.
        noise: flat, blotched and noisy.
    """

    faces: np.ndarray
    missed: np.ndarray
    patches: np.ndarray
    noise: np.ndarray


def fit(crops: TrainingCrops, epochs: int, report: Callable[[int, float], None]) -> nn.Sequential:
    """Train with AdamW, one cycle and binary cross-entropy.

    Args:
        crops: to learn from.
        epochs: over the faces.
        report: called after each epoch with its number and mean loss.

    Raises:
        DataError: there are fewer than `BATCH` faces.
    """
    if len(crops.faces) < BATCH:
        raise DataError(f"Expected at least {BATCH} faces to learn from, got {len(crops.faces)}.")
    torch.manual_seed(SEED)
    rng, draws = np.random.default_rng(SEED), torch.Generator().manual_seed(SEED)
    network = build()
    steps = len(crops.faces) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * steps)
    labels = torch.cat([torch.ones(BATCH), torch.zeros(TURNED + MISSED + PATCHES + NOISE)])
    for epoch in range(1, epochs + 1):
        order, losses = rng.permutation(len(crops.faces)), []
        for step in range(steps):
            faces = crops.faces[order[step * BATCH : (step + 1) * BATCH]]
            batch = np.concatenate([faces, _negatives(crops, rng)])  # (584, 48, 48)
            crops_in = augment(torch.from_numpy(batch).unsqueeze(1), AUGMENT, draws)
            logits = network(torch.from_numpy(to_input(crops_in.movedim(1, -1).numpy(), INPUT)))
            logits = logits.squeeze(1)
            loss = F.binary_cross_entropy_with_logits(logits, labels * 0.98 + 0.01)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        report(epoch, float(np.mean(losses)))
    return network.eval()


def _negatives(crops: TrainingCrops, rng: np.random.Generator) -> np.ndarray:
    def some(of: np.ndarray, n: int) -> np.ndarray:
        return of[rng.integers(len(of), size=n)]

    turned = np.rot90(some(crops.faces, TURNED), int(rng.choice([1, 2, 2, 3])), axes=(1, 2))
    others = some(crops.missed, MISSED), some(crops.patches, PATCHES), some(crops.noise, NOISE)
    return np.concatenate([turned, *others])


@torch.no_grad()
def scores(network: nn.Module, crops: np.ndarray) -> np.ndarray:
    """Return scores from 0 (no face) to 1 of crops, uint8 (N, 48, 48), as float64 (N,)."""
    parts = [
        torch.sigmoid(network(torch.from_numpy(to_input(part[..., None], INPUT)))).squeeze(1)
        for part in np.array_split(crops, max(1, len(crops) // 512))
    ]
    return torch.cat(parts).double().numpy()


def threshold(faces: dict[str, np.ndarray]) -> float:
    """Return the largest threshold that loses at most `MAX_LOST` of each data set's faces.

    Args:
        faces: data set -> scores of its validation faces (N,), in [0, 1].
    """
    return float(min(np.quantile(s, MAX_LOST, method="lower") for s in faces.values()))


def write(network: nn.Module, threshold: float, file: Path) -> None:
    """Write the network with its threshold as one ONNX file."""
    example = torch.zeros(2, 1, INPUT.size, INPUT.size)
    with atomic_file(file) as path:
        trace(network, example, path, ["face"])
        model = onnx.load(path)
        onnx.helper.set_model_props(model, {KEY: json.dumps({"threshold": round(threshold, 6)})})
        onnx.save(model, path)
