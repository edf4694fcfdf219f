"""The names of a task's classes: one naming for the truth, the prediction and the probabilities."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from core.errors import DataError
from evaluation.predictions.importing import labels as label_columns
from evaluation.predictions.importing.labels import LabelColumn
from evaluation.predictions.importing.probabilities import ClassScoreMatrix
from evaluation.predictions.row_error import refuse
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
