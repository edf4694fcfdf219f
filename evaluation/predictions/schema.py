"""The columns of a predictions table, and the check that every table passes.

Types, canonical labels, ranges, and no row twice.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from core.data.base.table_header import check_columns
from core.errors import DataError
from core.labels import FERPLUS8, LabelSpace
from core.schema import parse_json
from evaluation.predictions.checks import check_values
from evaluation.predictions.row_error import refuse
from evaluation.predictions.tasks import (
    HIGH,
    LOW,
    PRED,
    SPACES,
    TRUE,
    P,
    is_regression,
    refuse_reserved,
    task_names,
)
from evaluation.predictions.tasks import P_GENDER as P_GENDER

P_EMOTION, GROUP, CONDITION = "emotion_p_", "group_", "condition_"
P_COLUMNS = tuple(P_EMOTION + label for label in FERPLUS8.labels)
MAX_NAMES_SHOWN = 12

TYPES: dict[str, pa.DataType] = {
    "sample_id": pa.string(),
    "dataset": pa.string(),
    "split": pa.string(),
    "model": pa.string(),
    "path": pa.string(),
    "emotion_true": pa.string(),
    "emotion_votes": pa.list_(pa.float32()),
    "emotion_pred": pa.string(),
    "gender_true": pa.string(),
    "gender_pred": pa.string(),
    P_GENDER: pa.float32(),
    "gender_abstained": pa.bool_(),
    "age_true": pa.float32(),
    "age_pred": pa.float32(),
    "age_low": pa.float32(),
    "age_high": pa.float32(),
    "face_found": pa.bool_(),
    "embedding": pa.list_(pa.float32()),
}


def type_of(name: str) -> pa.DataType | None:
    """Return the Arrow type of a column that every table may have, None for any other."""
    if name.startswith((P_EMOTION, CONDITION)):
        return pa.float32()
    return pa.string() if name.startswith(GROUP) else TYPES.get(name)


def column_types(schema: pa.Schema) -> dict[str, pa.DataType]:
    """Return the Arrow types of the columns that the contract knows: everywhere, and by task."""
    types = {name: kind for name in schema.names if (kind := type_of(name)) is not None}
    for task in task_names(schema.names):
        if is_regression(task, schema.field(task + TRUE).type):
            ends = [
                n for n in (task + TRUE, task + PRED, task + LOW, task + HIGH) if n in schema.names
            ]
            types |= {n: types.get(n, pa.float64()) for n in ends}
        else:
            names = [n for n in (task + TRUE, task + PRED) if n in schema.names]
            types |= dict.fromkeys(names, pa.string())
            types |= {n: pa.float32() for n in schema.names if n.startswith(task + P)}
    return types


def some(names: Sequence[str]) -> str:
    """Return names for a message, at most MAX_NAMES_SHOWN."""
    return ", ".join(names[:MAX_NAMES_SHOWN]) + (" ..." if len(names) > MAX_NAMES_SHOWN else "")


def to_schema(table: pa.Table, *, model: str = "model") -> pa.Table:
    """Return `table` with the contract's types, canonical labels and a `model` column.

    Args:
        table: Any table with a column `sample_id`.
        model: Fills the column `model` where there is none.

    Raises:
        DataError: Names the column, the first row (counted from 1) and the fix.
    """
    check_columns(table.column_names, "the table")
    if "sample_id" not in table.column_names:
        raise DataError(
            f"Expected a column `sample_id`, got {some(table.column_names)}; "
            "rename one or try --map sample_id=COLUMN."
        )
    if "model" not in table.column_names:
        table = table.append_column("model", pa.array([model] * len(table), pa.string()))
    refuse_reserved(table.column_names)
    types = column_types(table.schema)
    columns: dict[str, pa.Array] = {}
    for name in table.column_names:
        kind, flat = types.get(name), table[name].combine_chunks()
        column = flat if kind is None else _cast(name, flat, kind)
        task = name.removesuffix(TRUE).removesuffix(PRED)
        is_label = task in SPACES and name in (task + TRUE, task + PRED)
        columns[name] = _canonical(name, column, SPACES[task]) if is_label else column
    check_values(columns)
    return pa.table(columns, metadata=table.schema.metadata)


def _cast(name: str, flat: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a column as the type of the contract; refuse the first value that does not fit."""
    if flat.type == kind:
        return flat
    if pa.types.is_dictionary(flat.type):
        flat = flat.dictionary_decode()
    if pa.types.is_string(flat.type) or pa.types.is_large_string(flat.type):
        flat = pc.utf8_trim_whitespace(flat)
        if pa.types.is_list(kind):
            return pa.array([_numbers(name, i, v) for i, v in enumerate(flat.to_pylist())], kind)
    if pa.types.is_boolean(flat.type) and pa.types.is_string(kind):
        return pc.if_else(flat, "true", "false")
    try:
        return flat.cast(kind)
    except pa.ArrowException:
        for row, value in enumerate(flat):
            try:
                value.cast(kind)
            except pa.ArrowException:
                refuse(
                    f"column `{name}`",
                    str(kind),
                    repr(value.as_py()),
                    row,
                    "correct it or leave it empty.",
                )
        raise DataError(
            f"Expected column `{name}` to be {kind}, got {flat.type}; convert it."
        ) from None


def _numbers(name: str, row: int, text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(v) for v in parse_json(text)]
    except (ValueError, TypeError):
        refuse(
            f"column `{name}`",
            "a JSON list of numbers",
            repr(str(text)[:40]),
            row,
            "write it like [0.1, 0.9] or leave it empty.",
        )


def _canonical(name: str, column: pa.Array, space: LabelSpace) -> pa.Array:
    encoded = column.dictionary_encode()
    labels = []
    for value in encoded.dictionary.to_pylist():
        try:
            labels.append(space.labels[space.index(value)])
        except DataError:
            near = difflib.get_close_matches(value.lower(), space.labels, n=1)
            fix = f"did you mean {near[0]!r}?" if near else "rename the label or drop the row."
            refuse(
                f"column `{name}`",
                f"one of {', '.join(space.labels)}",
                f"{value!r:.80}",
                int(pc.index(column, value).as_py()),
                fix,
            )
    return pc.take(pa.array(labels, pa.string()), encoded.indices)
