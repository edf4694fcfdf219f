"""Numpy views of a predictions table: what metrics, comparisons and pages compute on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2, age_decade
from evaluation.conform import GROUP, P_EMOTION, P_GENDER, TASKS

CLUSTERS = ("subject", "identity", "person", "sequence", "video")
"""Group columns whose samples are no independent evidence: intervals draw them together, and they are no slices."""


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Rows with a true and a predicted class.

    rows: int64 (n,) their places in the table. true, pred: int64 (n,) indices into `labels`, those of the table's label space that occur.
    p: float64 (n, len(labels)) or None where the table has none for every row; a label without a column has 0.
    """

    labels: tuple[str, ...]
    rows: np.ndarray
    true: np.ndarray
    pred: np.ndarray
    p: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class Ages:
    """Rows with a true and a predicted age, years: all (n,); low and high None where the table has none for every row."""

    rows: np.ndarray
    true: np.ndarray
    pred: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


def one_model(table: pa.Table, model: str | None = None) -> pa.Table:
    """The rows of `model`, or the whole table when it holds only one.

    Raises:
        DataError: several models and none named, or no such model.
    """
    there = pc.unique(table["model"]).to_pylist()
    if model is None and len(there) == 1:
        return table
    if model not in there:
        raise DataError(f"Expected --model to be one of {', '.join(sorted(there))}, got {model!r}.")
    return table.filter(pc.equal(table["model"], model))


def numbers(table: pa.Table, name: str) -> np.ndarray | None:
    """A column as float64 (N,), NaN where null; None where there is no such column."""
    return table[name].to_numpy().astype(np.float64) if name in table.column_names else None


def codes(table: pa.Table, name: str, labels: tuple[str, ...]) -> np.ndarray | None:
    """A label column as int64 (N,) indices into `labels`, -1 where null; None where there is no such column."""
    if name not in table.column_names:
        return None
    return pc.fill_null(pc.index_in(table[name], pa.array(labels)), -1).to_numpy().astype(np.int64)


def probabilities(table: pa.Table, task: str, labels: tuple[str, ...]) -> np.ndarray | None:
    """float64 (N, len(labels)), rows renormalised to 1, NaN where null; None where the table has no probabilities of `task`."""
    if task == "gender":
        first = numbers(table, P_GENDER)
        return None if first is None else np.stack([first, 1 - first], axis=1)
    columns = [numbers(table, P_EMOTION + label) for label in labels]
    if all(c is None for c in columns):
        return None
    shape = next(c for c in columns if c is not None)
    p = np.stack([np.where(np.isnan(shape), np.nan, 0.0) if c is None else c for c in columns], axis=1)
    return p / p.sum(axis=1, keepdims=True)


def classes(table: pa.Table, task: str) -> Classes | None:
    """`task` ("emotion" or "gender") of a conforming table; None where no row has both a truth and a prediction.

    The predicted class is the `*_pred` column where filled, else the most probable one.
    """
    space = (FERPLUS8 if task == "emotion" else GENDER2).labels
    true, pred, p = codes(table, TASKS[task][0], space), codes(table, f"{task}_pred", space), probabilities(table, task, space)
    if true is None or (pred is None and p is None):
        return None
    if p is not None:
        known = ~np.isnan(p[:, 0])
        best = np.where(known, np.where(np.isnan(p), -1, p).argmax(axis=1), -1)
        pred = best if pred is None else np.where(pred >= 0, pred, best)
    assert pred is not None
    rows = np.flatnonzero((true >= 0) & (pred >= 0))
    if len(rows) == 0:
        return None
    true, pred, p = true[rows], pred[rows], None if p is None or np.isnan(p[rows, 0]).any() else p[rows]
    used = np.zeros(len(space), bool)
    used[true] = used[pred] = True
    if p is not None:
        used |= p.any(axis=0)
    place = np.cumsum(used) - 1  # index in `space` -> index among the used labels
    labels = tuple(label for label, u in zip(space, used, strict=True) if u)
    return Classes(labels, rows, place[true], place[pred], None if p is None else p[:, used])


def ages(table: pa.Table) -> Ages | None:
    """Ages of a conforming table; None where no row has both a truth and a prediction."""
    true, pred = numbers(table, "age_true"), numbers(table, "age_pred")
    if true is None or pred is None:
        return None
    rows = np.flatnonzero(~np.isnan(true) & ~np.isnan(pred))
    if len(rows) == 0:
        return None
    low, high = numbers(table, "age_low"), numbers(table, "age_high")
    if low is None or high is None or np.isnan(low[rows] + high[rows]).any():
        return Ages(rows, true[rows], pred[rows], None, None)
    return Ages(rows, true[rows], pred[rows], low[rows], high[rows])


def votes(table: pa.Table) -> np.ndarray | None:
    """Vote shares as float64 (N, 8) in the order of FERPLUS8, NaN where null; None where the table has none."""
    if "emotion_votes" not in table.column_names or table["emotion_votes"].null_count == len(table):
        return None
    column = table["emotion_votes"].combine_chunks()
    found = np.full((len(table), len(FERPLUS8)), np.nan)
    found[column.is_valid().to_numpy(zero_copy_only=False)] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(FERPLUS8))
    return found


def clusters(table: pa.Table) -> np.ndarray | None:
    """int64 (N,): which samples belong to one person or one film, by the first of CLUSTERS that the table has; None where none is known.

    A sample without a name is a cluster of its own.
    """
    name = next((GROUP + c for c in CLUSTERS if GROUP + c in table.column_names), None)
    if name is None:
        return None
    known = table[name].combine_chunks().dictionary_encode().indices
    index = pc.fill_null(known, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(index >= 0, index, len(index) + np.arange(len(index)))


def groups(table: pa.Table) -> dict[str, np.ndarray]:
    """Group name -> (N,) strings, "" where unknown: the `group_*` columns but for CLUSTERS, the decade of the true age, the true gender."""
    given = [n for n in table.column_names if n.startswith(GROUP) and n.removeprefix(GROUP) not in CLUSTERS]
    found = {n.removeprefix(GROUP): pc.fill_null(table[n], "").to_numpy().astype(str) for n in given}
    true = numbers(table, "age_true")
    if true is not None:
        found.setdefault("age_decade", np.array(["" if np.isnan(a) else age_decade(a) for a in true], dtype=str))
    gender = codes(table, "gender_true", GENDER2.labels)
    if gender is not None:
        found.setdefault("gender", np.array([*GENDER2.labels, ""])[gender])
    return found
