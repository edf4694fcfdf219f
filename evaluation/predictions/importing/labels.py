"""Labels of a task: spellings, codes, booleans, and the order of the classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.labels import LabelSpace
from evaluation.predictions.importing.numbers import Column, is_whole, parse
from evaluation.predictions.row_error import refuse
from evaluation.predictions.tasks import SPACES, sort_key

BOOLEANS = {"true": "true", "false": "false"}


@dataclass(frozen=True, slots=True, eq=False)
class LabelColumn:
    """A column of labels as texts; is_code: they are whole numbers."""

    name: str
    values: pa.Array
    is_code: bool


def label_column(name: str, column: Column) -> LabelColumn:
    """Return a column's labels as texts: 3.0 is "3", True is "true"."""
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_boolean(flat.type):
        return LabelColumn(name, pc.if_else(flat, "true", "false"), False)
    if pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type):
        parsed = parse(flat)
        if parsed is not None and is_whole(parsed.values):
            texts = parsed.values.cast(pa.int64()).cast(pa.string())
            return LabelColumn(name, texts, True)
        return LabelColumn(name, flat.cast(pa.string()), False)
    if not pa.types.is_string(flat.type):
        raise DataError(
            f"Expected labels in column {name!r}, got {flat.type}; write one name or number a row."
        )
    texts = pc.utf8_trim_whitespace(flat)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    distinct = [v for v in pc.unique(texts).to_pylist() if v is not None]
    if distinct and all(v.lower() in BOOLEANS for v in distinct):
        return LabelColumn(name, pc.utf8_lower(texts), False)
    if distinct and all(re.fullmatch(r"-?\d{1,9}(\.0+)?", v) for v in distinct):
        is_padded = any(re.fullmatch(r"-?0\d.*", v) for v in distinct)
        if not is_padded:
            texts = pc.replace_substring_regex(texts, r"\.0+$", "")
            return LabelColumn(name, texts, True)
    return LabelColumn(name, texts, False)


def is_binary(labels: Sequence[str]) -> bool:
    """Return whether labels are those of two classes of which the second has a score."""
    return set(labels) in ({"0", "1"}, {"0"}, {"1"}, {"false", "true"})


def known_space(labels: Sequence[str]) -> str | None:
    """Return "emotion" or "gender" where all labels are spellings of its classes, else None."""
    for task, space in SPACES.items():
        if len(labels) > 1 and all(canonical(label, space) for label in labels):
            return task
    return None


def canonical(label: str, space: LabelSpace) -> str | None:
    """Return the label of a space that a spelling means, None for no known spelling."""
    try:
        return space.labels[space.index(label)]
    except DataError:
        return None


def distinct(*columns: LabelColumn) -> list[str]:
    """Return the labels of several columns, sorted; whole numbers by value."""
    values = {v for c in columns for v in pc.unique(c.values).to_pylist() if v is not None}
    return sorted(values, key=sort_key)


def named(column: LabelColumn, labels: Sequence[str], offset: int = 0) -> LabelColumn:
    """Return a column with the names of its codes.

    Args:
        column: codes, or names among `labels`, which stay.
        labels: names of the classes in the order of their codes.
        offset: the first code.

    Raises:
        DataError: a code has no name; names the row.
    """
    names = {str(i + offset): label for i, label in enumerate(labels)} if column.is_code else {}
    folded = {label.casefold(): label for label in labels}
    new = {}
    for value in distinct(column):
        name = names.get(value) or folded.get(value.casefold())
        if name is None:
            row = int(pc.index(column.values, pa.scalar(value)).as_py())
            rule = f"one of the {len(labels)} classes of --labels"
            rule += f", by name or as {offset} to {len(labels) + offset - 1}"
            refuse(f"column `{column.name}`", rule, repr(value), row, "correct it, or --labels.")
        new[value] = name
    return LabelColumn(column.name, replaced(column.values, new), False)


def replaced(values: pa.Array, new: dict[str, str]) -> pa.Array:
    """Return texts with `new` in place of what it maps."""
    encoded = values.dictionary_encode()
    texts = [new.get(v, v) for v in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(texts, pa.string()), encoded.indices)


def same_case(columns: Sequence[LabelColumn]) -> dict[str, str]:
    """Return label -> the spelling of it that is used, for those that differ by capitals only."""
    first: dict[str, str] = {}
    changes = {}
    for label in (v for column in columns for v in distinct(column)):
        used = first.setdefault(label.casefold(), label)
        if used != label:
            changes[label] = used
    return changes
