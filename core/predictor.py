"""ONNX Runtime session -> predictions. Takes a path and nothing else: sizes, means and labels come
from the model's own card.

`core.ensemble.open_model` opens a path that may also be an ensemble's, which has the same
interface.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import inf
from pathlib import Path

import numpy as np

from core import age_intervals
from core.artifacts import bundle
from core.artifacts.card import Head, Kind
from core.errors import ModelError
from core.preprocess import InputSpec, crop_face, to_input
from core.types import LIMIT, Age, Distribution, Face, Prediction

INTERVAL = 0.8
"""Probability that an age interval is meant to hold."""


class Predictor:
    """One model, ready to run. Safe to call from several threads. `views`: how it crops a face; one
    way, or several for an ensemble whose members differ in it.
    """

    views: tuple[InputSpec, ...]

    def __init__(self, path: str | Path, threads: int = 1, sha256: Collection[str] = ()) -> None:
        opened = bundle.load(path, threads, sha256)
        self.card, self.path, self._session, self._sha256 = (
            opened.card,
            opened.path,
            opened.session,
            opened.sha256,
        )
        self.views = (self.card.input,)
        self._input = self._session.get_inputs()[0].name
        self.has_embedding = "embedding" in {o.name for o in self._session.get_outputs()}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the answers, as it was opened."""
        return self._sha256

    @property
    def size(self) -> int:
        """Bytes of the model on disk."""
        return self.path.stat().st_size

    def logits(self, batch: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        """float32 (N, C, H, W) from `to_input` -> raw outputs by task, each (N, width); with
        `embedding`, that output too.
        """
        if len(batch) == 0:
            return {h.task: np.zeros((0, h.width), np.float32) for h in self.card.heads}
        names = {h.task: h.output for h in self.card.heads}
        if embedding:
            if not self.has_embedding:
                raise ModelError(
                    f"Expected a model with an `embedding` output, got {self.path}; export it with `python -m train export`."
                )
            names["embedding"] = "embedding"
        values = self._session.run(list(names.values()), {self._input: batch})
        return dict(zip(names, values, strict=True))

    def probabilities(self, crops: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        """uint8 crops (N, size, size, channels) -> calibrated values by task; with `embedding`,
        that too, (N, features).

        softmax and sigmoid heads: (N, classes); distribution: (N, bins); regression: (N, 1) years.
        """
        raw = self.logits(to_input(crops, self.card.input), embedding)
        return self.calibrate(raw) | ({"embedding": raw["embedding"]} if embedding else {})

    def calibrate(self, logits: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raw outputs by task -> calibrated probabilities (or years, for a regression)."""
        return {
            h.task: activate(logits[h.task], h, self.card.calibration.get(h.task, 1.0))
            for h in self.card.heads
        }

    def predict(self, image: np.ndarray, faces: list[Face | None]) -> list[Prediction]:
        """One prediction per face of the RGB uint8 picture (H, W, 3), in one batch; a face of None
        is the whole picture.
        """
        return self.predict_crops(self.crops(image, faces))

    def crops(self, image: np.ndarray, faces: list[Face | None]) -> np.ndarray:
        """uint8 (N, size, size, channels): what the network sees of each face."""
        each = [self.pack([crop_face(image, face, spec) for spec in self.views]) for face in faces]
        return np.stack(each) if each else self.blank(0)

    def blank(self, n: int) -> np.ndarray:
        """`n` black crops."""
        spec = self.card.input
        return np.zeros((n, spec.size, spec.size, spec.channels), np.uint8)

    def pack(self, views: Sequence[np.ndarray]) -> np.ndarray:
        """The crops of one face, or of n, one for each of `views` -> what `predict_crops` takes of
        it; the crop itself where it is one.
        """
        return views[0]

    def shown(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, size, size, channels) to look at or to measure: the crops themselves, or those
        of an ensemble's first view.
        """
        return crops

    def predict_crops(self, crops: np.ndarray) -> list[Prediction]:
        """One prediction per uint8 crop (N, size, size, channels)."""
        if len(crops) == 0:
            return []
        values, n = self.probabilities(crops), len(crops)
        each = zip(
            self._classes("emotion", values, n),
            self._classes("gender", values, n),
            self._ages(values, n),
            strict=True,
        )
        return [Prediction(*said) for said in each]

    def ages(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Calibrated values of the age head (N, width) -> expected years and the ends of their
        interval, each (N,).
        """
        head = self.card.head("age")
        return years(p, "distribution" if head is None else head.kind, self.card.calibration)

    def _classes(
        self, task: str, values: Mapping[str, np.ndarray], n: int
    ) -> Sequence[Distribution | None]:
        """One for each of n crops; None where the model lacks the head."""
        head, limit = self.card.head(task), self._limit(task, LIMIT)
        return [Distribution(head.labels, p, limit) for p in values[task]] if head else [None] * n

    def _ages(self, values: Mapping[str, np.ndarray], n: int) -> Sequence[Age | None]:
        """As `_classes`."""
        if self.card.head("age") is None:
            return [None] * n
        limit, rows = (
            self._limit("age", inf),
            np.stack(self.ages(values["age"]), axis=1),
        )  # (N, 3), all faces at once
        return [Age(value, low, high, INTERVAL, limit) for value, low, high in rows.tolist()]

    def _limit(self, task: str, default: float) -> float:
        return self.card.thresholds.get(task, default)


def years(
    p: np.ndarray, kind: Kind, calibration: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated values of an age head (N, width) -> expected years and the ends of their interval,
    each (N,).
    """
    if kind == "regression":
        value, half = (
            np.clip(p[:, 0], 0.0, age_intervals.OLDEST),
            calibration.get("age", 10.0),
        )  # nothing bounds a regression's output
        low, high = value - half, value + half
    else:
        # (N, bins) -> (N,); not `@`, whose last bits depend on how many rows there are
        value, (low, high) = (p * np.arange(p.shape[1])).sum(axis=1), interval(p, INTERVAL)
    found = age_intervals.factors(calibration)
    return value, *(
        (low, high) if found is None else age_intervals.conformed(value, low, high, *found)
    )


def interval(p: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
    """Central interval of a distribution over one-year bins (..., bins): the `(1 +- coverage) / 2`
    quantiles in years, each (...).

    Bin i spans i - 0.5 to i + 0.5; inside a bin the probability is spread evenly. The ends are kept
    at 0 and above.
    """
    cdf = np.cumsum(p, axis=-1)

    def quantile(q: float) -> np.ndarray:
        i = np.minimum((cdf < q).sum(axis=-1), p.shape[-1] - 1)
        inside = np.take_along_axis(p, i[..., None], -1)[..., 0]
        before = np.take_along_axis(cdf, i[..., None], -1)[..., 0] - inside
        return np.maximum(i - 0.5 + (q - before) / np.maximum(inside, 1e-12), 0.0)

    return quantile((1 - coverage) / 2), quantile((1 + coverage) / 2)


def activate(z: np.ndarray, head: Head, temperature: float) -> np.ndarray:
    """Raw outputs of a head (N, width) -> what `Predictor.calibrate` says of them."""
    if head.kind == "regression":
        return z.astype(np.float64)
    z = z.astype(np.float64) / temperature
    if head.kind == "sigmoid":
        z = np.concatenate(
            [z, np.zeros_like(z)], axis=1
        )  # (N, 1) -> (N, 2): softmax of (z, 0) is (sigmoid(z), 1 - sigmoid(z))
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
