"""The columns of a predictions table, and the check that every table passes.

Types, canonical labels, ranges, and no row twice.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.data.base.table_header import check_columns
from core.errors import DataError
from core.labels import AGE_MAX, FERPLUS8, GENDER2, LabelSpace

P_EMOTION, GROUP, CONDITION = "emotion_p_", "group_", "condition_"
P_GENDER = f"gender_p_{GENDER2.labels[0]}"
P_COLUMNS = tuple(P_EMOTION + label for label in FERPLUS8.labels)
SUM_TOLERANCE = 0.02
"""Probabilities rounded to two decimals still pass; logits do not."""

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
    "age_true": pa.float32(),
    "age_pred": pa.float32(),
    "age_low": pa.float32(),
    "age_high": pa.float32(),
    "face_found": pa.bool_(),
    "embedding": pa.list_(pa.float32()),
}
LABELS: dict[str, LabelSpace] = {
    "emotion_true": FERPLUS8,
    "emotion_pred": FERPLUS8,
    "gender_true": GENDER2,
    "gender_pred": GENDER2,
}
TASKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "emotion": ("emotion_true", ("emotion_pred", *P_COLUMNS)),
    "gender": ("gender_true", ("gender_pred", P_GENDER)),
    "age": ("age_true", ("age_pred",)),
}
"""Task -> its true column, and the columns of which one is enough as a prediction."""

Columns = Mapping[str, pa.Array]


def type_of(name: str) -> pa.DataType | None:
    """Return the Arrow type of a column of the contract, None for any other."""
    if name.startswith((P_EMOTION, CONDITION)):
        return pa.float32()
    return pa.string() if name.startswith(GROUP) else TYPES.get(name)


def tasks(table: pa.Table) -> tuple[str, ...]:
    """Return the tasks of which the table has a truth and a prediction."""
    names = set(table.column_names)
    return tuple(
        task for task, (true, preds) in TASKS.items() if true in names and names & set(preds)
    )


def some(names: Sequence[str]) -> str:
    """Return names for a message, at most MAX_NAMES_SHOWN."""
    return ", ".join(names[:MAX_NAMES_SHOWN]) + (" ..." if len(names) > MAX_NAMES_SHOWN else "")


class RowError(DataError):
    """A value that does not fit. `row` is an index, people count from 1."""

    def __init__(self, columns: str, rule: str, got: object, row: int, fix: str) -> None:
        super().__init__(f"Expected {columns} to be {rule}, got {got} in row {row + 1}; {fix}")
        self.parts = (columns, rule, got, row, fix)

    def moved(self, by: int) -> RowError:
        """Return the same error for a part of a table that begins with row `by`."""
        columns, rule, got, row, fix = self.parts
        return RowError(columns, rule, got, row + by, fix)


def refuse(columns: str, rule: str, got: object, row: int, fix: str) -> NoReturn:
    """Raise `RowError`."""
    raise RowError(columns, rule, got, row, fix)


def conform(table: pa.Table, *, model: str = "model") -> pa.Table:
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
    columns: dict[str, pa.Array] = {}
    for name in table.column_names:
        kind, flat = type_of(name), table[name].combine_chunks()
        column = flat if kind is None else _cast(name, flat, kind)
        columns[name] = _canonical(name, column, LABELS[name]) if name in LABELS else column
    for check in (_check_ids, _check_probabilities, _check_ages, _check_votes):
        check(columns)
    return pa.table(columns, metadata=table.schema.metadata)


def _cast(name: str, flat: pa.Array, kind: pa.DataType) -> pa.Array:
    if flat.type == kind:
        return flat
    if pa.types.is_dictionary(flat.type):
        flat = flat.dictionary_decode()
    if pa.types.is_string(flat.type) or pa.types.is_large_string(flat.type):
        flat = pc.utf8_trim_whitespace(flat)
        if pa.types.is_list(kind):
            return pa.array([_numbers(name, i, v) for i, v in enumerate(flat.to_pylist())], kind)
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
        return None if text is None else [float(v) for v in json.loads(text)]
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
                repr(value),
                int(pc.index(column, value).as_py()),
                fix,
            )
    return pc.take(pa.array(labels, pa.string()), encoded.indices)


def _first(mask: pa.Array) -> int | None:
    """Return the index of the first true value, nulls counting as false."""
    index = int(pc.index(pc.fill_null(mask, False), True).as_py())
    return None if index < 0 else index


def _check_ids(columns: Columns) -> None:
    for name in ("sample_id", "model"):
        if (row := _first(pc.fill_null(pc.equal(columns[name], ""), True))) is not None:
            refuse(f"column `{name}`", "filled", "nothing", row, "name every sample.")
    keys = ["model", "sample_id"]
    counts = (
        pa.table({name: columns[name] for name in keys})
        .group_by(keys)
        .aggregate([([], "count_all")])
    )
    duplicates = counts.filter(pc.greater(counts["count_all"], 1))
    if len(duplicates):
        same = pc.and_(*(pc.equal(columns[name], duplicates[name][0]) for name in keys))
        rows = (np.flatnonzero(same.to_numpy(zero_copy_only=False)) + 1)[:2].tolist()
        name = duplicates["sample_id"][0].as_py()
        raise DataError(
            f"Expected one row per `sample_id` and `model`, got {name!r} in rows {rows}; "
            "drop one or name its model."
        )


def _check_probabilities(columns: Columns) -> None:
    unknown = [n for n in columns if n.startswith(P_EMOTION) and n not in P_COLUMNS]
    if unknown:
        raise DataError(
            f"Expected columns {P_EMOTION}<label> with labels {', '.join(FERPLUS8.labels)}, "
            f"got {unknown[0]!r}; rename it."
        )
    present = [n for n in P_COLUMNS if n in columns]
    for name in [*present, *([P_GENDER] if P_GENDER in columns else [])]:
        is_valid = pc.and_(
            pc.greater_equal(columns[name], -1e-6), pc.less_equal(columns[name], 1 + 1e-6)
        )
        if (row := _first(pc.invert(is_valid))) is not None:
            refuse(
                f"column `{name}`",
                "in [0, 1]",
                columns[name][row],
                row,
                "apply a softmax to logits, divide percents by 100.",
            )
    if not present:
        return
    nulls = np.stack(
        [pc.is_null(columns[n]).to_numpy(zero_copy_only=False) for n in present]
    )  # (labels, N)
    mixed = np.flatnonzero(nulls.any(axis=0) != nulls.all(axis=0))
    if len(mixed):
        refuse(
            f"columns `{P_EMOTION}*`",
            "all filled or all empty",
            "some of them",
            int(mixed[0]),
            "complete the row.",
        )
    total = np.sum(
        [columns[n].to_numpy(zero_copy_only=False) for n in present], axis=0
    )  # (N,), NaN where null
    if len(off := np.flatnonzero(np.abs(total - 1) > SUM_TOLERANCE)):
        row = int(off[0])
        refuse(
            f"columns `{P_EMOTION}*`",
            "probabilities that sum to 1",
            f"{total[row]:.3f}",
            row,
            "is a label's column missing?",
        )


def _check_ages(columns: Columns) -> None:
    for name in ("age_true", "age_pred", "age_low", "age_high"):
        if name not in columns:
            continue
        is_invalid, rule = pc.invert(pc.is_finite(columns[name])), "finite"
        if name == "age_true":
            is_invalid = pc.or_(
                is_invalid, pc.or_(pc.less(columns[name], 0), pc.greater(columns[name], AGE_MAX))
            )
            rule = f"in 0..{AGE_MAX} years"
        if (row := _first(is_invalid)) is not None:
            refuse(
                f"column `{name}`", rule, columns[name][row], row, "correct it or leave it empty."
            )
    ends = [n in columns for n in ("age_low", "age_high")]
    if any(ends) != all(ends):
        raise DataError(
            "Expected both columns `age_low` and `age_high` or neither, got one; add the other."
        )
    if (
        all(ends)
        and (row := _first(pc.greater(columns["age_low"], columns["age_high"]))) is not None
    ):
        refuse(
            "column `age_low`",
            "at most `age_high`",
            f"{columns['age_low'][row]} > {columns['age_high'][row]}",
            row,
            "swap them.",
        )


def _check_votes(columns: Columns) -> None:
    if "emotion_votes" in columns:
        lengths = pc.list_value_length(columns["emotion_votes"])
        if (row := _first(pc.not_equal(lengths, len(FERPLUS8)))) is not None:
            fix = f"give the shares of {', '.join(FERPLUS8.labels)}."
            refuse("column `emotion_votes`", f"{len(FERPLUS8)} shares", f"{lengths[row]}", row, fix)
        shares = columns["emotion_votes"].flatten().to_numpy(zero_copy_only=False)
        if len(off := np.flatnonzero(~(shares >= 0))):  # NaN is not
            row = int(
                np.flatnonzero(
                    pc.is_valid(columns["emotion_votes"]).to_numpy(zero_copy_only=False)
                )[off[0] // len(FERPLUS8)]
            )
            refuse(
                "column `emotion_votes`",
                "at least 0",
                f"{shares[off[0]]}",
                row,
                "correct the share or leave the list empty.",
            )
