"""Columns that name no task, such as `label`, `prob_cat` and `cat`: which task they belong to.

Names do not always say it: `mask_pred` beside `label` and `prob_on` is the prediction of the same
task, `pred_time` is not. The classes in the columns decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from evaluation.predictions.importing.column_names import (
    BARE_TASKS,
    GENERIC,
    SAME_TASK,
    TaskColumns,
)
from evaluation.predictions.importing.labels import canonical, distinct, is_binary, label_column
from evaluation.predictions.tasks import SPACES


def read_label_columns(
    names: Sequence[str], table: pa.Table, tasks: Mapping[str, TaskColumns]
) -> None:
    """Take columns that are called like the labels of a truth for their probabilities."""
    used = {c for t in tasks.values() for c in t.names}
    free = [name for name in names if name and name not in used]
    for task in tasks.values():
        if not task.true or task.p or task.list_column:
            continue
        kind = table.schema.field(task.true).type
        if not pa.types.is_string(kind) and not pa.types.is_integer(kind):
            continue
        labels = [str(v) for v in pc.unique(table[task.true]).to_pylist() if v is not None]
        by_name = {name.strip().casefold(): name for name in free}
        named = {label: by_name.get(label.strip().casefold(), "") for label in labels}
        if 2 <= len(labels) <= len(free) and all(named.values()):
            order = table.column_names.index
            task.p = dict(sorted(named.items(), key=lambda pair: order(pair[1])))
            free = [name for name in free if name not in named.values()]


def read_bare(
    names: Sequence[str], slugs: Mapping[str, str], table: pa.Table, tasks: dict[str, TaskColumns]
) -> None:
    """Find a column called `emotion`, `gender` or `age`: the truth or the prediction."""
    generic = tasks.get(GENERIC, TaskColumns())
    is_predicted = _has_probabilities(generic, table)
    for name in names:
        if slugs[name] not in BARE_TASKS or pa.types.is_nested(table.schema.field(name).type):
            continue
        task = SAME_TASK.get(slugs[name], slugs[name])
        columns = tasks.get(task, TaskColumns())
        if name in columns.names:
            continue
        has_prediction = columns.pred or columns.p or columns.list_column
        if columns.true and not has_prediction:
            columns.pred = name
        elif not columns.true and has_prediction:
            columns.true = name
        elif columns.true or bool(generic.true) == bool(generic.pred):
            continue
        elif generic.true and (not is_predicted or _has_labels_of(task, name, generic, table)):
            columns.pred = name
        elif generic.pred and (task in SPACES or not (generic.p or generic.list_column)):
            columns.true = name  # an age is no truth of probabilities
        else:
            continue
        tasks[task] = columns


def join_generic(table: pa.Table, tasks: dict[str, TaskColumns]) -> None:
    """Give the columns of no named task to the one task that lacks them."""
    generic = tasks.get(GENERIC)
    if generic is None or (generic.is_complete and generic.pred):
        return
    lacking = {
        name: t for name, t in tasks.items() if name != GENERIC and not t.is_complete and t.names
    }
    if _has_probabilities(generic, table):  # a task by itself, unless another is the same one
        lacking = {n: t for n, t in lacking.items() if _is_same_task(n, t, generic, table)}
    if len(lacking) != 1:
        return
    [task] = lacking.values()
    for role in ("true", "pred", "list_column"):
        if not getattr(task, role):
            setattr(task, role, getattr(generic, role))
    task.p = task.p or generic.p
    if task.is_complete:
        del tasks[GENERIC]


def _has_probabilities(generic: TaskColumns, table: pa.Table) -> bool:
    """Return whether a truth has probabilities; a score is one of the second of two classes."""
    if not generic.true:
        return False
    is_scored = bool(generic.score) and is_binary(_labels(generic.true, table))
    return bool(generic.p or generic.list_column or is_scored)


def _is_same_task(name: str, task: TaskColumns, generic: TaskColumns, table: pa.Table) -> bool:
    """Return whether a task with a truth alone, or predictions alone, is the one of `generic`."""
    truth = _labels(generic.true, table)
    if task.true:  # the other truth may be its codes
        own = _labels(task.true, table)
        return _are_alike(name, own, generic.p) and not _are_alike(name, truth, generic.p)
    own = _labels(task.pred, table) if task.pred else list(task.p)
    if name in SPACES and own and all(canonical(label, SPACES[name]) for label in own):
        are_codes = bool(truth) and label_column(generic.true, table[generic.true]).is_code
        return are_codes or bool(_canonical(name, truth))
    return _are_alike(name, own, [*truth, *generic.p])


def _has_labels_of(task: str, column: str, generic: TaskColumns, table: pa.Table) -> bool:
    """Return whether a column has the labels of a known task, and those of the generic truth."""
    if task not in SPACES:
        return False
    own = _canonical(task, _labels(column, table))
    return _are_alike(task, own, [*_labels(generic.true, table), *generic.p])


def _canonical(task: str, labels: Iterable[str]) -> list[str]:
    return [name for label in labels if (name := canonical(label, SPACES[task]))]


def _are_alike(task: str, own: Iterable[str], others: Iterable[str]) -> bool:
    """Return whether most labels of a column are among others, whatever their spelling."""
    space = SPACES.get(task)

    def keys(labels: Iterable[str]) -> set[str]:
        return {(space and canonical(label, space)) or label.casefold() for label in labels}

    return 2 * len(keys(own) & keys(others)) > len(keys(own))


def _labels(column: str, table: pa.Table) -> list[str]:
    """Return the different values of a column; none where they can be no labels."""
    kind, t = table.schema.field(column).type, pa.types
    if not (t.is_string(kind) or t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind)):
        return []
    return distinct(label_column(column, table[column]))
