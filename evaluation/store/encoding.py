"""Encoding of a predictions table's columns for the store: classes and texts as integers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.labels import FERPLUS8, GENDER2
from evaluation.metrics import regression
from evaluation.predictions import arrays
from evaluation.predictions.schema import P_COLUMNS, P_EMOTION, P_GENDER, TASKS

TASK_LABELS = {"emotion": FERPLUS8.labels, "gender": GENDER2.labels}
"""Labels of each classification task; a class is stored as its index in them."""
NAME_COLUMNS = ("model", "dataset", "split")
"""Columns of names, stored as codes; groups are stored in the same way."""
AGE_COLUMNS = ("age_true", "age_pred", "age_low", "age_high")

Columns = dict[str, pa.Array | pa.ChunkedArray]


TextCodes = dict[str, int]
"""The code of each text in order of appearance, the same for all parts of all files."""


def _encode(texts: pa.Array, codes: TextCodes) -> pa.Array:
    """Return the uint32 codes of strings (N,), null where null; new texts get new codes."""
    encoded = texts.dictionary_encode()
    used = [codes.setdefault(text, len(codes)) for text in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(used, pa.uint32()), encoded.indices)


def column_types(
    available: set[str], group_columns: list[str], *, has_embedding: bool
) -> dict[str, str]:
    """Return the DuckDB type of each column of the store.

    UTINYINT codes for classes, FLOAT for numbers, UINTEGER codes for texts that repeat.

    Args:
        available: columns that any of the files has.
        group_columns: those of them that are groups.
        has_embedding: whether embeddings are kept.
    """
    types = {
        "file": "UTINYINT",
        "key": "UBIGINT",
        "sample_id": "VARCHAR",
        **dict.fromkeys(NAME_COLUMNS, "UINTEGER"),
    }
    for task in TASK_LABELS:
        true, preds = TASKS[task]
        if {true, *preds} & available:
            types |= {true: "UTINYINT", f"{task}_pred": "UTINYINT"}
        if set(preds[1:]) & available:
            types[f"{task}_conf"] = "FLOAT"
    kinds = {
        "path": "VARCHAR",
        **dict.fromkeys((*P_COLUMNS, P_GENDER, *AGE_COLUMNS), "FLOAT"),
        "face_found": "BOOLEAN",
        "emotion_votes": "FLOAT[]",
        **dict.fromkeys(group_columns, "UINTEGER"),
    }
    types |= {name: kind for name, kind in kinds.items() if name in available}
    types |= {"age_decade": "UTINYINT"} if "age_true" in available else {}
    return types | ({"embedding": "FLOAT[]"} if has_embedding else {})


def encode_columns(part: pa.Table, codes: dict[str, TextCodes], file_index: int) -> Columns:
    """Return the columns of the store for some rows of a file, all but `key`.

    Args:
        part: rows that conform to the contract.
        codes: column of names or groups -> its codes, to which new texts are added.
        file_index: place of the file among those that are opened.
    """
    no_texts = pa.nulls(len(part), pa.string())
    columns: Columns = {
        "file": pa.array(np.full(len(part), file_index, np.uint8)),
        "sample_id": part["sample_id"],
    }
    for name, column_codes in codes.items():
        texts = part[name].combine_chunks() if name in part.column_names else no_texts
        texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        texts = pc.fill_null(texts, "") if name in NAME_COLUMNS else texts
        columns[name] = _encode(texts, column_codes)
    for name in ("path", *AGE_COLUMNS, "face_found", "emotion_votes", "embedding"):
        if name in part.column_names:
            columns[name] = part[name]
    for task, labels in TASK_LABELS.items():
        columns |= _class_columns(part, task, labels)
    if "age_true" in part.column_names:
        age = part["age_true"].to_numpy()
        columns["age_decade"] = _uint8_codes(
            np.where(np.isnan(age), -1, regression.bands(np.nan_to_num(age)))
        )
    return columns


def _class_columns(part: pa.Table, task: str, labels: tuple[str, ...]) -> dict[str, pa.Array]:
    """Return codes of truth and prediction, the confidence, and all probabilities.

    The prediction is the column where filled, else the most probable class.
    """
    true, pred = (arrays.codes(part, f"{task}_{which}", labels) for which in ("true", "pred"))
    p = arrays.probabilities(part, task, labels)
    columns: dict[str, pa.Array] = {} if true is None else {f"{task}_true": _uint8_codes(true)}
    if p is not None:
        best = np.where(np.isnan(p[:, 0]), -1, np.nan_to_num(p).argmax(axis=1))
        pred = best if pred is None else np.where(pred >= 0, pred, best)
        columns[f"{task}_conf"] = _float32(p.max(axis=1))
        if task == "gender":
            columns[P_GENDER] = _float32(p[:, 0])
        else:
            columns |= {P_EMOTION + label: _float32(p[:, i]) for i, label in enumerate(labels)}
    return columns if pred is None else columns | {f"{task}_pred": _uint8_codes(pred)}


def _uint8_codes(codes: np.ndarray) -> pa.Array:
    return pa.array(np.maximum(codes, 0).astype(np.uint8), mask=codes < 0)


def _float32(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32), from_pandas=True)
