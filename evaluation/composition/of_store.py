"""The labels in tables of predictions, where a data set has no manifest."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluation.composition.classes import ClassCounts
from evaluation.composition.group_order import in_order
from evaluation.composition.listing import NO_SPLIT, ClassColumn, coded_splits
from evaluation.store import Store, Where

# Several models predict for one sample, which counts once.
SAMPLES = (
    "SELECT any_value(t.split) AS split, any_value({column}) AS value FROM t WHERE {clause} "
    "GROUP BY t.key"
)


def class_columns(store: Store) -> dict[str, str]:
    """Return tasks and groups that hold classes -> their column in the store."""
    tasks = {task: f"{task}_true" for task in store.tasks if not store.is_regression(task)}
    groups = {
        f"group_{name}": column
        for name, column in store.group_columns.items()
        if column not in tasks.values()
    }
    return tasks | groups


def number_columns(store: Store) -> dict[str, str]:
    """Return tasks that are numbers -> their column in the store."""
    return {task: f"{task}_true" for task in store.tasks if store.is_regression(task)}


def class_counts(store: Store, where: Where, column: str) -> ClassCounts:
    """Count the classes of the samples that pass a filter, by split.

    Args:
        store: the tables.
        where: which rows.
        column: a value of `class_columns`.
    """
    rows = _count(store, where, f"t.{column}", column)
    splits = coded_splits(rows["split"])
    task = column.removesuffix("_true")
    occurring = {value for value in rows[column] if value}
    in_space = [label for label in store.label_space(task) if label in occurring]
    labels = (*in_space, *in_order(occurring - set(in_space)))
    table = np.zeros((len(splits.labels), len(labels) + 1), np.int64)
    place = {label: i + 1 for i, label in enumerate(labels)}
    for split, value, n in zip(splits.codes, rows[column], rows["n"], strict=True):
        table[split, place.get(value, 0)] += n
    return ClassCounts(labels, splits.labels, table[:, 1:], table[:, 0])


def split_counts(store: Store, where: Where) -> dict[str, int]:
    """Return split -> samples that pass a filter."""
    rows = _count(store, where, "1", "value")
    counts = dict(zip((split or NO_SPLIT for split in rows["split"]), rows["n"], strict=True))
    return {split: counts[split] for split in coded_splits(rows["split"]).labels}


def _count(store: Store, where: Where, value: str, name: str) -> dict[str, list[Any]]:
    """Return the samples (`n`) of each split and each value of an SQL expression, by column."""
    clause, params = store.clause(where)
    samples = SAMPLES.format(column=value, clause=clause)
    query = f"SELECT split, value AS {name}, count(*) AS n FROM ({samples}) GROUP BY 1, 2"
    columns: dict[str, list[Any]] = store.in_words(store.arrow(query, params)).to_pydict()
    return columns


def numbers(store: Store, where: Where, column: str) -> tuple[np.ndarray, ClassColumn]:
    """Return the numbers of the samples that pass a filter, and their splits.

    Args:
        store: the tables.
        where: which rows.
        column: a value of `number_columns`.

    Returns:
        float64 (N,), NaN where unknown, and the split of each.
    """
    clause, params = store.clause(where)
    samples = SAMPLES.format(column=f"t.{column}::DOUBLE", clause=clause)
    rows = store.arrow(f"SELECT split, coalesce(value, 'nan') AS value FROM ({samples})", params)
    values = rows["value"].to_numpy()
    words = store.in_words(rows.select(["split"]))["split"]
    return values, coded_splits(words.to_pylist())
