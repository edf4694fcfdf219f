"""Encoding of a predictions table's columns for the store: classes and texts as integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.metrics import regression
from evaluation.predictions import arrays
from evaluation.predictions.importing.probabilities import disagreement_warning
from evaluation.predictions.tasks import HIGH, LOW, P_GENDER, PRED, TRUE, P, Task

NAME_COLUMNS = ("model", "dataset", "split")
"""Columns of names, stored as codes; groups are stored in the same way."""

Columns = dict[str, pa.Array | pa.ChunkedArray]


TextCodes = dict[str, int]
"""The code of each text in order of appearance, the same for all parts of all files."""


def _encode(texts: pa.Array, codes: TextCodes) -> pa.Array:
    """Return the uint32 codes of strings (N,), null where null; new texts get new codes."""
    encoded = texts.dictionary_encode()
    used = [codes.setdefault(text, len(codes)) for text in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(used, pa.uint32()), encoded.indices)


@dataclass
class OrderCheck:
    """How many predicted classes are not the most probable ones, part by part."""

    rows: int = 0
    differs: int = 0

    def add(self, pred: np.ndarray, most_probable: np.ndarray) -> None:
        """Count the rows of a part that have both.

        Args:
            pred: int (N,), predicted classes; -1 for none.
            most_probable: int (N,), classes with the highest probability; -1 for none.
        """
        has_both = (pred >= 0) & (most_probable >= 0)
        self.rows += int(has_both.sum())
        self.differs += int((has_both & (pred != most_probable)).sum())

    def warning(self, task: str) -> str | None:
        """Return a warning where they are many."""
        return disagreement_warning(task, self.differs, self.rows)


def probability_column(task: Task, code: int) -> str | None:
    """Return the store's column of a class's probability; None where it has none of its own."""
    assert task.labels is not None
    if task.name == "gender":
        return P_GENDER if code == 0 else None
    is_known = task.name == "emotion"  # other labels need not be fit for names of columns
    return f"{task.name}{P}{task.labels[code] if is_known else code}"


def column_types(
    available: set[str],
    tasks: Iterable[Task],
    group_columns: list[str],
    *,
    has_embedding: bool,
) -> dict[str, str]:
    """Return the DuckDB type of each column of the store.

    UTINYINT or USMALLINT codes for classes, FLOAT or DOUBLE for numbers, UINTEGER codes for texts
    that repeat.

    Args:
        available: columns that any of the files has.
        tasks: the tasks of all files.
        group_columns: those of them that are groups.
        has_embedding: whether embeddings are kept.
    """
    types = {
        "file": "UTINYINT",
        "key": "UBIGINT",
        "sample_id": "VARCHAR",
        **dict.fromkeys(NAME_COLUMNS, "UINTEGER"),
    }
    for task in tasks:
        types |= _task_types(available, task)
    kinds = {
        "path": "VARCHAR",
        "face_found": "BOOLEAN",
        "emotion_votes": "FLOAT[]",
        **dict.fromkeys(group_columns, "UINTEGER"),
    }
    types |= {name: kind for name, kind in kinds.items() if name in available}
    types |= {"age_decade": "UTINYINT"} if "age_true" in available else {}
    return types | ({"embedding": "FLOAT[]"} if has_embedding else {})


def _task_types(available: set[str], task: Task) -> dict[str, str]:
    true, pred = task.name + TRUE, task.name + PRED
    if task.labels is None:
        kind = "FLOAT" if task.name == "age" else "DOUBLE"
        names = (true, pred, task.name + LOW, task.name + HIGH)
        return {name: kind for name in names if name in available}
    labels = [i for i, label in enumerate(task.labels) if f"{task.name}{P}{label}" in available]
    columns = [c for i in labels if (c := probability_column(task, i))]
    if not columns and not {true, pred} & available:
        return {}
    code = "UTINYINT" if len(task.labels) < 256 else "USMALLINT"
    confidence = {f"{task.name}_conf": "FLOAT"} if columns else {}
    return {true: code, pred: code} | confidence | dict.fromkeys(columns, "FLOAT")


def encode_columns(
    part: pa.Table,
    tasks: Iterable[Task],
    codes: dict[str, TextCodes],
    file_index: int,
    order: Mapping[str, OrderCheck],
) -> Columns:
    """Return the columns of the store for some rows of a file, all but `key`.

    Args:
        part: rows that conform to the contract.
        tasks: the tasks of all files.
        codes: column of names or groups -> its codes, to which new texts are added.
        file_index: place of the file among those that are opened.
        order: counts of each classification task, which are updated.
    """
    no_texts = pa.nulls(len(part), pa.string())
    columns: Columns = {
        "file": pa.array(np.full(len(part), file_index, np.uint8)),
        "sample_id": part["sample_id"],
    }
    for name, column_codes in codes.items():
        texts = part[name].combine_chunks() if name in part.column_names else no_texts
        texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        texts = pc.fill_null(texts, "") if name in NAME_COLUMNS else arrays.named(texts)
        columns[name] = _encode(texts, column_codes)
    numbers = [t.name + end for t in tasks if t.is_regression for end in (TRUE, PRED, LOW, HIGH)]
    for name in ("path", *numbers, "face_found", "emotion_votes", "embedding"):
        if name in part.column_names:
            columns[name] = part[name]
    for task in tasks:
        if task.labels is not None:
            columns |= _class_columns(part, task, task.labels, order[task.name])
    if "age_true" in part.column_names:
        age = part["age_true"].to_numpy()
        decade = np.where(np.isnan(age), -1, regression.bands(np.nan_to_num(age)))
        columns["age_decade"] = _codes(decade, regression.BANDS)
    return columns


def _class_columns(
    part: pa.Table, task: Task, labels: tuple[str, ...], order: OrderCheck
) -> dict[str, pa.Array]:
    """Return codes of truth and prediction, the confidence, and all probabilities.

    The prediction is the column where filled, else the most probable class.
    """
    name = task.name
    true, pred = (arrays.codes(part, name + which, labels) for which in (TRUE, PRED))
    p = arrays.probabilities(part, name, labels)
    columns: dict[str, pa.Array] = {} if true is None else {name + TRUE: _codes(true, len(labels))}
    if p is not None:
        best = np.where(np.isnan(p[:, 0]), -1, np.nan_to_num(p).argmax(axis=1))
        if pred is not None:
            order.add(pred, best)
        pred = best if pred is None else np.where(pred >= 0, pred, best)
        columns[f"{name}_conf"] = _float32(p.max(axis=1))
        for i in range(len(labels)):
            column = probability_column(task, i)
            if column is not None:
                columns[column] = _float32(p[:, i])
    return columns if pred is None else columns | {name + PRED: _codes(pred, len(labels))}


def _codes(codes: np.ndarray, classes: int) -> pa.Array:
    """Return codes below `classes` in the smallest type that holds them; negative ones are null."""
    kind = np.uint8 if classes < 256 else np.uint16
    return pa.array(np.maximum(codes, 0).astype(kind), mask=codes < 0)


def _float32(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32), from_pandas=True)
