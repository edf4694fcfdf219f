"""Numpy views of a predictions table: what metrics, comparisons and pages compute on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2, age_decade
from evaluation.predictions.schema import GROUP, P_EMOTION, P_GENDER, TASKS

CLUSTERS = ("subject", "identity", "person", "sequence", "video")
"""Group columns whose samples are no independent evidence: intervals draw them together, and they
are no slices.
"""

OLDEST = 80
"""From here on, ages are one decade, as `core.labels.age_decade` has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Rows with a true and a predicted class.

    rows: int64 (n,) their places in the table. true, pred: int64 (n,) indices into `labels`, those
    of the table's label space that occur. p: float64 (n, len(labels)) or None where the table has
    none for every row; a label without a column has 0.
    """

    labels: tuple[str, ...]
    rows: np.ndarray
    true: np.ndarray
    pred: np.ndarray
    p: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class Ages:
    """Rows with a true and a predicted age, years: all (n,); low and high None where the table has
    none for every row.
    """

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
    """A label column as int64 (N,) indices into `labels`, -1 where null; None where there is no
    such column.
    """
    if name not in table.column_names:
        return None
    return pc.fill_null(pc.index_in(table[name], pa.array(labels)), -1).to_numpy().astype(np.int64)


def probabilities(table: pa.Table, task: str, labels: tuple[str, ...]) -> np.ndarray | None:
    """float64 (N, len(labels)), rows renormalised to 1, NaN where null; None where the table has no
    probabilities of `task`.
    """
    if task == "gender":
        first = numbers(table, P_GENDER)
        return None if first is None else np.stack([first, 1 - first], axis=1)
    columns = [numbers(table, P_EMOTION + label) for label in labels]
    shape = next((c for c in columns if c is not None), None)
    if shape is None:
        return None
    none = np.where(np.isnan(shape), np.nan, 0.0)
    p = np.stack(
        [none if c is None else c for c in columns]
    )  # (labels, N): what follows works on whole columns
    p /= p.sum(axis=0)
    return p.T


def most_probable(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest probability, float64 (N,), and its class, int64 (N,), of float (N, k) `p`; of
    equal ones the first; a NaN row gives 0.
    """
    top, best = p[:, 0].copy(), np.zeros(len(p), np.int64)
    for c in range(1, p.shape[1]):
        more = p[:, c] > top
        best[more] = c
        np.maximum(top, p[:, c], out=top)
    return top, best


def classes(table: pa.Table, task: str) -> Classes | None:
    """`task` ("emotion" or "gender") of a conforming table; None where no row has both a truth and
    a prediction.

    The predicted class is the `*_pred` column where filled, else the most probable one.
    """
    space = (FERPLUS8 if task == "emotion" else GENDER2).labels
    true, pred, p = (
        codes(table, TASKS[task][0], space),
        codes(table, f"{task}_pred", space),
        probabilities(table, task, space),
    )
    if true is None or (pred is None and p is None):
        return None
    if p is not None:
        known = ~np.isnan(p[:, 0])
        best = np.where(known, most_probable(p)[1], -1)
        pred = best if pred is None else np.where(pred >= 0, pred, best)
    assert pred is not None
    rows = np.flatnonzero((true >= 0) & (pred >= 0))
    if len(rows) == 0:
        return None
    if len(rows) < len(true):
        true, pred, p = true[rows], pred[rows], None if p is None else p.T[:, rows].T
    p = None if p is None or np.isnan(p[:, 0]).any() else p
    used = (np.bincount(true, minlength=len(space)) + np.bincount(pred, minlength=len(space))) > 0
    if p is not None:
        used |= p.any(axis=0)
    place = np.cumsum(used) - 1  # index in `space` -> index among the used labels
    labels = tuple(label for label, u in zip(space, used, strict=True) if u)
    if used.all():
        return Classes(labels, rows, true, pred, p)
    return Classes(labels, rows, place[true], place[pred], None if p is None else p.T[used].T)


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
    """Vote shares as float64 (N, 8) in the order of FERPLUS8, NaN where null; None where the table
    has none.
    """
    if "emotion_votes" not in table.column_names or table["emotion_votes"].null_count == len(table):
        return None
    column = table["emotion_votes"].combine_chunks()
    found = np.full((len(table), len(FERPLUS8)), np.nan)
    found[column.is_valid().to_numpy(zero_copy_only=False)] = (
        column.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(FERPLUS8))
    )
    return found


def only(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`values[rows]` for int (n,) ascending `rows`, without a copy where that is all."""
    return values if len(rows) == len(values) else values[rows]


def cluster_name(table: pa.Table) -> str | None:
    """The column that `clusters` goes by; None where the table has none of CLUSTERS."""
    return next((GROUP + c for c in CLUSTERS if GROUP + c in table.column_names), None)


def clusters(table: pa.Table) -> np.ndarray | None:
    """int64 (N,): which samples belong to one person or one film, by the first of CLUSTERS that the
    table has; None where none is known.

    A sample without a name is a cluster of its own.
    """
    name = cluster_name(table)
    if name is None:
        return None
    known = table[name].combine_chunks().dictionary_encode().indices
    index = pc.fill_null(known, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    names = int(index.max()) + 1 if len(index) else 0
    return np.where(index >= 0, index, names + np.arange(len(index)))


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A group column: its known values in order, and int64 (N,) indices into them, -1 where
    unknown.
    """

    values: tuple[str, ...]
    codes: np.ndarray

    def at(self, rows: np.ndarray) -> Coded:
        """Only `rows`, int (n,); values without rows are kept."""
        return Coded(self.values, only(self.codes, rows))


def coded(column: np.ndarray | pa.ChunkedArray | pa.Array) -> Coded:
    """A column of strings as `Coded`; null and "" are unknown."""
    array = pa.array(column) if isinstance(column, np.ndarray) else column
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    encoded = array.dictionary_encode()
    found = encoded.dictionary.to_pylist()
    order = sorted((i for i, v in enumerate(found) if v), key=lambda i: str(found[i]))
    place = np.full(len(found) + 1, -1)  # the last is null's
    place[order] = np.arange(len(order))
    return Coded(
        tuple(str(found[i]) for i in order),
        place[pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)],
    )


def coded_groups(table: pa.Table) -> dict[str, Coded]:
    """Group name -> its values: the `group_*` columns but for CLUSTERS, the decade of the true age,
    the true gender.
    """
    given = [
        n
        for n in table.column_names
        if n.startswith(GROUP) and n.removeprefix(GROUP) not in CLUSTERS
    ]
    found = {n.removeprefix(GROUP): coded(table[n]) for n in given}
    true = numbers(table, "age_true")
    if true is not None and "age_decade" not in found:
        known = ~np.isnan(true)
        decade = np.where(known, np.minimum(np.nan_to_num(true), OLDEST) // 10, -1).astype(np.int64)
        names = [age_decade(10 * i) for i in range(OLDEST // 10 + 1)]
        there = np.unique(decade[known])
        place = np.full(len(names) + 1, -1)
        place[there] = np.arange(len(there))
        found["age_decade"] = Coded(tuple(names[i] for i in there), place[decade])
    gender = codes(table, "gender_true", GENDER2.labels)
    if gender is not None and "gender" not in found:
        found["gender"] = Coded(GENDER2.labels, gender)
    return found
