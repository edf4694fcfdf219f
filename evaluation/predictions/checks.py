"""The checks of a predictions table's values: no row twice, probabilities, numbers, votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.labels import AGE_MAX, FERPLUS8
from evaluation.predictions.row_error import refuse
from evaluation.predictions.tasks import (
    HIGH,
    LOW,
    MAX_CLASSES,
    P_GENDER,
    PRED,
    SPACES,
    TRUE,
    P,
    is_regression,
    task_names,
)

SUM_TOLERANCE = 0.02
"""Probabilities rounded to two decimals still pass; logits do not."""

Columns = Mapping[str, pa.Array]


def check_values(columns: Columns) -> None:
    """Check the values of columns that have the contract's types.

    Raises:
        DataError: Names the column, the first row (counted from 1) and the fix.
    """
    _check_ids(columns)
    _check_emotion_labels(columns)
    tasks = task_names(list(columns))
    for task in dict.fromkeys((*SPACES, "age", *tasks)):
        truth = columns.get(task + TRUE)
        if task == "age" or (truth is not None and is_regression(task, truth.type)):
            _check_numbers(columns, task)
        else:
            _check_classes(columns, task)
    _check_votes(columns)


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


def _check_emotion_labels(columns: Columns) -> None:
    unknown = [
        n
        for n in columns
        if n.startswith("emotion_p_") and n[len("emotion_p_") :] not in FERPLUS8.labels
    ]
    if unknown:
        raise DataError(
            f"Expected columns emotion_p_<label> with labels {', '.join(FERPLUS8.labels)}, "
            f"got {unknown[0]!r}; rename it."
        )


def _check_classes(columns: Columns, task: str) -> None:
    """Check the number of classes of a task, and its probabilities."""
    labels = [c for c in (task + TRUE, task + PRED) if c in columns]
    distinct = {v for c in labels for v in pc.unique(columns[c]).to_pylist() if v is not None}
    if len(distinct) > MAX_CLASSES:
        raise DataError(
            f"Expected at most {MAX_CLASSES:,} classes in `{labels[0]}`, got {len(distinct):,}; if "
            f"these are numbers, add --regression {task}."
        )
    names = [n for n in columns if n.startswith(task + P)]
    if task == "gender":
        _check_range(columns, [n for n in names if n == P_GENDER])  # one of two: it has no sum
        return
    if len(names) > MAX_CLASSES:
        raise DataError(
            f"Expected probabilities of at most {MAX_CLASSES:,} classes, got {len(names):,} of "
            f"`{task}`; leave some out."
        )
    _check_range(columns, names)
    _check_sums(columns, task, names)


def _check_range(columns: Columns, names: Sequence[str]) -> None:
    for name in names:
        is_valid = pc.and_(
            pc.greater_equal(columns[name], -1e-6), pc.less_equal(columns[name], 1 + 1e-6)
        )
        if (row := _first(pc.invert(is_valid))) is not None:
            refuse(
                f"column `{name}`",
                "in [0, 1]",
                columns[name][row],
                row,
                "apply a softmax to logits (--softmax), divide percents by 100 (--percent).",
            )


def _check_sums(columns: Columns, task: str, names: Sequence[str]) -> None:
    """Refuse a row whose probabilities are there in part, or do not sum to 1."""
    if not names:
        return
    # (labels, N)
    nulls = np.stack([pc.is_null(columns[n]).to_numpy(zero_copy_only=False) for n in names])
    mixed = np.flatnonzero(nulls.any(axis=0) != nulls.all(axis=0))
    if len(mixed):
        refuse(
            f"columns `{task}{P}*`",
            "all filled or all empty",
            "some of them",
            int(mixed[0]),
            "complete the row.",
        )
    # (N,), NaN where null
    total = np.sum([columns[n].to_numpy(zero_copy_only=False) for n in names], axis=0)
    if len(off := np.flatnonzero(np.abs(total - 1) > SUM_TOLERANCE)):
        row = int(off[0])
        refuse(
            f"columns `{task}{P}*`",
            "probabilities that sum to 1",
            f"{total[row]:.3f}",
            row,
            "is a label's column missing?",
        )


def _check_numbers(columns: Columns, task: str) -> None:
    """Check the values and intervals of a regression."""
    for name in (task + TRUE, task + PRED, task + LOW, task + HIGH):
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
    low, high = task + LOW, task + HIGH
    ends = [n in columns for n in (low, high)]
    if any(ends) != all(ends):
        raise DataError(
            f"Expected both columns `{low}` and `{high}` or neither, got one; add the other."
        )
    if all(ends) and (row := _first(pc.greater(columns[low], columns[high]))) is not None:
        refuse(
            f"column `{low}`",
            f"at most `{high}`",
            f"{columns[low][row]} > {columns[high][row]}",
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
