"""A teacher that this project trained: a run folder, a checkpoint or a bundle."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.artifacts.card import Head
from core.errors import UserError
from core.preprocess import InputSpec, to_input
from train.loop.distill import FEATURES, two_logits
from train.loop.initialize import load_network
from train.loop.teachers.teacher import Predictions
from train.runs.trained_weights import weights


class TrainedNetwork:
    """A network of ours; see `train.loop.teachers.teacher.Teacher`."""

    def __init__(self, path: str, amp: str) -> None:
        """Load the network onto the accelerator, if there is one.

        Args:
            path: a run folder, a checkpoint or a bundle.
            amp: mixed precision to predict in: "bf16", or anything else for none.

        Raises:
            UserError: there is none.
        """
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._half = amp == "bf16"
        model, recipe = load_network(path)
        self._model = model.eval().to(self._device)
        if getattr(self._model, "mirror", False):
            # flips are averaged by who asks
            self._model.mirror = False  # type: ignore[assignment]
        self.heads: tuple[Head, ...] = recipe.heads
        self.input: InputSpec = recipe.input

    @torch.inference_mode()
    def predict(self, crops: NDArray[np.uint8]) -> Predictions:
        """Return probabilities or years by task, and the embedding."""
        x = torch.from_numpy(to_input(crops, self.input)).to(self._device)
        with torch.autocast(self._device, torch.bfloat16, enabled=self._half):
            out = self._model(x)
        values = {head.task: _to_prediction(out[head.task].float(), head) for head in self.heads}
        values |= {FEATURES: out[FEATURES].float()}
        return {name: tensor.cpu().numpy() for name, tensor in values.items()}


def digest(path: str) -> str:
    """Return the SHA-256 of a network's weights; "" where it is gone."""
    try:
        state, _ = weights(path)
    except UserError:
        return ""
    sha256 = hashlib.sha256()
    for name, value in state.items():
        sha256.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return sha256.hexdigest()


def _to_prediction(logits: Tensor, head: Head) -> Tensor:
    """Return years (N,) or probabilities (N, K)."""
    if head.kind == "regression":
        return logits[:, 0]
    if head.kind == "sigmoid":
        logits = two_logits(logits)
    return logits.softmax(dim=1)
