"""Features of all images of a data set, computed once on first use and cached by content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np

from core import image as images
from core.data import Samples
from core.data.base.crop_cache import VERSION, face_of, map_in_threads
from core.errors import ImageError, ModelError
from core.face_model import FaceModel, open_model
from core.faces import STILL_SIDE, Detector, best_detector
from core.system import ROOT
from evaluation.engines import Engine
from evaluation.engines.local import Local
from evaluation.quality import image_features
from evaluation.quality.feature_cache import Compute, FeatureCache

MODEL = ROOT / "assets" / "releases" / "mien_0_4"
"""Release 0.4, not the newest: the checks' limits were chosen on its embeddings."""
FACES = np.dtype([("readable", "?"), ("faces", "<i2"), ("best", "<f4"), ("second", "<f4")])
"""Number of faces, score of the best, area of the second largest as a share of the largest."""
BATCH_SIZE = 64


class ImageFeatures:
    """Columns over the N samples, each computed when it is first read.

    Args:
        samples: whose images are looked at.
        folder: of the caches; None keeps nothing.
        model: whose embedding is taken; release 0.4 of `mien` by default.
        is_trusted: open a model with operators or sizes that are not allowed, too.
        detector: face detector; the best available one by default.
        engine: where they are computed; this process by default.
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
        is_trusted: bool = False,
        engine: Engine | None = None,
        images: np.ndarray | None = None,
        embedding: np.ndarray | None = None,
    ) -> None:
        self._samples = samples
        self._folder = folder
        self._model = model or MODEL
        self._is_trusted = is_trusted
        self._detector = detector
        self._engine = engine or Local()
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
        return self._collect(
            f"pixels-{image_features.VERSION}",
            image_features.RECORD,
            "look at pictures",
            partial(describe, threads=self._engine.threads),
        )

    @cached_property
    def faces(self) -> np.ndarray:
        """Structured array FACES (N,)."""
        count = partial(count_faces, detector=self.detector, threads=self._engine.threads)
        return self._collect(f"faces-1-{self.detector.name}", FACES, "count faces", count)

    @cached_property
    def embedding(self) -> np.ndarray:
        """float32 (N, D), rows of length 1; zeros where a file cannot be read.

        Raises:
            ModelError: the model has no embedding.
        """
        if self._embedding is not None:
            return self._embedding
        predictor = open_model(
            self._model, threads=self._engine.threads, is_trusted=self._is_trusted
        )
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

        compute = partial(
            embed,
            predictor=predictor,
            detector=detector,
            tight=tight,
            dtype=dtype,
            threads=self._engine.threads,
        )
        records = self._collect(f"embedding-1-{key}", dtype, "embed faces", compute)
        return np.asarray(records["embedding"])

    def _collect(self, key: str, dtype: np.dtype, title: str, compute: Compute) -> np.ndarray:
        """Return one record per sample, from the cache of that key or computed."""
        cache = FeatureCache(self._folder / key if self._folder else None, dtype, self._engine)
        return cache.collect(title, self._samples.ids, self._samples.paths, compute)


def describe(files: Sequence[bytes], threads: int) -> np.ndarray:
    """Return `image_features.RECORD` (N,) of N files, given as their bytes."""
    return image_features.describe_images(files, lambda f, data: map_in_threads(data, f, threads))


def count_faces(files: Sequence[bytes], detector: Detector, threads: int) -> np.ndarray:
    """Return FACES (N,) of N files, given as their bytes."""

    def count(data: bytes) -> tuple[bool, int, float, float]:
        try:
            faces = detector(images.load(data), STILL_SIDE)
        except ImageError:
            return False, 0, 0.0, 0.0
        areas = sorted((f.box[2] * f.box[3] for f in faces), reverse=True)
        second = areas[1] / areas[0] if len(areas) > 1 else 0.0
        return True, len(faces), max((f.score for f in faces), default=0.0), second

    return np.array(list(map_in_threads(files, count, threads)), FACES)


def embed(
    files: Sequence[bytes],
    predictor: FaceModel,
    detector: Detector,
    tight: bool,
    dtype: np.dtype,
    threads: int,
) -> np.ndarray:
    """Return records (N,) of `dtype` of the files: `readable`, and `embedding` of length 1."""

    def crop_face(data: bytes) -> np.ndarray | None:
        face = face_of(data, detector, tight)
        return face and predictor.crops(face[0], [face[1]])[0]

    records = np.zeros(len(files), dtype)
    crops = list(map_in_threads(files, crop_face, threads))
    inputs = [predictor.blank(1)[0] if crop is None else crop for crop in crops]
    for start in range(0, len(inputs), BATCH_SIZE):
        stack = np.stack(inputs[start : start + BATCH_SIZE])
        vectors = predictor.probabilities(stack, embedding=True)["embedding"]
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        records["embedding"][start : start + BATCH_SIZE] = vectors / np.maximum(norms, 1e-6)
    records["readable"] = [crop is not None for crop in crops]
    records["embedding"][~records["readable"]] = 0
    return records
