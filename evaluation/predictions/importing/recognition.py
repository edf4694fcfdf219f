"""Which column is what, by usual names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from evaluation.predictions.importing.column_names import (
    BARE_TASKS,
    FIXED,
    FIXED_NAMES,
    GENERIC,
    ID_NAMES,
    INDEX_NAMES,
    LIST_WORDS,
    PRED_WORDS,
    PROBABILITY,
    SAME_TASK,
    SCORE_WORDS,
    TRUE_WORDS,
    TaskColumns,
    slug,
)
from evaluation.predictions.importing.generic_columns import (
    join_generic,
    read_bare,
    read_label_columns,
)
from evaluation.predictions.schema import CONDITION, GROUP
from evaluation.predictions.tasks import is_task_name


@dataclass(slots=True)
class Recognition:
    """What the columns are.

    Attributes:
        fixed: column of the contract that no task has -> column of the file.
        tasks: by name.
        unused: columns that are nothing known.
    """

    fixed: dict[str, str]
    tasks: dict[str, TaskColumns]
    unused: list[str]


def recognise(table: pa.Table) -> Recognition:
    """Return what the columns of a table are, by their names, their types and their labels."""
    schema, names = table.schema, table.column_names
    slugs = {name: slug(name) for name in names}
    fixed = _fixed(names, slugs, schema)
    taken = {*fixed.values()} - {fixed.get("path", "")}
    taken |= {n for n in names if n.startswith((GROUP, CONDITION)) or n == "emotion_votes"}
    rest = [n for n in names if n not in taken]
    tasks: dict[str, TaskColumns] = {}
    _read_task_names(_without_probabilities(rest, slugs), slugs, tasks)
    _read_probabilities(rest, schema, tasks)
    _read_lists(rest, slugs, schema, tasks)
    read_label_columns(rest, table, tasks)
    read_bare(rest, slugs, table, tasks)
    join_generic(table, tasks)
    read_label_columns(rest, table, tasks)  # of truths that were found since
    used = {c for t in tasks.values() for c in t.names} | taken
    used |= {fixed["path"]} if "path" in fixed else set()
    return Recognition(fixed, tasks, [n for n in names if n not in used and n])


def _fixed(names: Sequence[str], slugs: dict[str, str], schema: pa.Schema) -> dict[str, str]:
    fixed = {name: name for name in FIXED if name in names}
    names = [n for n in names if not pa.types.is_nested(schema.field(n).type)]  # pixels, boxes
    for ours, others in FIXED_NAMES.items():
        column = next((n for other in others for n in names if slugs[n] == other), None)
        if column and ours not in fixed:
            fixed[ours] = column
    if "sample_id" not in fixed:
        column = next((n for word in ID_NAMES for n in names if slugs[n] == word), None)
        index = [n for n in names if slugs[n] in INDEX_NAMES or slugs[n].startswith("unnamed_")]
        column = column or next(iter(index), None)
        if column is not None:
            fixed["sample_id"] = column
    return fixed


def _without_probabilities(names: Sequence[str], slugs: dict[str, str]) -> list[str]:
    """Return the names that are no probabilities, such as `prob_x_y`, whose label is `x_y`.

    Without the prediction that belongs to it, it is no truth `y` of a task `prob_x`.
    """
    matches = {name: PROBABILITY.fullmatch(name) for name in names}
    stems = {name: name[: match.start("label")] for name, match in matches.items() if match}
    roles = {n: (_task_of(slugs[n], TRUE_WORDS), _task_of(slugs[n], PRED_WORDS)) for n in names}
    truths, predictions = zip(*roles.values(), strict=True) if roles else ((), ())
    complete = {*truths} & {*predictions} - {None}
    siblings = Counter(stems.values())
    return [n for n in names if siblings[stems.get(n, "")] < 2 or complete & {*roles[n]}]


def _read_task_names(
    names: Sequence[str], slugs: dict[str, str], tasks: dict[str, TaskColumns]
) -> None:
    """Find `<task>_true`, `true_<task>`, `y_true` and their like."""
    others = {*slugs.values()}
    for name in (n for n in names if not _is_coordinate(slugs[n], others)):
        for role, words in (("true", TRUE_WORDS), ("pred", PRED_WORDS)):
            task = _task_of(slugs[name], words)
            if task is not None:
                columns = tasks.setdefault(task, TaskColumns())
                other = getattr(columns, role)
                if not other or _rank(slugs[name], words) < _rank(slugs[other], words):
                    setattr(columns, role, name)
                break
    for name in names:
        for role, ends in (("low", ("low", "lower")), ("high", ("high", "upper"))):
            stem, _, end = slugs[name].rpartition("_")
            if end in ends and stem in tasks:
                setattr(tasks[stem], role, name)
    for name in names:  # `mask` beside `mask_pred`
        task = SAME_TASK.get(slugs[name], slugs[name])
        if task in tasks and task != GENERIC and name not in tasks[task].names:
            columns = tasks[task]
            if not columns.true and columns.pred:
                columns.true = name
            elif not columns.pred and columns.true:
                columns.pred = name


def _is_coordinate(name: str, others: Collection[str]) -> bool:
    """Return whether a name with `y` is that of a place, as the same one with `x` is there."""
    parts = name.split("_")
    if "y" not in parts or name in PRED_WORDS or (name != "y" and name in TRUE_WORDS):
        return False
    if name == "y" and {"y_pred", "ypred", "y_hat", "yhat"} & {*others}:
        return False  # a regression from x to y
    return "_".join("x" if part == "y" else part for part in parts) in others


def _rank(name: str, words: Sequence[str]) -> int:
    """Return the place of the surest word in a name."""
    places = (i for i, word in enumerate(words) if f"_{word}_" in f"_{name}_")
    return words.index(name) if name in words else min(places)


def _task_of(name: str, words: Sequence[str]) -> str | None:
    """Return the task of a name such as `emotion_true`, GENERIC of `y_true`, None of another."""
    if name in words:
        return GENERIC
    for word in sorted(words, key=len, reverse=True):
        for stem in (
            name.removesuffix(f"_{word}") if name.endswith(f"_{word}") else "",
            name.removeprefix(f"{word}_") if name.startswith(f"{word}_") else "",
        ):
            if not stem:
                continue
            if stem in PRED_WORDS and words is LIST_WORDS:  # `predictions.logits`
                return GENERIC
            if stem in TRUE_WORDS or stem in PRED_WORDS:  # `predicted_label`, `ground_truth_label`
                is_prediction = stem in PRED_WORDS or word in PRED_WORDS
                return GENERIC if is_prediction == (words is PRED_WORDS) else None
            if stem in (*LIST_WORDS, *SCORE_WORDS):  # `prediction_score`
                return None
            stem = re.sub(r"_(label|class)$", "", stem)
            if is_task_name(stem):
                return SAME_TASK.get(stem, stem)
    return None


def _read_probabilities(
    names: Sequence[str], schema: pa.Schema, tasks: dict[str, TaskColumns]
) -> None:
    """Find `<task>_p_<label>`, `prob_<label>`, and `emotion.<label>` of nested numbers."""
    taken = {c for t in tasks.values() for c in t.names}
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        match = PROBABILITY.fullmatch(name)
        if match and name not in taken:
            stem = slug(match["task"] or "")
            generic = not stem or stem in TRUE_WORDS or stem in PRED_WORDS
            task = GENERIC if generic else SAME_TASK.get(stem, stem)
            groups.setdefault(task, {})[match["label"].strip()] = name
        elif "." in name and name not in taken:
            stem, _, label = name.partition(".")
            stem = SAME_TASK.get(slug(stem), slug(stem))
            is_number = pa.types.is_floating(schema.field(name).type)
            if is_number and stem in (*BARE_TASKS, *tasks):
                groups.setdefault(stem, {})[label] = name
    for task, columns in groups.items():
        if is_task_name(task) and (len(columns) > 1 or task == "gender"):
            tasks.setdefault(task, TaskColumns()).p = columns


def _read_lists(
    names: Sequence[str], slugs: dict[str, str], schema: pa.Schema, tasks: dict[str, TaskColumns]
) -> None:
    taken = {c for t in tasks.values() for c in t.names}
    for name in names:
        if name in taken:
            kind = schema.field(name).type
            owner = next((t for t in tasks.values() if t.pred == name), None)
            if owner is not None and _is_list(kind):  # a column `prediction` of lists
                owner.pred, owner.list_column = "", name
            continue
        task = _task_of(slugs[name], LIST_WORDS)
        kind = schema.field(name).type
        if task is None:
            continue
        columns = tasks.get(task) or tasks.setdefault(task, TaskColumns())
        is_text = pa.types.is_string(kind) and slugs[name].endswith(("s", "softmax", "proba"))
        if _is_list(kind) or is_text:
            if not columns.list_column:
                columns.list_column = name
        elif slugs[name] in SCORE_WORDS and task == GENERIC:
            columns.score = name


def _is_list(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind))
