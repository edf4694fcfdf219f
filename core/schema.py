"""Validated dataclasses for untrusted JSON: pydantic checks the fields, errors are `ModelError`."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Annotated, Any, TypeVar, dataclass_transform

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import ErrorDetails, PydanticCustomError

from core.errors import ModelError

T = TypeVar("T")

MAX_TEXT = 200
"""Characters of a name, version, date, label or path."""
MAX_DEPTH = 32
"""Levels of JSON; a recipe inside an ensemble's card has about ten."""
MAX_SHOWN = 80
"""Characters of a refused value that a message shows."""


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def validated(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, slotted dataclass whose fields are checked against their annotations.

    Constructing it with other values raises ModelError, as does `read_json`.
    """
    checked_class: Any = pydantic_dataclass(frozen=True, slots=True)(cls)
    initialize = checked_class.__init__

    def __init__(self: T, *args: Any, **values: Any) -> None:
        try:
            initialize(self, *args, **values)
        except ValidationError as error:
            raise ModelError(explain(error, cls.__name__)) from error

    checked_class.__init__ = __init__
    checked: type[T] = checked_class
    return checked


def parse_json(text: str | bytes) -> Any:
    """Return the value of untrusted JSON.

    Raises:
        ValueError: it is none, no UTF-8, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("more levels of lists and objects than can be read") from None


def read_json(cls: type[T], text: str, name: str, *, only_known: bool = False) -> T:
    """Return the instance of a `validated` class that `text` describes.

    Args:
        cls: the class.
        text: JSON.
        name: what messages call the text.
        only_known: refuse an object with other fields than `cls` has, which are left out otherwise.

    Raises:
        ModelError: `text` is no JSON, nested too deeply, or a field is missing or malformed.
    """
    try:
        raw = parse_json(text)
    except ValueError as error:
        raise ModelError(f"Expected {name} to be JSON, got: {str(error)[:200]}") from error
    if is_deeper(raw, MAX_DEPTH):
        raise ModelError(f"Expected {name} to be JSON of at most {MAX_DEPTH} levels, got more.")
    form: Any = Annotated[cls, only_fields(cls)] if only_known else cls
    try:
        instance: T = TypeAdapter(form).validate_python(raw)
    except ValidationError as error:
        raise ModelError(explain(error, name)) from error
    return instance


def is_deeper(raw: object, levels: int) -> bool:
    """Return whether lists and objects lie in each other more than `levels` deep.

    Whatever writes them again takes Python's stack for each level.
    """
    layer = [raw]
    for _ in range(levels):
        layer = [
            inner
            for value in layer
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return any(isinstance(value, dict | list) for value in layer)


def explain(error: ValidationError, name: str) -> str:
    """Return the first problem of a failed validation of `name` as one sentence."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "value_error":  # raised by our own checks, which say it all
        return str(first["ctx"]["error"])
    if first["type"] in ("missing", "missing_argument"):
        return _explain_missing(first)
    where, context = _path(first["loc"]) or name, first.get("ctx", {})
    if first["type"] == "unknown_field":
        return f"Expected only fields {context['known']} in `{where}`, got {context['got']}."
    if first["type"] in ("too_short", "too_long"):
        form = re.sub(r"^\w+ should (.*) after validation.*", r"to \1", first["msg"])
        return f"Expected `{where}` {form}, got {len(first['input'])}."
    form = OBJECTS_AND_LISTS.get(first["type"]) or re.sub(
        r"^\w+ should (be|have|match)", r"to \1", first["msg"]
    )
    return f"Expected `{where}` {form}, got {_shown(first['input'])}."


OBJECTS_AND_LISTS = {
    "dataclass_type": "to be an object",
    "dict_type": "to be an object",
    "mapping_type": "to be an object",
    "tuple_type": "to be a list",
    "list_type": "to be a list",
}
"""Names that JSON has for what pydantic calls by Python's."""


def _explain_missing(first: ErrorDetails) -> str:
    *parent, name = first["loc"]
    where = f" in `{_path(tuple(parent))}`" if parent else ""
    values = first["input"]
    names = ", ".join(map(repr, list(values)[:10])) if isinstance(values, Mapping) else ""
    return f"Expected `{name}`{where}, got {f'only {names}' if names else 'nothing'}."[:400]


def _path(location: tuple[int | str, ...]) -> str:
    """Return how a field is written in a message, e.g. `members[0].weight`."""
    path = ""
    for key in location:
        path += f"[{key}]" if isinstance(key, int) else f".{repr(key)[1:-1][:MAX_SHOWN]}"
    return path.removeprefix(".").removesuffix(".[key]")


def _shown(value: object) -> str:
    return repr(value)[:MAX_SHOWN]


def described(form: str) -> WrapValidator:
    """Say `form` in the message of a value that does not fit, whatever did not fit about it."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            raise PydanticCustomError("form", "to be {form}", {"form": form}) from error

    return WrapValidator(check)


def only_fields(cls: type) -> BeforeValidator:
    """Refuse objects with other fields than `cls` has; the message names the nearest one."""
    fields = list(cls.__annotations__)

    def check(raw: Any) -> Any:
        for name in raw if isinstance(raw, dict) else ():
            if name not in fields:
                near = difflib.get_close_matches(str(name), fields, 1)
                value = _shown(name) + (f"; try {near[0]!r}" if near else "")
                raise PydanticCustomError(
                    "unknown_field", "unknown", {"known": ", ".join(fields), "got": value}
                )
        return raw

    return BeforeValidator(check)


def one_of(values: Collection[str]) -> AfterValidator:
    """Refuse other texts than `values`."""

    def check(value: str) -> str:
        if value not in values:
            raise PydanticCustomError(
                "form", "to be one of {values}", {"values": ", ".join(values)}
            )
        return value

    return AfterValidator(check)


def printable(text: str) -> str:
    """Refuse line ends and other control characters."""
    if not text.isprintable():
        raise PydanticCustomError("form", "to be printable")
    return text


Text = Annotated[
    str,
    Strict(),
    StringConstraints(max_length=MAX_TEXT),
    AfterValidator(printable),
    described(f"a text of at most {MAX_TEXT} printable characters"),
]
FilledText = Annotated[
    str,
    Strict(),
    StringConstraints(min_length=1, max_length=MAX_TEXT),
    AfterValidator(printable),
    described(f"a text of 1 to {MAX_TEXT} printable characters"),
]
