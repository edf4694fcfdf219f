"""Probabilities of foreign tables: one column a class or one list a row, logits, percent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.types import Floats
from evaluation.predictions.checks import SUM_TOLERANCE
from evaluation.predictions.importing.numbers import Column, parse
from evaluation.predictions.row_error import refuse
from evaluation.predictions.tasks import MAX_CLASSES

RARELY = 0.2
"""Share of rows whose predicted class is not the most probable one, from which a warning is due."""
CLEARLY_BETTER = 2.0
"""By what factor another class order must raise the accuracy for a warning."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassScoreMatrix:
    """Probabilities as a file has them.

    Attributes:
        columns: names of the columns, one or several.
        labels: (k,) as the file names them; None for a list without names.
        values: (N, k), NaN where missing.
        has_percent_sign: each cell ends with %.
    """

    columns: list[str]
    labels: list[str] | None
    values: Floats
    has_percent_sign: bool = False


def of_columns(table: pa.Table, columns: dict[str, str], delimiter: str) -> ClassScoreMatrix | str:
    """Return the probabilities of label -> column; the name of a column that has no numbers."""
    values, signs = [], []
    for name in columns.values():
        parsed = parse(table[name], delimiter)
        if parsed is None:
            return name
        values.append(parsed.values.to_numpy(zero_copy_only=False).astype(np.float64))
        signs.append(parsed.has_percent_sign)
    matrix = np.stack(values, axis=1) if values else np.empty((len(table), 0))
    return ClassScoreMatrix(
        list(columns.values()), list(columns), matrix, all(signs) and bool(signs)
    )


def of_list(name: str, column: Column) -> ClassScoreMatrix:
    """Return the probabilities of a column of lists, of JSON texts, or of label-score pairs.

    Raises:
        DataError: a row has another form or length; names it.
    """
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_string(flat.type):
        rows = [_parsed_list(name, i, v) for i, v in enumerate(flat.to_pylist())]
    else:
        rows = flat.to_pylist()
    if any(isinstance(v, dict) for row in rows if row for v in row):
        return _of_pairs(name, rows)
    lengths = [len(row) for row in rows if row is not None]
    if not lengths:
        return ClassScoreMatrix([name], None, np.empty((len(rows), 0)))
    width = max(set(lengths), key=lengths.count)
    if not 2 <= width <= MAX_CLASSES:
        raise DataError(
            f"Expected column {name!r} to have lists of 2 to {MAX_CLASSES:,} numbers, got {width}; "
            "write one number for each class."
        )
    matrix = np.full((len(rows), width), np.nan)
    for i, row in enumerate(rows):
        if row is None:
            continue
        if len(row) != width:
            refuse(f"column `{name}`", f"lists of {width} numbers", len(row), i, "complete it.")
        try:
            matrix[i] = [np.nan if v is None else float(str(v)) for v in row]
        except (TypeError, ValueError):
            refuse(f"column `{name}`", "a list of numbers", str(row)[:40], i, "correct it.")
    return ClassScoreMatrix([name], None, matrix)


def _parsed_list(name: str, row: int, text: str | None) -> list[object] | None:
    """Return the numbers of `[0.1, 0.9]`, `[0.1 0.9]`, or `0.1 0.9`."""
    if text is None:
        return None
    try:
        value = json.loads(text.replace("'", '"'))
    except (ValueError, RecursionError):
        words = text.strip("[]() \n").replace(",", " ").replace(";", " ").split()
        try:
            value = [float(word) for word in words]
        except ValueError:
            value = None
    if isinstance(value, dict):
        value = [{"label": k, "score": v} for k, v in value.items()]
    if not isinstance(value, list):
        fix = "write it like [0.1, 0.9] or leave it empty."
        refuse(f"column `{name}`", "a list of numbers", repr(text[:40]), row, fix)
    return value


def _of_pairs(name: str, rows: Sequence[list[object] | None]) -> ClassScoreMatrix:
    """Return the probabilities of [{"label": ..., "score": ...}, ...], as pipelines give them.

    The keys may have other names: one value is a text, the other a number.
    """
    labels: dict[str, int] = {}
    cells: list[tuple[int, int, float]] = []
    for i, row in enumerate(rows):
        for pair in row or ():
            try:
                label, score = _pair(pair)
            except (TypeError, ValueError):
                fix = 'write it like [{"label": "a", "score": 0.9}].'
                refuse(f"column `{name}`", "labels with scores", str(pair)[:40], i, fix)
            cells.append((i, labels.setdefault(label, len(labels)), score))
            if len(labels) > MAX_CLASSES:
                raise DataError(f"Expected at most {MAX_CLASSES:,} classes in {name!r}, got more.")
    matrix = np.full((len(rows), len(labels)), np.nan)
    for i, row in enumerate(rows):
        if row:
            matrix[i] = 0.0  # classes that a row leaves out
    for i, j, score in cells:
        matrix[i, j] = score
    return ClassScoreMatrix([name], list(labels), matrix)


def _pair(pair: object) -> tuple[str, float]:
    """Return the label and the score of one class; ValueError where it has other values."""
    values = list(pair.values()) if isinstance(pair, dict) else []
    [label] = [v for v in values if isinstance(v, str)]
    [score] = [float(v) for v in values if isinstance(v, int | float)]
    return label, score


def most_probable_alone(matrix: ClassScoreMatrix) -> bool:
    """Return whether rows leave out classes whose probability is not 0, as with top_k=5."""
    left_out = (matrix.values == 0).any(axis=1) & (matrix.values <= 1).all(axis=1)
    is_less = matrix.values.sum(axis=1) < 1 - SUM_TOLERANCE
    return matrix.labels is not None and bool((left_out & is_less).any())


def scale_of(values: Floats) -> str:
    """Return what (N, k) numbers look like: "probabilities", "percent" or "logits".

    By most rows: a single wrong cell does not make logits of probabilities.
    """
    rows = values[~np.isnan(values).any(axis=1)]
    if not len(rows):
        return "probabilities"
    total = rows.sum(axis=1)
    inside = ((rows >= -1e-6) & (rows <= 1 + 1e-6)).all(axis=1)
    if (inside & (np.abs(total - 1) <= SUM_TOLERANCE)).mean() >= 0.5:
        return "probabilities"
    is_percent = (rows >= -1e-4).all(axis=1) & (np.abs(total - 100) <= 100 * SUM_TOLERANCE)
    if is_percent.mean() >= 0.5:
        return "percent"
    return "probabilities" if inside.mean() > 0.5 else "logits"


def rescaled(
    matrix: ClassScoreMatrix, task: str, *, softmax: bool, percent: bool
) -> tuple[Floats, str]:
    """Return probabilities (N, k), and what was done to get them, in words.

    Raises:
        DataError: they look like logits or percent and nobody confirmed it; names the option.
    """
    values, scale = matrix.values, scale_of(matrix.values)
    columns = f"`{matrix.columns[0]}`" + (" and others" if len(matrix.columns) > 1 else "")
    if scale == "percent":
        if not percent and not matrix.has_percent_sign:
            raise DataError(
                f"Expected probabilities of `{task}` in [0, 1] in {columns}, got what looks like "
                "percent: rows that sum to 100; if they are, add --percent."
            )
        return values / 100, "percent, divided by 100"
    if scale == "logits":
        low, high = np.nanmin(values), np.nanmax(values)
        if not softmax:
            raise DataError(
                f"Expected probabilities of `{task}` in [0, 1] in {columns}, got what looks like "
                f"logits: values from {low:.3g} to {high:.3g}; if they are, add --softmax."
            )
        if np.isinf(values).any():
            row = int(np.flatnonzero(np.isinf(values).any(axis=1))[0])
            refuse(f"columns {columns}", "finite", "an infinite value", row, "correct it.")
        p = np.exp(values - values.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True), "logits, through a softmax"
    return values, ""


def to_columns(task: str, labels: Sequence[str], p: Floats) -> dict[str, pa.Array]:
    """Return the columns of the contract for (N, k) probabilities; NaN is null."""
    values = {f"{task}_p_{label}": p[:, i].astype(np.float32) for i, label in enumerate(labels)}
    return {name: pa.array(v, pa.float32(), from_pandas=True) for name, v in values.items()}


def disagreement_warning(task: str, differs: int, rows: int) -> str | None:
    """Return a warning where many predicted classes are not the most probable ones."""
    if differs <= RARELY * rows:
        return None
    return (
        f"`{task}`: in {differs:,} of {rows:,} rows the predicted class is not the most probable "
        "one; are the probabilities in another order of the classes?"
    )


def order_warning(
    task: str, labels: Sequence[str], p: Floats, true: pa.Array, pred: pa.Array | None
) -> str | None:
    """Return a warning where the probabilities seem to be in another order of the classes.

    Args:
        task: its name.
        labels: (k,) of the probabilities' columns.
        p: (N, k).
        true: labels (N,).
        pred: labels (N,), None where there is no predicted class.
    """
    has_p = ~np.isnan(p).any(axis=1)
    if not has_p.any():
        return None
    best = np.where(has_p, np.nan_to_num(p).argmax(axis=1), -1)
    reference = pred if pred is not None else true
    at = pc.fill_null(pc.index_in(reference, pa.array(labels, pa.string())), -1)
    at = at.to_numpy(zero_copy_only=False).astype(np.int64)
    rows = has_p & (at >= 0)
    n, differs = int(rows.sum()), int((rows & (at != best)).sum())
    if not n:
        return None
    if pred is not None:
        return disagreement_warning(task, differs, n)
    from scipy.optimize import linear_sum_assignment  # a script that writes does without

    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (at[rows], best[rows]), 1)
    matched = int(counts[linear_sum_assignment(counts, maximize=True)].sum())
    correct = n - differs
    if matched <= CLEARLY_BETTER * max(correct, 1) or matched < 2 * n / len(labels):
        return None
    return (
        f"`{task}`: the most probable class is the true one in {correct:,} of {n:,} rows, but "
        f"would be in {matched:,} in another order of the classes; check the order."
    )
