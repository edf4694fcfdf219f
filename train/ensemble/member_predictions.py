"""What each member of an ensemble predicts for the validation part of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core import progress
from core.data import Samples
from core.data.base.crop_cache import UNREADABLE, prepare
from core.ensemble import Ensemble, Values, canonical
from core.errors import DataError
from core.faces import Detector, best_detector
from core.labels import FERPLUS8, GENDER2
from train.batches.data import read_split
from train.export.calibrate import Labels

BATCH = 256
SPLIT = "val"


@dataclass(frozen=True, slots=True, eq=False)
class MemberPredictions:
    """One data set's samples and the members' predictions, in the ensemble's label spaces.

    Attributes:
        samples: N, all readable.
        members: of each, as it counts in the ensemble, with flip averaging where asked for.
        alone: of each as a single model, without flip averaging.
    """

    samples: Samples
    members: list[Values]
    alone: list[Values]


def predict_members(
    ensemble: Ensemble,
    without_flip: Ensemble,
    name: str,
    folders: Mapping[str, str],
    limit: int | None = None,
) -> MemberPredictions:
    """Predict a data set's validation part with all members.

    Args:
        ensemble: the members.
        without_flip: the same members without flip averaging; the same object where none has it.
        name: of the data set.
        folders: data set -> folder.
        limit: samples, spread over the data set; None for all.

    Raises:
        DataError: no folder for the data set, or no picture that can be read.
    """
    samples = read_split(name, folders, SPLIT).spread(limit)
    detector, _ = best_detector()
    crops, readable = _crops(ensemble, samples, detector)
    samples = samples.take(readable)
    if not len(samples):
        raise DataError(
            f"Expected pictures in the {SPLIT} part of {name} that can be read, got none."
        )
    models = [ensemble] if without_flip is ensemble else [ensemble, without_flip]
    batches: list[list[list[Values]]] = []  # by batch, by model, by member
    title = f"predict {name} with {len(ensemble.members)} models"
    with progress.task(title, len(samples)) as advance:
        for start in range(0, len(readable), BATCH):
            rows = readable[start : start + BATCH]
            packed = ensemble.pack([c[rows] for c in crops])
            batches.append([model.each(packed) for model in models])
            advance(start + len(rows))
    joined = [
        [
            {
                task: np.concatenate([batch[m][i][task] for batch in batches])
                for task in batches[0][m][i]
            }
            for i in range(len(ensemble.members))
        ]
        for m in range(len(models))
    ]
    return MemberPredictions(samples, joined[0], joined[-1])


def _crops(
    ensemble: Ensemble, samples: Samples, detector: Detector
) -> tuple[list[NDArray[np.uint8]], NDArray[np.intp]]:
    """Return crops (N, S, S, C) for each of the ensemble's views, and indices of readable files."""
    views = []
    for view in ensemble.views:
        with progress.task(f"align {samples.name} {SPLIT}", len(samples)) as advance:
            views.append(prepare(samples, detector, view, progress=advance))
    readable = np.flatnonzero(np.all([v.state != UNREADABLE for v in views], axis=0))
    return [v.crops for v in views], readable


def labels_of(ensemble: Ensemble, task: str, samples: Samples) -> Labels:
    """Return the samples' labels of a task in the ensemble's label space, (N,).

    Class indices, -1 where there is none or the ensemble has no such class; years, NaN for none.
    """
    if task == "age":
        ages: Labels = samples.age
        return ages
    head = ensemble.card.head(task)
    names, codes = (
        (FERPLUS8.labels, samples.emotion)
        if task == "emotion"
        else (GENDER2.labels, samples.gender)
    )
    labels = canonical(task, head.labels) if head else ()
    # The last entry is for -1.
    index = np.array([*(labels.index(x) if x in labels else -1 for x in names), -1])
    indices: Labels = index[codes]
    return indices
