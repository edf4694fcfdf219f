"""Two tables of predictions, compared on the samples that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.types import Floats
from evaluation.analysis.by_group.groups import table_sample
from evaluation.analysis.comparison import (
    Comparison,
    Disagreement,
    Disagreements,
    Pairs,
    TaskComparison,
    compare_pairs,
)
from evaluation.predictions import arrays
from evaluation.predictions.tasks import SPACES, tasks_of


class TruthsDifferError(DataError):
    """No sample of several tables has the same truth in all of them."""

    def __init__(
        self, task: str, n: int, sample_id: str, truth: str | float, other: str | float
    ) -> None:
        super().__init__(
            f"Expected the same `{task}_true` in all tables, got other values for each of the {n} "
            f"samples that all have, such as {truth!r} and {other!r} for {sample_id!r}; compare "
            "predictions of one data set, with its labels spelt alike."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The samples of both tables, row by row the same.

    Attributes:
        only_a, only_b: samples that the other table lacks.
    """

    a: pa.Table
    b: pa.Table
    only_a: int
    only_b: int


def match(a: pa.Table, b: pa.Table) -> Matched:
    """Pair the rows of two one-model tables by `sample_id`.

    Raises:
        DataError: they have no sample in common.
    """
    at = pc.index_in(a["sample_id"], b["sample_id"])
    in_both = pc.is_valid(at)
    rows = pc.filter(at, in_both)
    if len(rows) == 0:
        ids = [t["sample_id"][0].as_py() if len(t) else "nothing" for t in (a, b)]
        raise DataError(
            f"Expected the same `sample_id`s in both tables, got {ids[0]!r} and {ids[1]!r} and "
            "none in common; predict one split."
        )
    return Matched(a.filter(in_both), b.take(rows), len(a) - len(rows), len(b) - len(rows))


def compare(a: pa.Table, b: pa.Table, *, limit: int = 20) -> Comparison:
    """Compare two one-model tables; limit: disagreements listed per kind.

    Raises:
        DataError: no sample or no task in common.
    """
    pair = match(a, b)
    groups = arrays.coded_groups(pair.b) | arrays.coded_groups(pair.a)
    tasks = tasks_of(pair.a)
    reports, differing = {}, []
    for task in tasks:
        try:
            others = {n: g for n, g in groups.items() if n != task}
            reports[task] = _compare_task(pair, task, others, limit)
        except TruthsDifferError as error:
            differing.append(error)
    comparison = Comparison(
        a=a["model"][0].as_py(),
        b=b["model"][0].as_py(),
        matched=len(pair.a),
        only_a=pair.only_a,
        only_b=pair.only_b,
        tasks={task: report for task, report in reports.items() if report is not None},
        titles={name: task.title for name, task in tasks.items()},
    )
    if not comparison.tasks and differing:
        raise differing[0]
    if not comparison.tasks:
        raise DataError(
            "Expected a task with truth and predictions in both tables, got none; look at "
            "`python -m evaluation report` of each."
        )
    return comparison


def _compare_task(
    pair: Matched, task: str, groups: dict[str, arrays.Coded], limit: int
) -> TaskComparison | None:
    """Compare on one task; None where no row of both has it.

    Raises:
        TruthsDifferError: the tables state different truths for each row.
    """
    a, b = (arrays.all_tasks(table).get(task) for table in (pair.a, pair.b))
    if a is None or b is None:
        return None
    labels = joint_labels(task, (a, b))
    rows, in_a, in_b = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
    true, pred_a = values(a, labels, in_a)
    other, pred_b = values(b, labels, in_b)
    if len(rows) == 0:
        return None
    same = true == other
    if not same.any():
        first = pair.a["sample_id"][int(rows[0])].as_py()
        raise TruthsDifferError(
            task, len(rows), first, text(true[0], labels), text(other[0], labels)
        )
    rows = rows[same]
    named = next((table for table in (pair.a, pair.b) if arrays.cluster_name(table)), pair.a)
    pairs = Pairs(
        labels,
        true[same],
        pred_a[same],
        pred_b[same],
        {name: group.at(rows) for name, group in groups.items()},
        table_sample(named).part(rows),
        int((~same).sum()),
    )
    disagreements = _disagreements(pairs, pair.a["sample_id"].take(rows), limit)
    return replace(compare_pairs(pairs), disagreements=disagreements)


def joint_labels(
    task: str, sides: Sequence[arrays.Numbers | arrays.Classes]
) -> tuple[str, ...] | None:
    """Return the labels of a task that any of several tables uses; None for numbers.

    Raises:
        DataError: it is classes in one table and numbers in another.
    """
    classes = [side for side in sides if isinstance(side, arrays.Classes)]
    if classes and len(classes) < len(sides):
        raise DataError(
            f"Expected `{task}` to be classes or numbers in all tables, got some of each; rename "
            "one with --map."
        )
    used = dict.fromkeys(label for side in classes for label in side.labels)
    space = SPACES[task].labels if task in SPACES else used
    return tuple(label for label in space if label in used) if classes else None


def values(
    side: arrays.Numbers | arrays.Classes, labels: tuple[str, ...] | None, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and prediction of int (n,) `rows`: numbers, or indices into `labels`.

    Numbers are rounded to float32: one file may store them so and another as text, and the rest of
    the digits is no difference.
    """
    if labels is None or isinstance(side, arrays.Numbers):
        return _as_float32(side.true[rows]), _as_float32(side.pred[rows])
    place = np.array([labels.index(label) for label in side.labels])
    return place[side.true[rows]], place[side.pred[rows]]


def _as_float32(values: Floats) -> Floats:
    """Return values (n,) as float32 holds them; those beyond its range as they are."""
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(rounded), rounded, values)


def text(value: np.number[Any], labels: tuple[str, ...] | None) -> str | float:
    """Return a truth or a prediction of `values` as reports have it."""
    return float(value) if labels is None else labels[int(value)]


def _disagreements(pairs: Pairs, ids: pa.ChunkedArray, limit: int) -> Disagreements:
    """List at most `limit` per kind; ages by the distance of the two predictions."""
    true, a, b, labels = pairs.true, pairs.a, pairs.b, pairs.labels
    differ = a != b
    kinds: dict[str | None, np.ndarray] = {
        "a": (a == true) & differ,
        "b": (b == true) & differ,
        "neither": (a != true) & (b != true) & differ,
    }
    chosen = [(kind, i) for kind, mask in kinds.items() for i in np.flatnonzero(mask)[:limit]]
    if labels is None:
        farthest = np.argsort(-np.abs(a - b), kind="stable")[:limit]
        chosen = [(None, i) for i in farthest[differ[farthest]]]
    rows = []
    for kind, i in chosen:
        texts = [text(v[i], labels) for v in (true, a, b)]
        rows.append(Disagreement(ids[int(i)].as_py(), texts[0], texts[1], texts[2], kind))
    return Disagreements(int(differ.sum()), rows)
