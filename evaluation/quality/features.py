"""Features of all images of a data set, computed once on first use and cached by content."""

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
from core.errors import ImageError, ModelError
from core.face_model import open_model
from core.faces import STILL_SIDE, Detector, best_detector
from evaluation.quality import image_features
from evaluation.quality.feature_cache import FeatureCache

MODEL = ROOT / "assets" / "models" / "mien"
FACES = np.dtype([("readable", "?"), ("faces", "<i2"), ("best", "<f4"), ("second", "<f4")])
"""Number of faces, score of the best, area of the second largest as a share of the largest."""
BATCH_SIZE = 64


class ImageFeatures:
    """Columns over the N samples, each computed when it is first read.

    Args:
        samples: whose images are looked at.
        folder: of the caches; None keeps nothing.
        model: whose embedding is taken; the shipped model by default.
        detector: face detector; the best available one by default.
        images: records that are known already, as `images` returns them.
        embedding: embeddings that are known already, as `embedding` returns them.
    """

    def __init__(
        self,
        samples: Samples,
        folder: Path | None,
        model: Path | None = None,
        detector: Detector | None = None,
        *,
        images: np.ndarray | None = None,
        embedding: np.ndarray | None = None,
    ) -> None:
        self._samples = samples
        self._folder = folder
        self._model = model or MODEL
        self._detector = detector
        self._images = images
        self._embedding = embedding
        cv2.setNumThreads(1)  # the thread pools here already use every core

    @cached_property
    def detector(self) -> Detector:
        """The face detector."""
        return self._detector or best_detector()[0]

    @cached_property
    def images(self) -> np.ndarray:
        """Structured array (N,): `image_features.RECORD` and `sha`, the SHA-256 of the bytes.

        A record whose `readable` is False says nothing else but, where the file exists, `sha`.
        """
        if self._images is not None:
            return self._images
        cache = self._cache(f"pixels-{image_features.VERSION}", image_features.RECORD)
        with ThreadPoolExecutor() as pool:
            return cache.collect(
                "look at pictures",
                self._samples.ids,
                self._samples.paths,
                lambda files, _: image_features.describe_images(files, pool.map),
            )

    @cached_property
    def faces(self) -> np.ndarray:
        """Structured array FACES (N,)."""
        detector = self.detector

        def count(data: bytes) -> tuple[bool, int, float, float]:
            try:
                faces = detector(images.load(data), STILL_SIDE)
            except ImageError:
                return False, 0, 0.0, 0.0
            areas = sorted((f.box[2] * f.box[3] for f in faces), reverse=True)
            second = areas[1] / areas[0] if len(areas) > 1 else 0.0
            return True, len(faces), max((f.score for f in faces), default=0.0), second

        with ThreadPoolExecutor() as pool:
            return self._cache(f"faces-1-{detector.name}", FACES).collect(
                "count faces",
                self._samples.ids,
                self._samples.paths,
                lambda files, _: np.array(list(pool.map(count, files)), FACES),
            )

    @cached_property
    def embedding(self) -> np.ndarray:
        """float32 (N, D), rows of length 1; zeros where a file cannot be read.

        Raises:
            ModelError: the model has no embedding.
        """
        if self._embedding is not None:
            return self._embedding
        predictor = open_model(self._model, threads=2)
        if not predictor.has_embedding:
            raise ModelError(
                f"Expected a model with an `embedding` output, got {self._model}; "
                "try the shipped one."
            )
        tight, detector = self._samples.tight, self.detector
        width = predictor.probabilities(predictor.blank(1), embedding=True)["embedding"].shape[1]
        dtype = np.dtype([("readable", "?"), ("embedding", "<f4", (width,))])
        key = hashlib.sha256(
            (predictor.fingerprint + detector.name).encode() + bytes([tight, VERSION])
        ).hexdigest()[:12]

        def crop_of(path: Path) -> np.ndarray | None:
            face = face_of(path, detector, tight)
            return face and predictor.crops(face[0], [face[1]])[0]

        def embed(_: Sequence[bytes], paths: Sequence[Path]) -> np.ndarray:
            records = np.zeros(len(paths), dtype)
            crops = list(pool.map(crop_of, paths))
            inputs = [predictor.blank(1)[0] if crop is None else crop for crop in crops]
            for start in range(0, len(inputs), BATCH_SIZE):
                vectors = predictor.probabilities(
                    np.stack(inputs[start : start + BATCH_SIZE]), embedding=True
                )["embedding"]
                norms = np.linalg.norm(vectors, axis=1, keepdims=True)
                records["embedding"][start : start + BATCH_SIZE] = vectors / np.maximum(norms, 1e-6)
            records["readable"] = [crop is not None for crop in crops]
            records["embedding"][~records["readable"]] = 0
            return records

        with ThreadPoolExecutor() as pool:
            cache = self._cache(f"embedding-1-{key}", dtype)
            records = cache.collect("embed faces", self._samples.ids, self._samples.paths, embed)
        return np.asarray(records["embedding"])

    def _cache(self, name: str, dtype: np.dtype) -> FeatureCache:
        return FeatureCache(self._folder / name if self._folder else None, dtype)
