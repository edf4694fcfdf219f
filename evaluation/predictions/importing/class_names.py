"""The names of a task's classes: one naming for the truth, the prediction and the probabilities."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from evaluation.predictions.importing import labels as label_columns
from evaluation.predictions.importing.column_names import TaskColumns
from evaluation.predictions.importing.delimited import NULL_WORDS
from evaluation.predictions.importing.labels import LabelColumn
from evaluation.predictions.importing.options import ImportOptions
from evaluation.predictions.importing.probabilities import ClassScoreMatrix
from evaluation.predictions.row_error import refuse
from evaluation.predictions.schema import GROUP
from evaluation.predictions.tasks import SPACES


def with_names(
    name: str,
    true: LabelColumn,
    pred: LabelColumn | None,
    given: Sequence[str],
    notes: list[str],
) -> tuple[LabelColumn, LabelColumn | None, list[str]]:
    """Give codes the names of --labels, or refuse those that have none and need them."""
    both = [c for c in (true, pred) if c is not None]
    if given:
        codes = [int(v) for c in both if c.is_code for v in label_columns.distinct(c)]
        offset = int(bool(codes) and min(codes) >= 1 and max(codes) == len(given))
        if offset:
            notes = [*notes, f"codes 1 to {len(given)} are the labels in their order"]
        true = label_columns.named(true, given, offset)
        return true, label_columns.named(pred, given, offset) if pred else None, notes
    if name in SPACES and any(c.is_code for c in both):
        code = next(c for c in both if c.is_code)
        example = ",".join(SPACES[name].labels)
        fix = f"name the classes in the order of their codes: --labels {example}."
        refuse(f"column `{code.name}`", f"labels of {name}", code.values[0].as_py(), 0, fix)
    if len({c.is_code for c in both}) > 1:
        code = next(c for c in both if c.is_code)
        raise DataError(
            f"Expected names in both `{true.name}` and `{both[1].name}`, got numbers in "
            f"{code.name!r}; name the classes in the order of their codes with --labels."
        )
    return true, pred, notes


def with_labels(
    matrix: ClassScoreMatrix,
    true: LabelColumn,
    pred: LabelColumn | None,
    given: Sequence[str],
) -> tuple[ClassScoreMatrix | None, str]:
    """Return probabilities whose columns have labels; None where nobody knows their order."""
    k = matrix.values.shape[1]
    labels = matrix.labels
    are_codes = labels is None or all(re.fullmatch(r"\d{1,4}", label) for label in labels)
    if given and are_codes:
        if len(given) != k:
            raise DataError(
                f"Expected {k} names in --labels, one for each number in {matrix.columns[0]!r}, "
                f"got {len(given)}; name all classes in their order."
            )
        order = range(k) if labels is None else np.argsort([int(label) for label in labels])
        return ClassScoreMatrix(matrix.columns, list(given), matrix.values[:, order]), ""
    if are_codes and not true.is_code and set(labels or ()) != {"0", "1"}:
        fix = f"--labels with {k} names in the order of the classes"
        if pred is None:
            raise DataError(
                f"Expected to know which class each of the {k} numbers in {matrix.columns[0]!r} "
                f"is, got no names; add {fix}, such as --labels a,b,c."
            )
        what = f"`{matrix.columns[0]}` has {k} numbers a row of unknown classes"
        return None, f"{what}: not used; {fix} uses them"
    if labels is None:
        codes = [int(v) for v in label_columns.distinct(true, *([pred] if pred else []))]
        if codes and max(codes) >= k:
            raise DataError(
                f"Expected codes below {k}, the length of the lists in {matrix.columns[0]!r}, got "
                f"{max(codes)}; complete the lists."
            )
        labels = [str(i) for i in range(k)]
    return ClassScoreMatrix(matrix.columns, labels, matrix.values, matrix.has_percent_sign), ""


def in_space(
    task: str, true: LabelColumn, pred: LabelColumn | None, matrix: ClassScoreMatrix | None
) -> tuple[LabelColumn, LabelColumn | None, ClassScoreMatrix | None]:
    """Use the canonical labels of a known task; `to_schema` refuses the others."""
    space = SPACES[task]

    def canonical(column: LabelColumn) -> LabelColumn:
        new = {v: label_columns.canonical(v, space) or v for v in label_columns.distinct(column)}
        return LabelColumn(column.name, label_columns.replaced(column.values, new), False)

    if matrix is not None and matrix.labels is not None:
        labels = [label_columns.canonical(v, space) or v for v in matrix.labels]
        matrix = ClassScoreMatrix(matrix.columns, labels, matrix.values, matrix.has_percent_sign)
    return canonical(true), canonical(pred) if pred else None, matrix


def in_one_case(
    true: LabelColumn, pred: LabelColumn | None, matrix: ClassScoreMatrix | None
) -> tuple[LabelColumn, LabelColumn | None, ClassScoreMatrix | None, str]:
    """Use one spelling for labels that differ by capitals only."""
    columns = [c for c in (true, pred) if c is not None]
    if matrix is not None and matrix.labels is not None:
        columns.append(LabelColumn("", pa.array(matrix.labels, pa.string()), False))
    new = label_columns.same_case(columns)
    if not new:
        return true, pred, matrix, ""
    true, *rest = [
        LabelColumn(c.name, label_columns.replaced(c.values, new), c.is_code)
        for c in (true, *([pred] if pred else []))
    ]
    if matrix is not None and matrix.labels is not None:
        labels = [new.get(v, v) for v in matrix.labels]
        matrix = ClassScoreMatrix(matrix.columns, labels, matrix.values, matrix.has_percent_sign)
    old, used = next(iter(new.items()))
    return true, rest[0] if rest else None, matrix, f"{old!r} is the class {used!r}"


def with_null_words(
    table: pa.Table,
    words: Mapping[str, pa.ChunkedArray],
    tasks: Mapping[str, TaskColumns],
    options: ImportOptions,
) -> tuple[pa.Table, list[str]]:
    """Return a table with words such as `None` where they are groups or classes, and notes.

    A group's are values. A task's are classes where its labels (`--labels`), its probabilities, or
    both its truth and its prediction have them: what is missing is rarely predicted.

    Args:
        table: in which they are null.
        words: columns with them, by name.
        tasks: columns of each task.
        options: what the user says.
    """
    notes = []
    kept = {n: set(NULL_WORDS) for n in words if n.startswith(GROUP)}
    for name, task in tasks.items():
        ends = [c for c in (task.true, task.pred) if c]
        if not {*ends} & {*words}:
            continue
        values = [{*pc.unique(words.get(c, table[c])).to_pylist()} for c in ends]
        classes = {*options.labels_of(name), *task.p}
        classes |= set.intersection(*values) if len(values) > 1 else set()
        others = [str(v) for v in set().union(*values) - {None, *NULL_WORDS}]
        is_known = name in SPACES or label_columns.known_space(others) is not None
        kept |= {c: set() if is_known else classes & {*NULL_WORDS} for c in ends if c in words}
    for column, classes in kept.items():
        texts = words[column]
        is_missing = pc.is_in(texts, value_set=pa.array({*NULL_WORDS} - classes, pa.string()))
        for word in sorted({*NULL_WORDS} - classes):
            if n := pc.sum(pc.equal(texts, word)).as_py():
                fix = "" if column.startswith(GROUP) else "; if it is a class: --labels"
                notes.append(f"`{word}` in `{column}` is a missing value in {n:,} rows{fix}")
        texts = pc.if_else(is_missing, pa.scalar(None, pa.string()), texts)
        table = table.set_column(table.column_names.index(column), column, texts)
    return table, notes
