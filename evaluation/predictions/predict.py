"""A model's predictions for the samples of a data set, as a table.

Crops are made as in training (`core.data.base.crop_cache.face_of`); a file that cannot be read is
left out and counted.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core import system
from core.data import Samples
from core.data.base.crop_cache import face_of, map_in_threads
from core.data.base.object_store import content
from core.face_model import FaceModel
from core.faces import Detector
from evaluation.predictions import conditions
from evaluation.predictions.columns import Columns, assemble, predict_columns
from evaluation.predictions.meta import Meta

BATCH_SIZE = 64


def predict(
    predictor: FaceModel,
    samples: Samples,
    detector: Detector,
    base: Path,
    *,
    embedding: bool = False,
    with_conditions: bool = False,
    threads: int = 1,
    name: str | None = None,
) -> tuple[pa.Table, int]:
    """Return the table of all samples and the number of files that could not be read.

    Args:
        predictor: The model.
        samples: Whose files are read, cropped and predicted.
        detector: Finds the face in each image.
        base: Folder that the table's paths are relative to.
        embedding: Whether to add the network's embedding of every face.
        with_conditions: Whether to add the columns of `evaluation.predictions.conditions`.
        threads: Threads that read and crop images.
        name: What the table calls the model; its own name by default.
    """

    def read_crop(path: Path) -> tuple[NDArray[np.uint8], bool, dict[str, float]] | None:
        located = face_of(content(path), detector, samples.tight)
        if located is None:
            return None
        image, face = located
        measured = conditions.conditions(image, face) if with_conditions else {}
        return predictor.crops(image, [face])[0], face is not None, measured

    crops = enumerate(map_in_threads(samples.paths, read_crop, threads))
    rows: list[int] = []
    batches: list[Columns] = []
    face_found: list[bool] = []
    measured_conditions: list[dict[str, float]] = []
    while batch := list(islice(crops, BATCH_SIZE)):
        readable = [(i, *item) for i, item in batch if item is not None]
        if readable:
            stack = np.stack([crop for _, crop, _, _ in readable])
            batches.append(predict_columns(predictor, stack, embedding))
            rows += [i for i, *_ in readable]
            face_found += [has_face for _, _, has_face, _ in readable]
            measured_conditions += [measured for *_, measured in readable]
    if not rows:
        return pa.table({}), len(samples)
    readable_samples = samples.take(np.array(rows))
    table = assemble(readable_samples, batches, face_found, name or predictor.card.name, base)
    if with_conditions:
        for column, values in conditions.columns(measured_conditions).items():
            if column not in table.column_names:  # a data set's own group stays
                table = table.append_column(column, values)
    return table, len(samples) - len(rows)


def describe(
    predictor: FaceModel, samples: Samples, detector: Detector, name: str | None = None
) -> Meta:
    """Return where a table of these predictions comes from: model, data, detector, versions."""
    return Meta(
        model=name or predictor.card.name,
        card_sha256=hashlib.sha256(predictor.card.to_json().encode()).hexdigest(),
        dataset=samples.name,
        split=samples.split,
        fingerprint=samples.fingerprint,
        detector=detector.name,
        left_out=len(samples.problems),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=system.versions(system.COMPUTING_PACKAGES),
        thresholds=dict(predictor.card.thresholds),
        operating_point=predictor.card.operating_point,
    )
