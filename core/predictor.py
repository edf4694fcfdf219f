"""ONNX Runtime session -> predictions. Takes a path and nothing else: sizes, means and labels come from the model's own card."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core import bundle
from core.bundle import Head
from core.errors import ModelError
from core.preprocess import crop_face, to_input
from core.types import Age, Distribution, Face, Prediction

INTERVAL = 0.8
"""Probability that an age interval is meant to hold."""


class Predictor:
    """One model, ready to run. Safe to call from several threads."""

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        opened = bundle.load(path, threads)
        self.card, self.path, self._session = opened.card, opened.path, opened.session
        self._input = self._session.get_inputs()[0].name
        self.has_embedding = "embedding" in {o.name for o in self._session.get_outputs()}

    def logits(self, batch: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        """float32 (N, C, H, W) from `to_input` -> raw outputs by task, each (N, width); with `embedding`, that output too."""
        if len(batch) == 0:
            return {h.task: np.zeros((0, h.width), np.float32) for h in self.card.heads}
        names = {h.task: h.output for h in self.card.heads}
        if embedding:
            if not self.has_embedding:
                raise ModelError(f"Expected a model with an `embedding` output, got {self.path}; export it with `python -m train export`.")
            names["embedding"] = "embedding"
        values = self._session.run(list(names.values()), {self._input: batch})
        return dict(zip(names, values, strict=True))

    def probabilities(self, crops: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 crops (N, size, size, channels) -> calibrated values by task.

        softmax and sigmoid heads: (N, classes); distribution: (N, bins); regression: (N, 1) years.
        """
        return self.calibrate(self.logits(to_input(crops, self.card.input)))

    def calibrate(self, logits: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raw outputs by task -> calibrated probabilities (or years, for a regression)."""
        return {h.task: _activate(logits[h.task], h, self.card.calibration.get(h.task, 1.0)) for h in self.card.heads}

    def predict(self, image: np.ndarray, faces: list[Face | None]) -> list[Prediction]:
        """One prediction per face of the RGB uint8 picture (H, W, 3), in one batch; a face of None is the whole picture."""
        return self.predict_crops(self.crops(image, faces))

    def crops(self, image: np.ndarray, faces: list[Face | None]) -> np.ndarray:
        """uint8 (N, size, size, channels): what the network sees of each face."""
        spec = self.card.input
        if not faces:
            return np.zeros((0, spec.size, spec.size, spec.channels), np.uint8)
        return np.stack([crop_face(image, face, spec) for face in faces])

    def predict_crops(self, crops: np.ndarray) -> list[Prediction]:
        """One prediction per uint8 crop (N, size, size, channels)."""
        if len(crops) == 0:
            return []
        values = self.probabilities(crops)
        return [self._prediction({task: p[i] for task, p in values.items()}) for i in range(len(crops))]

    def _prediction(self, values: dict[str, np.ndarray]) -> Prediction:
        emotion, gender, age = (self.card.head(task) for task in ("emotion", "gender", "age"))
        return Prediction(
            emotion=Distribution(emotion.labels, values["emotion"]) if emotion else None,
            gender=Distribution(gender.labels, values["gender"]) if gender else None,
            age=self._age(age, values["age"]) if age else None,
        )

    def _age(self, head: Head, p: np.ndarray) -> Age:
        if head.kind == "regression":
            half = self.card.calibration.get(head.task, 10.0)
            return Age(float(p[0]), float(p[0]) - half, float(p[0]) + half, INTERVAL)
        low, high = interval(p, INTERVAL)
        return Age(float(p @ np.arange(len(p))), float(low), float(high), INTERVAL)


def interval(p: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
    """Central interval of a distribution over one-year bins (..., bins): the `(1 +- coverage) / 2` quantiles in years, each (...).

    Bin i spans i - 0.5 to i + 0.5; inside a bin the probability is spread evenly. The ends are kept at 0 and above.
    """
    cdf = np.cumsum(p, axis=-1)

    def quantile(q: float) -> np.ndarray:
        i = np.minimum((cdf < q).sum(axis=-1), p.shape[-1] - 1)
        inside = np.take_along_axis(p, i[..., None], -1)[..., 0]
        before = np.take_along_axis(cdf, i[..., None], -1)[..., 0] - inside
        return np.maximum(i - 0.5 + (q - before) / np.maximum(inside, 1e-12), 0.0)

    return quantile((1 - coverage) / 2), quantile((1 + coverage) / 2)


def _activate(z: np.ndarray, head: Head, temperature: float) -> np.ndarray:
    if head.kind == "regression":
        return z.astype(np.float64)
    z = z.astype(np.float64) / temperature
    if head.kind == "sigmoid":
        z = np.concatenate([z, np.zeros_like(z)], axis=1)  # (N, 1) -> (N, 2): softmax of (z, 0) is (sigmoid(z), 1 - sigmoid(z))
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
