"""A predictions table as numpy arrays, which metrics, comparisons and pages compute on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2, age_decade
from core.types import Floats
from evaluation.predictions.meta import Meta
from evaluation.predictions.schema import GROUP
from evaluation.predictions.tasks import HIGH, LOW, P_GENDER, PRED, TRUE, P, label_space, tasks_of

T = TypeVar("T", bound=np.generic)
Integers = NDArray[np.int64]

CLUSTERS = ("subject", "identity", "person", "sequence", "video")
"""Group columns that name clusters: their samples are not independent.

Intervals draw them together, and they are no slices.
"""
OLDEST_DECADE = 80
"""From this age on, all ages are one decade, as in `core.labels.age_decade`."""


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Rows with a true and a predicted class.

    Attributes:
        labels: those of the task's label space that occur.
        rows: (n,) indices into the table.
        true, pred: (n,) indices into `labels`.
        p: (n, len(labels)), NaN in rows without probabilities, None where no row has any; a label
            without a column has 0.
    """

    labels: tuple[str, ...]
    rows: Integers
    true: Integers
    pred: Integers
    p: Floats | None

    def with_probabilities(self) -> Classes | None:
        """Return only the rows that have probabilities; None where no row has any."""
        if self.p is None:
            return None
        has_p = ~np.isnan(self.p[:, 0])
        if has_p.all():
            return self
        rows, true, pred = (values[has_p] for values in (self.rows, self.true, self.pred))
        return Classes(self.labels, rows, true, pred, self.p.T[:, has_p].T)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Rows with a true and a predicted number, such as an age in years.

    Attributes:
        rows: (n,) indices into the table.
        true, pred: (n,).
        low, high: (n,) ends of the interval, NaN in rows without one, None where no row has one.
    """

    rows: Integers
    true: Floats
    pred: Floats
    low: Floats | None
    high: Floats | None


def one_model(table: pa.Table, model: str | None = None) -> pa.Table:
    """Return the rows of `model`; None takes the table's only one.

    Raises:
        DataError: Several models and none named, or no such model.
    """
    models = pc.unique(table["model"]).to_pylist()
    if model is None and len(models) == 1:
        return table
    if model not in models:
        names = ", ".join(sorted(models))
        raise DataError(f"Expected --model to be one of {names}, got {model!r}.")
    return table.filter(pc.equal(table["model"], model))


def numbers(table: pa.Table, name: str) -> Floats | None:
    """Return a column as (N,), NaN where null; None where there is no such column."""
    if name not in table.column_names:
        return None
    values: Floats = table[name].to_numpy().astype(np.float64)
    return values


def codes(table: pa.Table, name: str, labels: tuple[str, ...]) -> Integers | None:
    """Return a label column as (N,) indices into `labels`, -1 where null.

    None where there is no such column.
    """
    if name not in table.column_names:
        return None
    indices = pc.fill_null(pc.index_in(table[name], pa.array(labels)), -1)
    codes: Integers = indices.to_numpy().astype(np.int64)
    return codes


def probabilities(table: pa.Table, task: str, labels: tuple[str, ...]) -> Floats | None:
    """Return probabilities (N, len(labels)), rows normalised to 1, NaN where null.

    None where the table has no probabilities of `task`.
    """
    if task == "gender":
        first = numbers(table, P_GENDER)
        return None if first is None else np.stack([first, 1 - first], axis=1)
    columns = [numbers(table, task + P + label) for label in labels]
    present = next((c for c in columns if c is not None), None)
    if present is None:
        return None
    absent = np.where(np.isnan(present), np.nan, 0.0)
    # (labels, N): what follows works on whole columns
    p = np.stack([absent if c is None else c for c in columns])
    p /= p.sum(axis=0)
    return p.T


def most_probable(p: Floats) -> tuple[Floats, Integers]:
    """Return the largest probability of each row of (N, k) `p`, and its class, both (N,).

    Of equal ones the first; a NaN row gives class 0.
    """
    confidence, label = p[:, 0].copy(), np.zeros(len(p), np.int64)
    for c in range(1, p.shape[1]):
        label[p[:, c] > confidence] = c
        np.maximum(confidence, p[:, c], out=confidence)
    return confidence, label


def classes(table: pa.Table, task: str) -> Classes | None:
    """Return the classes of a classification task in a conforming table.

    The predicted class is the `*_pred` column where filled, else the most probable one. None where
    no row has both a truth and a prediction.
    """
    if task + TRUE not in table.column_names:
        return None
    space = label_space(table, task, Meta.of(table).labels.get(task, ()))
    true, pred, p = (
        codes(table, task + TRUE, space),
        codes(table, task + PRED, space),
        probabilities(table, task, space),
    )
    if true is None or (pred is None and p is None):
        return None
    if p is not None:
        most_likely = np.where(np.isnan(p[:, 0]), -1, most_probable(p)[1])
        pred = most_likely if pred is None else np.where(pred >= 0, pred, most_likely)
    assert pred is not None
    rows = np.flatnonzero((true >= 0) & (pred >= 0))
    if len(rows) == 0:
        return None
    if len(rows) < len(true):
        true, pred, p = true[rows], pred[rows], None if p is None else p.T[:, rows].T
    p = None if p is None or np.isnan(p[:, 0]).all() else p
    is_used = (
        np.bincount(true, minlength=len(space)) + np.bincount(pred, minlength=len(space))
    ) > 0
    if p is not None:
        is_used |= (p > 0).any(axis=0)  # NaN is not
    position = np.cumsum(is_used) - 1  # index in `space` -> index among the used labels
    labels = tuple(label for label, used in zip(space, is_used, strict=True) if used)
    if is_used.all():
        return Classes(labels, rows, true, pred, p)
    return Classes(
        labels, rows, position[true], position[pred], None if p is None else p.T[is_used].T
    )


def regression(table: pa.Table, task: str) -> Numbers | None:
    """Return the numbers of a regression; None where no row has a truth and a prediction."""
    true, pred = numbers(table, task + TRUE), numbers(table, task + PRED)
    if true is None or pred is None:
        return None
    rows = np.flatnonzero(~np.isnan(true) & ~np.isnan(pred))
    if len(rows) == 0:
        return None
    low, high = numbers(table, task + LOW), numbers(table, task + HIGH)
    if low is None or high is None or np.isnan(low[rows] + high[rows]).all():
        return Numbers(rows, true[rows], pred[rows], None, None)
    return Numbers(rows, true[rows], pred[rows], low[rows], high[rows])


def all_tasks(table: pa.Table) -> dict[str, Classes | Numbers]:
    """Return every task of a conforming table that has rows with a truth and a prediction."""
    tasks = {
        name: regression(table, name) if task.is_regression else classes(table, name)
        for name, task in tasks_of(table).items()
    }
    return {name: values for name, values in tasks.items() if values is not None}


def votes(table: pa.Table) -> Floats | None:
    """Return vote shares (N, 8) in the order of FERPLUS8, NaN where null; None without any."""
    if "emotion_votes" not in table.column_names or table["emotion_votes"].null_count == len(table):
        return None
    column = table["emotion_votes"].combine_chunks()
    shares = np.full((len(table), len(FERPLUS8)), np.nan)
    shares[column.is_valid().to_numpy(zero_copy_only=False)] = (
        column.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(FERPLUS8))
    )
    return shares


def only(values: NDArray[T], rows: Integers) -> NDArray[T]:
    """Return `values[rows]` for ascending `rows` (n,), without a copy where that is all."""
    return values if len(rows) == len(values) else values[rows]


def named(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Return a column of texts (N,) with null in place of "": both are no name."""
    return pc.if_else(pc.equal(column, ""), None, column)


def cluster_name(table: pa.Table) -> str | None:
    """Return the column that `clusters` goes by; None where the table has none of CLUSTERS."""
    return next((GROUP + c for c in CLUSTERS if GROUP + c in table.column_names), None)


def clusters(table: pa.Table) -> Integers | None:
    """Return the cluster of each sample (N,), e.g. its person, by the first of CLUSTERS there is.

    A sample without a name, null or "", is a cluster of its own. None without such a column.
    """
    name = cluster_name(table)
    if name is None:
        return None
    indices = named(table[name].combine_chunks()).dictionary_encode().indices
    index = pc.fill_null(indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    n_named = int(index.max()) + 1 if len(index) else 0
    return np.where(index >= 0, index, n_named + np.arange(len(index)))


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A group column: its values in order, and (N,) indices into them, -1 where unknown."""

    values: tuple[str, ...]
    codes: Integers

    def at(self, rows: Integers) -> Coded:
        """Return only `rows` (n,); values without rows are kept."""
        return Coded(self.values, only(self.codes, rows))


def coded(column: NDArray[np.str_] | pa.ChunkedArray | pa.Array) -> Coded:
    """Return a column of strings (N,) as `Coded`; null and "" are unknown."""
    array = pa.array(column) if isinstance(column, np.ndarray) else column
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    encoded = array.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    order = sorted((i for i, v in enumerate(values) if v), key=lambda i: str(values[i]))
    position = np.full(len(values) + 1, -1)  # the last is null's
    position[order] = np.arange(len(order))
    return Coded(
        tuple(str(values[i]) for i in order),
        position[pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)],
    )


def coded_groups(table: pa.Table) -> dict[str, Coded]:
    """Return group name -> its values.

    The `group_*` columns but for CLUSTERS, the decade of the true age, and the true gender.
    """
    columns = [
        n
        for n in table.column_names
        if n.startswith(GROUP) and n.removeprefix(GROUP) not in CLUSTERS
    ]
    groups = {n.removeprefix(GROUP): coded(table[n]) for n in columns}
    true = numbers(table, "age_true")
    if true is not None and "age_decade" not in groups:
        has_age = ~np.isnan(true)
        decade = np.where(has_age, np.minimum(np.nan_to_num(true), OLDEST_DECADE) // 10, -1).astype(
            np.int64
        )
        names = [age_decade(10 * i) for i in range(OLDEST_DECADE // 10 + 1)]
        decades = np.unique(decade[has_age])
        position = np.full(len(names) + 1, -1)
        position[decades] = np.arange(len(decades))
        groups["age_decade"] = Coded(tuple(names[i] for i in decades), position[decade])
    gender = codes(table, "gender_true", GENDER2.labels)
    if gender is not None and "gender" not in groups:
        groups["gender"] = Coded(GENDER2.labels, gender)
    return groups
