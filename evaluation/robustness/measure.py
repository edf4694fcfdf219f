"""A model's predictions on corrupted images.

Every image is read and its face located once; then it is corrupted, cropped and predicted at every
severity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core import registry
from core.data import Samples
from core.data.base.crop_cache import face_of
from core.face_model import FaceModel
from core.faces import Detector
from core.labels import FERPLUS8
from core.preprocess import crop_at, pose_of
from evaluation.predictions.columns import predict_columns
from evaluation.predictions.predict import BATCH_SIZE
from evaluation.predictions.schema import P_GENDER
from evaluation.robustness.corruptions import FaceView, around

CORRUPTIONS = "evaluation.robustness.corruptions"
KINDS = tuple(registry.names(CORRUPTIONS))
SEED = 20_130_414

Variant = tuple[str, int]
"""(kind, severity from 1 on)."""

PredictionArrays = Mapping[str, NDArray[np.generic]]
"""Task -> (N,): index in FERPLUS8, index in GENDER2, or years."""


@dataclass(frozen=True, slots=True, eq=False)
class RobustnessPredictions:
    """Predictions of one model at every severity.

    Attributes:
        samples: the N that could be read.
        clean: predictions at severity 0.
        corrupted: predictions of each kind and severity.
    """

    samples: Samples
    clean: PredictionArrays
    corrupted: Mapping[Variant, PredictionArrays]


def levels(kind: str) -> tuple[float, ...]:
    """Return the levels of severities 1, 2 ... of a kind."""
    values: tuple[float, ...] = registry.load(CORRUPTIONS, kind).LEVELS
    return values


def unit(kind: str) -> str:
    """Return what the levels of a kind are."""
    return str(registry.load(CORRUPTIONS, kind).UNIT)


def corrupt(view: FaceView, kind: str, severity: int, sample_id: str) -> FaceView:
    """Return `view` at a severity from 1 on.

    The same sample, kind and severity give the same image in every run.
    """
    module = registry.load(CORRUPTIONS, kind)
    rng = np.random.default_rng([SEED, *sample_id.encode(), *kind.encode()])
    corrupted: FaceView = module.corrupt(view, module.LEVELS[severity - 1], rng)
    return corrupted


def measure(
    predictor: FaceModel,
    samples: Samples,
    detector: Detector,
    kinds: Sequence[str] = KINDS,
    *,
    threads: int = 1,
    on_progress: Callable[[int], None] = lambda done: None,
) -> RobustnessPredictions:
    """Predict every image, clean and at every severity of `kinds`.

    Args:
        predictor: The model.
        samples: Whose files are read; those that cannot be are left out.
        detector: Finds the face on the clean image.
        kinds: Names of corruptions.
        threads: Threads that read, corrupt and crop.
        on_progress: Called with the number of images that are done.
    """
    variants = [(kind, i + 1) for kind in kinds for i in range(len(levels(kind)))]
    clean: list[PredictionArrays] = []
    corrupted: dict[Variant, list[PredictionArrays]] = {v: [] for v in variants}
    readable: list[int] = []

    read = partial(_read, predictor, detector, samples.tight)
    cv2.setNumThreads(1)  # the threads here are one per core already
    with ThreadPoolExecutor(threads) as pool:
        # Batches as in `predict`, so that severity 0 has its predictions to the last bit.
        for start in range(0, len(samples), BATCH_SIZE):
            batch = list(pool.map(read, samples.paths[start : start + BATCH_SIZE]))
            items = [(start + i, *item) for i, item in enumerate(batch) if item is not None]
            if items:
                clean.append(_predict(predictor, np.stack([crop for _, crop, _ in items])))
                for kind, severity in variants:
                    futures = [
                        pool.submit(
                            _corrupted_crop, predictor, views, samples.ids[i], kind, severity
                        )
                        for i, _, views in items
                    ]
                    crops = np.stack([future.result() for future in futures])
                    corrupted[kind, severity].append(_predict(predictor, crops))
            readable += [i for i, _, _ in items]
            on_progress(start + len(batch))
    return RobustnessPredictions(
        samples.take(np.array(readable, np.int64)),
        _concatenate(clean),
        {variant: _concatenate(batches) for variant, batches in corrupted.items()},
    )


def _read(
    predictor: FaceModel, detector: Detector, tight: bool, path: Path
) -> tuple[NDArray[np.uint8], list[FaceView]] | None:
    """Return the clean crop and what its corrupted ones are cut from; None if unreadable."""
    located = face_of(path, detector, tight)
    if located is None:
        return None
    image, face = located
    views = [around(image, pose_of(image.shape, face, spec)) for spec in predictor.views]
    return predictor.crops(image, [face])[0], views


def _corrupted_crop(
    predictor: FaceModel, views: Sequence[FaceView], sample_id: str, kind: str, severity: int
) -> NDArray[np.uint8]:
    corrupted_views = [corrupt(view, kind, severity, sample_id) for view in views]
    pairs = zip(corrupted_views, predictor.views, strict=True)
    return predictor.pack([crop_at(view.picture, view.pose, spec) for view, spec in pairs])


def _predict(predictor: FaceModel, crops: NDArray[np.uint8]) -> PredictionArrays:
    """Return the predictions of uint8 crops (N, S, S, C)."""
    columns = predict_columns(predictor, crops)
    predictions: dict[str, NDArray[np.generic]] = {}
    if "emotion_pred" in columns:
        labels = columns["emotion_pred"]
        predictions["emotion"] = np.array([FERPLUS8.labels.index(label) for label in labels])
    if P_GENDER in columns:
        predictions["gender"] = np.where(columns[P_GENDER] >= 0.5, 0, 1)
    if "age_pred" in columns:
        predictions["age"] = columns["age_pred"]
    return predictions


def _concatenate(batches: Sequence[PredictionArrays]) -> PredictionArrays:
    if not batches:
        return {}
    return {task: np.concatenate([batch[task] for batch in batches]) for task in batches[0]}
