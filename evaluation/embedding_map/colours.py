"""What the points of a map are coloured by: a few classes, or bands of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.vocabulary import group_title
from evaluation.store.filters import Where
from evaluation.store.store import Store

MAX_CLASSES = 8
"""Classes that have a colour; with more, the most frequent ones and OTHER."""
MAX_BANDS = 7
MAX_COLOURED_VALUES = 1000
"""A group with more values is a name, not a class."""
OTHER, UNKNOWN = "other", "unknown"
GROUP_PREFIX = "g."
"""What stands before a group's name in `choices`."""


@dataclass(frozen=True, slots=True)
class Colouring:
    """The class of each row, in the order of the rows.

    Attributes:
        names: of the classes, at most 10: MAX_CLASSES, or bands that rise, then OTHER and UNKNOWN
            where they occur.
        codes: uint8 (R,), indices into `names`.
        is_ordered: whether the classes are bands of a number.
    """

    names: tuple[str, ...]
    codes: np.ndarray
    is_ordered: bool = False


def choices(store: Store, task: str, models: Sequence[str]) -> dict[str, str]:
    """Return what can be coloured by: name -> title, `label` first.

    Args:
        store: the tables.
        task: whose labels and predictions.
        models: the selected models, which are compared by `models`.
    """
    has_right = task == "age" or not store.is_regression(task)
    offered = {
        "label": ("label", f"{task}_true" in store.columns),
        "pred": ("prediction", f"{task}_pred" in store.columns),
        "right": ("right or wrong", has_right),
        "models": ("how many models are right", has_right and len(models) > 1),
        "confidence": ("confidence", f"{task}_conf" in store.columns),
        "error": ("error", store.is_regression(task)),
    }
    groups = {
        GROUP_PREFIX + name: group_title(name)
        for name, values in store.groups.items()
        if 1 < len(values) <= MAX_COLOURED_VALUES
    }
    return {name: title for name, (title, applies) in offered.items() if applies} | groups


def colouring(store: Store, where: Where, by: str, models: Sequence[str]) -> Colouring:
    """Return the classes of the rows of `where`.

    Args:
        store: the tables.
        where: which rows; names the task.
        by: one of `choices`.
        models: the selected models.
    """
    task = where.task
    if by == "models":
        return _models_right(store, where, models)
    if by == "right":
        codes = _column(store, where, f"({store.correct(task)})::INT", missing=2)
        return _without_unused(("wrong", "right", UNKNOWN), codes)
    if by.startswith(GROUP_PREFIX):
        column = store.group_column(by.removeprefix(GROUP_PREFIX))
        return _classes(_column(store, where, f"t.{column}"), store.texts[column])
    if by in ("label", "pred") and not store.is_regression(task):
        column = f"{task}_{'true' if by == 'label' else 'pred'}"
        return _classes(_column(store, where, f"t.{column}"), store.label_space(task))
    expression = {
        "label": f"t.{task}_true",
        "pred": f"t.{task}_pred",
        "confidence": f"t.{task}_conf",
        "error": f"abs(t.{task}_pred - t.{task}_true)",
    }[by]
    return bands(_column(store, where, expression, missing=np.nan))


def _column(store: Store, where: Where, expression: str, missing: float = -1) -> np.ndarray:
    """Return float64 (R,): an SQL expression of ours on the rows of `where`, in their order."""
    clause, params = store.clause(where)
    query = f"SELECT ({expression})::DOUBLE AS v FROM t WHERE {clause} ORDER BY t.rowid"
    values = store.arrow(query, params)["v"].to_numpy()
    return np.where(np.isnan(values), missing, values)


def _models_right(store: Store, where: Where, models: Sequence[str]) -> Colouring:
    """Return how many of the selected models are right on a row's sample."""
    of_models, params = store.clause(Where(task=where.task, models=tuple(models)))
    clause, row_params = store.clause(where)
    counts = (
        f"SELECT t.key, count(*) FILTER (WHERE {store.correct(where.task)}) AS n FROM t "
        f"WHERE {of_models} GROUP BY t.key"
    )
    query = (
        f"SELECT counted.n AS v FROM t LEFT JOIN ({counts}) counted ON counted.key = t.key "
        f"WHERE {clause} ORDER BY t.rowid"
    )
    n = store.arrow(query, [*params, *row_params])["v"].to_numpy()
    names = tuple(f"{i} of {len(models)} models" for i in range(len(models) + 1))
    if len(names) <= MAX_CLASSES:
        return Colouring(names, np.nan_to_num(n).astype(np.uint8), is_ordered=True)
    return bands(n.astype(float))


def _classes(codes: np.ndarray, names: Sequence[str]) -> Colouring:
    """Return the most frequent classes in their own order, then OTHER and UNKNOWN.

    Args:
        codes: float (R,), indices into `names`, -1 where missing.
        names: of all classes.
    """
    index = codes.astype(np.int64)
    counts = np.bincount(index[index >= 0], minlength=len(names))
    used = np.flatnonzero(counts)
    if len(used) > MAX_CLASSES:
        used = np.sort(used[np.argsort(-counts[used], kind="stable")][: MAX_CLASSES - 1])
    place = np.full(len(names) + 1, len(used), np.int64)  # OTHER
    place[used] = np.arange(len(used))
    place[-1] = len(used) + 1  # UNKNOWN
    return _without_unused(
        (*(names[i] or UNKNOWN for i in used.tolist()), OTHER, UNKNOWN), place[index]
    )


def _without_unused(names: tuple[str, ...], codes: np.ndarray) -> Colouring:
    used = np.unique(codes.astype(np.int64))
    place = np.zeros(len(names), np.uint8)
    place[used] = np.arange(len(used))
    return Colouring(tuple(names[i] for i in used), place[codes.astype(np.int64)])


def bands(values: np.ndarray) -> Colouring:
    """Return at most MAX_BANDS bands of equal width with round ends.

    The first and the last hold what lies beyond the 1st and the 99th percentile, too.

    Args:
        values: float (R,), NaN where unknown.
    """
    is_known = np.isfinite(values)
    if not is_known.any():
        return Colouring((UNKNOWN,), np.zeros(len(values), np.uint8))
    low, high = np.percentile(values[is_known], (1, 99))
    step = _round_step((high - low) / MAX_BANDS or 1.0)
    first = np.floor(low / step)
    n = int(np.clip(np.floor(high / step) - first + 1, 1, MAX_BANDS + 1))
    codes = np.where(is_known, np.clip(np.floor(values / step) - first, 0, n - 1), n)
    ends = [f"{(first + i) * step:.6g}" for i in range(n + 1)]
    names = [f"{ends[i]} to {ends[i + 1]}" for i in range(n)]
    names += [] if is_known.all() else [UNKNOWN]
    return Colouring(tuple(names), codes.astype(np.uint8), is_ordered=True)


def _round_step(width: float) -> float:
    """Return the smallest of 1, 2, 5, 10, ... times a power of ten that is at least `width`.

    >>> _round_step(0.13), _round_step(7), _round_step(20)
    (0.2, 10.0, 20.0)
    """
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(power * step for step in (1, 2, 5, 10) if power * step >= width * 0.999))
