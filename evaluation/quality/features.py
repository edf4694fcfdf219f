"""Features of all samples, each computed when a check first asks for it, once, and cached by
content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from core import image as images
from core.artifacts.downloads import ROOT
from core.data import Samples
from core.data.base.crop_cache import VERSION, face_of
from core.errors import ModelError
from core.face_model import open_model
from core.faces import STILL_SIDE, Detector, best_detector
from evaluation.quality import image_features
from evaluation.quality.feature_cache import Store

MODEL = ROOT / "assets" / "models" / "mien"
FACES = np.dtype([("readable", "?"), ("faces", "<i2"), ("best", "<f4"), ("second", "<f4")])
BATCH = 64


class Features:
    """Columns over the N samples. `folder`: of the caches, None keeps nothing. `model`: whose
    embedding is taken (default: the shipped).
    """

    def __init__(
        self,
        samples: Samples,
        folder: Path | None,
        model: Path | None = None,
        detector: Detector | None = None,
    ) -> None:
        self._samples, self._folder, self._model, self._detector = (
            samples,
            folder,
            model or MODEL,
            detector,
        )
        cv2.setNumThreads(1)  # our threads are one per core already

    @cached_property
    def detector(self) -> Detector:
        """The face detector that is there."""
        return self._detector or best_detector()[0]

    @cached_property
    def pixels(self) -> np.ndarray:
        """`_pixels.FIELDS` and `sha` (SHA-256 of the bytes), a structured array (N,); `readable`
        False where nothing is known.
        """
        store = self._store(f"pixels-{image_features.VERSION}", image_features.FIELDS)
        with ThreadPoolExecutor() as pool:
            return store.collect(
                "look at pictures",
                self._samples.ids,
                self._samples.paths,
                lambda d, p: image_features.look_all(d, pool.map),
            )

    @cached_property
    def faces(self) -> np.ndarray:
        """FACES (N,): number of faces, the score of the best, and the area of the second as a share
        of the best's.
        """
        detector = self.detector

        def count(data: bytes) -> tuple[bool, int, float, float]:
            try:
                found = detector(images.load(data), STILL_SIDE)
            except images.ImageError:
                return False, 0, 0.0, 0.0
            areas = sorted((f.box[2] * f.box[3] for f in found), reverse=True)
            second = areas[1] / areas[0] if len(areas) > 1 else 0.0
            return True, len(found), max((f.score for f in found), default=0.0), second

        with ThreadPoolExecutor() as pool:
            return self._store(f"faces-1-{detector.name}", FACES).collect(
                "count faces",
                self._samples.ids,
                self._samples.paths,
                lambda data, paths: np.array(list(pool.map(count, data)), FACES),
            )

    @cached_property
    def embedding(self) -> np.ndarray:
        """float32 (N, D), length 1; zeros where a file cannot be read.

        Raises:
            ModelError: the model has no embedding.
        """
        predictor = open_model(self._model, threads=2)
        if not predictor.has_embedding:
            raise ModelError(
                f"Expected a model with an `embedding` output, got {self._model}; try the shipped one."
            )
        tight, detector = self._samples.tight, self.detector
        width = predictor.probabilities(predictor.blank(1), embedding=True)["embedding"].shape[1]
        dtype = np.dtype([("readable", "?"), ("embedding", "<f4", (width,))])
        mark = hashlib.sha256(
            (predictor.fingerprint + detector.name).encode() + bytes([tight, VERSION])
        ).hexdigest()[:12]

        def look(path: Path) -> np.ndarray | None:
            found = face_of(path, detector, tight)
            return found and predictor.crops(found[0], [found[1]])[0]

        def run(data: Sequence[bytes], paths: Sequence[Path]) -> np.ndarray:
            made = np.zeros(len(paths), dtype)
            seen = list(pool.map(look, paths))
            crops = [predictor.blank(1)[0] if crop is None else crop for crop in seen]
            for start in range(0, len(seen), BATCH):
                values = predictor.probabilities(
                    np.stack(crops[start : start + BATCH]), embedding=True
                )["embedding"]
                made["embedding"][start : start + BATCH] = values / np.maximum(
                    np.linalg.norm(values, axis=1, keepdims=True), 1e-6
                )
            made["readable"] = [crop is not None for crop in seen]
            made["embedding"][~made["readable"]] = 0
            return made

        with ThreadPoolExecutor() as pool:
            store = self._store(f"embedding-1-{mark}", dtype)
            return store.collect("embed faces", self._samples.ids, self._samples.paths, run)[
                "embedding"
            ]

    def _store(self, name: str, dtype: np.dtype) -> Store:
        return Store(self._folder / name if self._folder else None, dtype)
