"""One task of a foreign table: its labels or numbers, and its probabilities, in the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from core.errors import DataError
from core.types import Floats
from evaluation.predictions.importing import class_names, probabilities
from evaluation.predictions.importing import labels as label_columns
from evaluation.predictions.importing.column_names import GENERIC, TaskColumns
from evaluation.predictions.importing.labels import LabelColumn, label_column
from evaluation.predictions.importing.numbers import Parsed, is_whole, parse
from evaluation.predictions.importing.options import ImportOptions
from evaluation.predictions.importing.probabilities import ClassScoreMatrix
from evaluation.predictions.row_error import refuse
from evaluation.predictions.tasks import MAX_CLASSES, P_GENDER, SPACES, UNITS

GENERIC_NUMBER = "target"
"""The task of a table that names none, where it predicts numbers."""
MAX_LABELS_SHOWN = 12


@dataclass(frozen=True, slots=True, eq=False)
class ImportedTask:
    """Columns of the contract of one task, and what was taken for what.

    Attributes:
        name: of the task, "" where it was left out.
        columns: of the contract.
        labels: of a classification in their order; empty where they are known or numbers.
        unit: of a regression.
        note: in words.
        more_notes, warnings: further sentences.
    """

    name: str
    columns: dict[str, pa.Array] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    unit: str = ""
    note: str = ""
    more_notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def import_task(
    name: str, columns: TaskColumns, table: pa.Table, delimiter: str, options: ImportOptions
) -> ImportedTask:
    """Return one task of a table in the form of the contract.

    Raises:
        DataError: names the column, the row and the fix.
    """
    if table[columns.true].null_count == len(table):
        return ImportedTask("", note=f"`{columns.true}` is empty: no task")
    numbers = _numbers(name, columns, table, delimiter, options)
    if numbers is not None:
        return numbers
    return _classes(name, columns, table, delimiter, options)


def _numbers(
    name: str, columns: TaskColumns, table: pa.Table, delimiter: str, options: ImportOptions
) -> ImportedTask | None:
    """Return a regression; None where the task is a classification."""
    is_declared = name == "age" or name in options.regressions
    is_declared |= name == GENERIC and GENERIC_NUMBER in options.regressions
    if not columns.pred or (name in SPACES and not is_declared):
        return None
    parts = {
        end: (column, parse(table[column], delimiter))
        for end in ("true", "pred", "low", "high")
        if (column := getattr(columns, end))
    }
    true, pred = parts["true"][1], parts["pred"][1]
    if is_declared:
        for column, parsed in parts.values():
            if parsed is None:
                _refuse_no_number(column, table[column], delimiter)
    elif true is None or pred is None or not _are_real(true, pred):
        return None
    task = GENERIC_NUMBER if name == GENERIC else name
    unit = options.units.get(task) or options.units.get(name) or UNITS.get(task, "")
    values = {f"{task}_{end}": p.values for end, (_, p) in parts.items() if p is not None}
    note = f"task `{task}`: a regression, truth `{columns.true}`, prediction `{columns.pred}`"
    ends = " and ".join(f"`{parts[e][0]}`" for e in ("low", "high") if e in parts)
    note += f", interval {ends}" if ends else ""
    note += f", in {unit}" if unit else f"; its unit: --unit {task}=UNIT"
    return ImportedTask(task, values, unit=unit, note=note)


def _are_real(true: Parsed, pred: Parsed) -> bool:
    """Return whether numbers are measured ones, not codes of classes or a probability."""
    if is_whole(true.values) and is_whole(pred.values):
        return False
    truths = set(true.values.drop_null().unique().to_pylist())
    if truths <= {0.0, 1.0}:
        guesses = pred.values.drop_null().to_numpy(zero_copy_only=False)
        return not bool(((guesses >= 0) & (guesses <= 1)).all())
    return True


def _refuse_no_number(name: str, column: pa.ChunkedArray, delimiter: str) -> None:
    for row, value in enumerate(column.to_pylist()):
        if value is not None and parse(pa.array([value]), delimiter) is None:
            fix = "correct it or leave it empty."
            refuse(f"column `{name}`", "a number", repr(value), row, fix)
    raise DataError(f"Expected numbers in column {name!r}, got other values; write one a row.")


def _classes(
    name: str, columns: TaskColumns, table: pa.Table, delimiter: str, options: ImportOptions
) -> ImportedTask:
    """Return a classification: its labels, codes and probabilities under the same class names."""
    true = label_column(columns.true, table[columns.true])
    matrix, pred, notes = _predictions(name, columns, true, table, delimiter)
    given = options.labels_of(name)
    true, pred, notes = class_names.with_names(name, true, pred, given, notes)
    if len(label_columns.distinct(true)) > MAX_CLASSES:
        raise DataError(
            f"Expected at most {MAX_CLASSES:,} classes in column {columns.true!r}, got "
            f"{len(label_columns.distinct(true)):,}; if these are numbers, add --regression "
            f"{GENERIC_NUMBER if name == GENERIC else name}."
        )
    if matrix is not None:
        matrix, note = class_names.with_labels(matrix, true, pred, given)
        notes += [note] if note else []
    every = label_columns.distinct(true, *([pred] if pred else []))
    every += matrix.labels if matrix is not None and matrix.labels else []
    space = (
        label_columns.known_space(every) if name == GENERIC else name if name in SPACES else None
    )
    task = space or name
    if task in SPACES:
        true, pred, matrix = class_names.in_space(task, true, pred, matrix)
    else:
        true, pred, matrix, note = class_names.in_one_case(true, pred, matrix)
        notes += [note] if note else []
    return _classification(task, true, pred, matrix, given, columns, options, notes)


def _predictions(
    name: str, columns: TaskColumns, true: LabelColumn, table: pa.Table, delimiter: str
) -> tuple[ClassScoreMatrix | None, LabelColumn | None, list[str]]:
    """Return probabilities and predicted classes, whichever there are."""
    notes: list[str] = []
    score = columns.score if not (columns.pred or columns.p or columns.list_column) else ""
    if columns.pred and not columns.p and not columns.list_column:
        parsed = parse(table[columns.pred], delimiter)
        if parsed is not None and not is_whole(parsed.values):
            score = columns.pred  # one probability a row
    if score:
        return _of_score(name, score, true, table, delimiter), None, notes
    pred = label_column(columns.pred, table[columns.pred]) if columns.pred else None
    matrix: ClassScoreMatrix | None = None
    if columns.p:
        values = probabilities.of_columns(table, columns.p, delimiter)
        if isinstance(values, str):
            if pred is None:
                _refuse_no_number(values, table[values], delimiter)
            notes.append(f"`{values}` and its like are no numbers: not used")
        else:
            matrix = values
    elif columns.list_column:
        matrix = probabilities.of_list(columns.list_column, table[columns.list_column])
        if probabilities.most_probable_alone(matrix):
            pred = pred or _most_probable(columns.list_column, matrix)
            matrix = None
            notes.append(
                f"`{columns.list_column}` has the most probable classes alone: they give the "
                "prediction, not its probabilities"
            )
    if pred is not None and pred.values.null_count == len(table):
        pred = None
    if matrix is not None and np.isnan(matrix.values).all():
        matrix = None
    if pred is None and matrix is None:
        raise DataError(
            f"Expected predictions of `{name}`, got none in {len(table):,} rows of "
            f"{columns.pred or columns.list_column or next(iter(columns.p.values()))!r}; fill it."
        )
    return matrix, pred, notes


def _most_probable(name: str, matrix: ClassScoreMatrix) -> LabelColumn:
    has_scores = ~np.isnan(matrix.values).any(axis=1)
    best = np.nan_to_num(matrix.values).argmax(axis=1)
    labels = np.array(matrix.labels, dtype=object)[best]
    return LabelColumn(name, pa.array(np.where(has_scores, labels, None), pa.string()), False)


def _of_score(
    name: str, column: str, true: LabelColumn, table: pa.Table, delimiter: str
) -> ClassScoreMatrix:
    labels = label_columns.distinct(true)
    parsed = parse(table[column], delimiter)
    if parsed is None:
        _refuse_no_number(column, table[column], delimiter)
    assert parsed is not None
    p = parsed.values.to_numpy(zero_copy_only=False).astype(np.float64)
    scores = p[~np.isnan(p)]
    if not len(scores):
        raise DataError(
            f"Expected classes or a probability for each in column {column!r} for {name!r}, got "
            "no value in any row."
        )
    if not label_columns.is_binary(labels) or scores.min() < 0 or scores.max() > 1:
        raise DataError(
            f"Expected classes or a probability for each in column {column!r} for {name!r}, got "
            f"numbers such as {scores.min():.3g}; add --regression {name}, or name the columns of "
            "probabilities prob_<label>."
        )
    pair = ["false", "true"] if "true" in labels or "false" in labels else ["0", "1"]
    return ClassScoreMatrix([column], pair, np.stack([1 - p, p], axis=1))


def _classification(
    task: str,
    true: LabelColumn,
    pred: LabelColumn | None,
    matrix: ClassScoreMatrix | None,
    given: Sequence[str],
    source: TaskColumns,
    options: ImportOptions,
    notes: list[str],
) -> ImportedTask:
    columns = {f"{task}_true": true.values}
    warnings = []
    note = f"task `{task}`: truth `{source.true}`"
    if pred is not None:
        columns[f"{task}_pred"] = pred.values
        note += f", prediction `{pred.name}`"
    space = SPACES.get(task)
    labels = [(space and label_columns.canonical(v, space)) or v for v in given]
    if matrix is not None and matrix.labels is not None:
        p, matrix_note = _probabilities(task, matrix, matrix.labels, options)
        columns |= probabilities.to_columns(task, matrix.labels, p)
        note += matrix_note
        labels = labels or matrix.labels
        warning = probabilities.order_warning(
            task, matrix.labels, p, true.values, pred.values if pred else None
        )
        warnings += [warning] if warning else []
        if task == "gender":
            _only_first(columns, matrix.labels)
    occurring = label_columns.distinct(true, *([pred] if pred else []))
    every = list(dict.fromkeys([*labels, *occurring]))
    more = " ..." if len(every) > MAX_LABELS_SHOWN else ""
    word = "class" if len(every) == 1 else "classes"
    note += f", {len(every)} {word}: {', '.join(every[:MAX_LABELS_SHOWN])}{more}"
    return ImportedTask(
        task,
        columns,
        labels=() if task in SPACES else tuple(every),
        note=note,
        more_notes=tuple(notes),
        warnings=tuple(warnings),
    )


def _probabilities(
    task: str, matrix: ClassScoreMatrix, labels: Sequence[str], options: ImportOptions
) -> tuple[Floats, str]:
    """Return the probabilities (N, k) of the classes `labels`, and what the note says of them."""
    if len(set(labels)) < len(labels):
        raise DataError(
            f"Expected one column of probabilities for each class of `{task}`, got two that "
            f"mean the same among {', '.join(matrix.columns[:8])}; drop one."
        )
    p, change = probabilities.rescaled(
        matrix, task, softmax=options.softmax, percent=options.percent
    )
    many = len(matrix.columns) > 1
    shown = f"{matrix.columns[0]}` to `{matrix.columns[-1]}" if many else matrix.columns[0]
    return p, f", probabilities `{shown}`" + (f" ({change})" if change else "")


def _only_first(columns: dict[str, pa.Array], labels: Sequence[str]) -> None:
    """Keep the probability of the first gender alone, as the contract has it."""
    others = [f"gender_p_{label}" for label in labels if f"gender_p_{label}" != P_GENDER]
    for name in others:
        other = columns.pop(name)
        if P_GENDER not in columns:
            p = 1 - other.to_numpy(zero_copy_only=False).astype(np.float64)
            columns[P_GENDER] = pa.array(p.astype(np.float32), from_pandas=True)
