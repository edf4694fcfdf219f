"""The columns of a predictions table, made from a model's outputs and a data set's labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.artifacts.card import Card
from core.data import Samples
from core.face_model import FaceModel
from core.labels import FERPLUS8, GENDER2
from evaluation.predictions.schema import GROUP, P_EMOTION, P_GENDER

Columns = dict[str, NDArray[Any]]
"""Column name -> (N,), or (N, features) for the embedding."""
Ages = Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]


def predict_columns(
    predictor: FaceModel, crops: NDArray[np.uint8], embedding: bool = False
) -> Columns:
    """Return the prediction columns of uint8 crops (N, S, S, C)."""
    values = predictor.probabilities(crops, embedding)
    return prediction_columns(predictor.card, predictor.ages, values)


def prediction_columns(card: Card, ages: Ages, values: Mapping[str, NDArray[Any]]) -> Columns:
    """Return the prediction columns for calibrated values of some of a model's tasks.

    Args:
        card: Of the model; names its heads and labels.
        ages: Values of `age` -> expected years and the ends of their interval, each (N,).
        values: Task -> (N, width), as `Predictor.calibrate` gives them; with `embedding`, (N,
            features), where it was computed.
    """
    columns: Columns = {}
    for head in (h for h in card.heads if h.task in values):
        p = values[head.task]
        if head.task == "emotion":
            names = [FERPLUS8.labels[FERPLUS8.index(label)] for label in head.labels]
            columns["emotion_pred"] = np.array(names)[p.argmax(axis=1)]
            columns |= {P_EMOTION + name: p[:, i] for i, name in enumerate(names)}
        elif head.task == "gender":
            columns[P_GENDER] = p[:, [GENDER2.index(label) for label in head.labels].index(0)]
        else:
            age, low, high = ages(p)
            columns |= {"age_pred": age, "age_low": low, "age_high": high}
            if card.gender_from_age and card.head("gender"):
                columns["gender_abstained"] = age < card.gender_from_age
    if "embedding" in values:
        columns["embedding"] = values["embedding"]
    return columns


def assemble(
    samples: Samples,
    batches: Sequence[Columns],
    face_found: Sequence[bool],
    model: str,
    base: Path,
) -> pa.Table:
    """Return identities, labels, predictions and groups of `samples` as one table.

    Args:
        samples: The N samples that were predicted.
        batches: Prediction columns, N rows together, in the order of the samples.
        face_found: (N,) whether a face was detected.
        model: What the table calls the model.
        base: Folder that `path` is relative to.
    """
    n = len(samples)
    columns: dict[str, object] = {
        "sample_id": list(samples.ids),
        "dataset": [samples.name] * n,
        "split": [samples.split] * n,
        "model": [model] * n,
        "path": relative_paths(samples, base),
        "emotion_true": _label_names(samples.emotion, FERPLUS8.labels),
        "emotion_votes": [None if np.isnan(v).any() else v.tolist() for v in samples.emotion_votes],
        "gender_true": _label_names(samples.gender, GENDER2.labels),
        "age_true": pa.array(samples.age, pa.float32(), from_pandas=True),
    }
    for name in batches[0] if batches else ():
        values = np.concatenate([batch[name] for batch in batches])
        columns[name] = list(values) if values.ndim == 2 else values
    columns |= {GROUP + name: group.astype(str) for name, group in samples.groups.items()}
    columns["face_found"] = np.array(face_found, bool)
    return pa.table(columns)


def without_empty_columns(table: pa.Table) -> pa.Table:
    """Return the columns that have any value."""
    return table.select([n for n in table.column_names if table[n].null_count < len(table)])


def absent_labels(samples: Samples) -> list[str]:
    """Return the label columns that the data set has no value for: they are left out."""
    return [
        *(["emotion_true", "emotion_votes"] if (samples.emotion < 0).all() else []),
        *(["gender_true"] if (samples.gender < 0).all() else []),
        *(["age_true"] if np.isnan(samples.age).all() else []),
    ]


def relative_paths(samples: Samples, base: Path) -> list[str]:
    """Return the files' paths below `base`.

    Below the data set's own folder where one lies outside `base`, as for a drawn data set.
    """
    is_inside = all(p.is_relative_to(base) for p in samples.paths)
    return [p.relative_to(base if is_inside else samples.root).as_posix() for p in samples.paths]


def _label_names(codes: NDArray[np.int64], labels: tuple[str, ...]) -> list[str | None]:
    return [labels[i] if i >= 0 else None for i in codes]
