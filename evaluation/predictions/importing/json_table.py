"""JSON and JSON Lines: rows, columns, or the exports of tools, as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

from core.errors import DataError
from evaluation.predictions.importing.header import check_width

MAX_DEPTH = 8
MAX_KEYS_OF_PAIR = 2
"""Keys of one class with its score; an object with more is the one face of a picture."""
FIFTYONE_KEYS = ("label", "confidence", "logits")
"""What of a label of FiftyOne is not about its own storage."""
FORMS = "one object a line, a list of objects, or an object of lists"


def read_json(text: str) -> tuple[pa.Table, str]:
    """Return a table of JSON Lines, a list of rows, a dictionary of columns, or columns and data.

    Nested objects become columns such as `emotion.happy`.

    Returns:
        The table, and what the form is called.

    Raises:
        DataError: it is none of these; names the line.
    """
    rows, form = _rows(text)
    flat = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise DataError(
                f"Expected an object in row {number}, got {str(row)[:40]!r}; write {FORMS}."
            )
        flat.append(_flat(row))
        if number == 1:
            check_width(len(flat[0]))
    names = list(dict.fromkeys(name for row in flat for name in row))
    check_width(len(names))
    return pa.table({name: _column([row.get(name) for row in flat]) for name in names}), form


def _rows(text: str) -> tuple[Sequence[object], str]:
    """Return the rows of a JSON text, and the name of its form."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise DataError(f"Expected {FORMS}, got deeper nesting; flatten it.") from None
    except ValueError as error:
        return _lines(text, error), "JSON Lines"
    if isinstance(content, list):
        return content, "JSON"
    if isinstance(content, dict) and isinstance(content.get("data"), list) and "columns" in content:
        return _data_of_columns(content["columns"], content["data"]), "JSON of columns and data"
    if isinstance(content, dict) and content:
        lists = {k: v for k, v in content.items() if isinstance(v, list)}
        if len(content) == 1 and any(
            isinstance(v, Mapping) for v in next(iter(lists.values()), ())
        ):
            return next(iter(lists.values())), "JSON of rows"  # FiftyOne's {"samples": [...]}
        if lists and len({len(v) for v in lists.values()}) == 1:
            columns = list(lists.values())
            return [
                dict(zip(lists, row, strict=True)) for row in zip(*columns, strict=True)
            ], "JSON"
        if all(isinstance(v, dict) for v in content.values()):
            return _of_dictionaries(content), "JSON"
        return [content], "JSON Lines"
    raise DataError(f"Expected {FORMS}, got {str(content)[:40]!r}; write one of these.")


def _of_dictionaries(content: Mapping[str, Mapping[str, object]]) -> list[dict[str, object]]:
    """Return rows of {column: {row: value}}, as pandas writes, or {sample: {column: value}}."""
    keys = [list(v) for v in content.values()]
    if len(content) > 1 and all(k == keys[0] for k in keys) and all(k.isdigit() for k in keys[0]):
        return [{name: column[k] for name, column in content.items()} for k in keys[0]]
    return [{"sample_id": name, **row} for name, row in content.items()]


def _data_of_columns(columns: object, data: list[object]) -> list[dict[str, object]]:
    """Return rows of {"columns": [...], "data": [[...]]}: Weights & Biases, pandas' split."""
    if not isinstance(columns, list) or not all(
        isinstance(row, list) and len(row) == len(columns) for row in data
    ):
        raise DataError(
            "Expected rows of as many cells as `columns` names, got others; write them so."
        )
    names = [str(c) for c in columns]
    return [dict(zip(names, row, strict=True)) for row in data if isinstance(row, list)]


def _lines(text: str, first_error: ValueError) -> list[object]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            shown = first_error if text.lstrip().startswith("[") else error
            raise DataError(
                f"Expected JSON in line {number}, got {line[:40]!r}: {shown}; write {FORMS}."
            ) from None
    return rows


def _flat(row: Mapping[str, object], prefix: str = "", depth: int = 0) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in row.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and isinstance(value.get("path"), str) and "_type" in value:
            result[name] = value["path"]  # a file in an export of Weights & Biases
        elif isinstance(value, Mapping) and "_cls" in value:
            kept = {f"{name}.{k}": value.get(k) for k in FIFTYONE_KEYS}
            result |= {k: v for k, v in kept.items() if isinstance(v, str | int | float | list)}
        elif isinstance(value, Mapping) and depth < MAX_DEPTH:
            result |= _flat(value, f"{name}.", depth + 1)
        elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
            is_pair = len(value[0]) <= MAX_KEYS_OF_PAIR
            inner = _flat(value[0], f"{name}." if is_pair else prefix, depth + 1)
            result = {**inner, **result}
        else:
            result[name] = value
    return result


def _column(values: Sequence[object]) -> pa.Array:
    """Return an array of values of one type; of several, their JSON or text."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
        return pa.array(texts, pa.string())
