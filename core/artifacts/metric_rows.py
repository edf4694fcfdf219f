"""The figures that a model tells of itself: rows {data, split, metric, value, ci95?, n?, group?}. A
page shows them, so that they are checked: model files and `ensemble.json` are untrusted.
"""

from __future__ import annotations

from typing import Any

from core.errors import ModelError

NEEDED = ("data", "split", "metric", "value")
MAX_TEXT = 500
"""Characters."""
MAX_NUMBER = 1e12


def checked(raw: object) -> tuple[dict[str, Any], ...]:
    """`raw`, which came out of JSON.

    Raises:
        ModelError: it is no list of such rows; names the row and the field.
    """
    if not isinstance(raw, (list, tuple)) or not all(isinstance(row, dict) for row in raw):
        raise ModelError(f"Expected `metrics` to be a list of objects, got {raw!r:.80}.")
    for i, row in enumerate(raw):
        for name in NEEDED:
            if name not in row:
                raise ModelError(
                    f"Expected `{name}` in `metrics[{i}]`, got only {', '.join(map(repr, list(row)[:10])) or 'nothing'}."
                )
        for name, value in row.items():
            if name not in KINDS:
                raise ModelError(
                    f"Expected fields {', '.join(KINDS)} in `metrics[{i}]`, got {name!r:.80}."
                )
            fits, form = KINDS[name]
            if not fits(value):
                raise ModelError(f"Expected `metrics[{i}].{name}` to be {form}, got {value!r:.80}.")
    return tuple(raw)


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()


def _number(value: object) -> bool:
    """NaN too: a figure of too few samples."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and not abs(value) > MAX_NUMBER
    )


def _figure(value: object) -> bool:
    return value is None or _number(value)


def _interval(value: object) -> bool:
    return value is None or (
        isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_figure, value))
    )


def _count(value: object) -> bool:
    return isinstance(value, int) and _number(value) and value >= 0


_TEXT = (_text, f"a text of at most {MAX_TEXT} printable characters")
KINDS = {
    "data": _TEXT,
    "split": _TEXT,
    "metric": _TEXT,
    "group": _TEXT,
    "n": (_count, "a count"),
    "value": (_figure, "a number or null"),
    "ci95": (_interval, "two numbers or null"),
}
