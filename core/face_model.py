"""What a model of faces does, be it one network or an ensemble, and how to open either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from core.artifacts.bundle import MODEL_FILE
from core.artifacts.card import Card
from core.artifacts.ensemble_config import FILE
from core.ensemble import Ensemble
from core.errors import ModelError
from core.predictor import Predictor
from core.preprocess import InputSpec
from core.types import Face, Prediction


class FaceModel(Protocol):
    """Crops of faces -> predictions. Safe to call from several threads.

    Attributes:
        card: what the model states about itself.
        path: its file.
        views: how it crops a face: one way, or several for an ensemble whose members differ in it.
        has_embedding: whether `probabilities` can give an embedding.
    """

    card: Card
    path: Path
    views: tuple[InputSpec, ...]
    has_embedding: bool

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the predictions, as it was opened."""
        ...

    @property
    def size(self) -> int:
        """Bytes on disk."""
        ...

    def crops(self, image: np.ndarray, faces: Sequence[Face | None]) -> np.ndarray:
        """Return what the model takes of each face, (N, ...).

        Args:
            image: RGB uint8 (H, W, 3).
            faces: None is the picture as a whole.
        """
        ...

    def pack(self, views: Sequence[np.ndarray]) -> np.ndarray:
        """Return what `predict_crops` takes, from crops of the same face or faces by view."""
        ...

    def blank(self, n: int) -> np.ndarray:
        """Return `n` black crops."""
        ...

    def shown(self, crops: np.ndarray) -> np.ndarray:
        """Return crops to look at or to measure, uint8 (N, size, size, channels)."""
        ...

    def probabilities(self, crops: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        """Return calibrated values by task, each (N, width), and the embedding (N, features)."""
        ...

    def ages(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return expected years and the ends of their interval of the values of `age`."""
        ...

    def predict_crops(self, crops: np.ndarray) -> list[Prediction]:
        """Return one prediction for each crop."""
        ...

    def predict(self, image: np.ndarray, faces: Sequence[Face | None]) -> list[Prediction]:
        """Return one prediction for each face of the picture, in one batch."""
        ...


def open_model(path: str | Path, threads: int = 1) -> FaceModel:
    """Open the model at `path`.

    Args:
        path: a bundle (its folder or file) or an ensemble (a folder with `ensemble.json`, or such
            a file).
        threads: of ONNX Runtime for one call.

    Raises:
        ModelError: neither is there, the folder holds both, or what is there cannot be used.
    """
    path = Path(path)
    if path.is_dir() and (path / FILE).is_file():
        if (path / MODEL_FILE).is_file():
            raise ModelError(
                f"Expected a bundle or an ensemble in {path}, got both; name the file, "
                f"{MODEL_FILE} or {FILE}."
            )
        path = path / FILE
    return Ensemble(path, threads) if path.suffix == ".json" else Predictor(path, threads)
