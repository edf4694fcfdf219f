"""The JSON that visitors send, reduced to what the demo's functions take.

Gradio resolves files before a listener runs: a file object whose path is a URL, at any depth of the
JSON, is downloaded. Here every value is rebuilt from its known parts: a picture is a data URL or a
file that was uploaded before. Nothing else of the JSON is passed on, and no message quotes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import gradio as gr

from apps.webcam import uploads
from apps.webcam.serving.routes import HASH
from core.errors import DataError

JsonObject = dict[str, object]
MAX_NAME_CHARACTERS = 255
MAX_JSON_MARKS = 1_000
"""Commas and opening brackets of a request; those of the page have a few dozen. Each may become an
object of Python, 25 times its size: 42 MB of empty lists take 1.2 GB and 2.6 s."""
_TRY = "try the demo's page or gradio_client."


def parse(body: bytes) -> JsonObject:
    """Return the JSON object of a request.

    Raises:
        DataError: It is none.
    """
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_JSON_MARKS:
        raise DataError(f"Expected at most {MAX_JSON_MARKS} values in a request, got more; {_TRY}")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DataError(f"Expected JSON in UTF-8, got something else; {_TRY}") from error
    if not isinstance(value, dict):
        raise DataError(f"Expected a JSON object, got something else; {_TRY}")
    return value


def session_of(request: JsonObject) -> str | None:
    """Return the session that a request names, if any.

    Raises:
        DataError: It is not named as browsers do.
    """
    session = request.get("session_hash")
    if session is None:
        return None
    if isinstance(session, str) and re.fullmatch(HASH, session):
        return session
    raise DataError(
        f"Expected `session_hash` to be up to 64 letters and digits, got something else; {_TRY}"
    )


def number_of(request: JsonObject, key: str) -> int | None:
    """Return an integer of a request; None if there is none."""
    value = request.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def values_of(request: JsonObject, inputs: Sequence[gr.blocks.Block]) -> list[object]:
    """Return the rebuilt inputs of a function.

    Args:
        request: With the list `data`, one value per input; API clients leave out those that Gradio
            keeps itself.
        inputs: The function's components.

    Raises:
        DataError: The values do not fit the components.
    """
    data = request.get("data")
    sent = [block for block in inputs if not getattr(block, "skip_api", False)]
    if isinstance(data, list) and len(data) == len(inputs):
        return [_value(block, value) for block, value in zip(inputs, data, strict=True)]
    if isinstance(data, list) and len(data) == len(sent):
        values = iter(data)
        return [_value(block, next(values)) if block in sent else None for block in inputs]
    raise DataError(f"Expected `data` to be a list of {len(sent)} values, got another; {_TRY}")


def _value(block: gr.blocks.Block, value: object) -> object:
    """Return a value rebuilt for its component."""
    if value is None or getattr(block, "stateful", False):
        return None
    if isinstance(block, gr.Dataset):
        if isinstance(value, int) and 0 <= value < len(block.samples or ()):
            return value
        raise DataError("Expected the number of an example, got something else; try to click one.")
    if isinstance(block, (gr.Image, gr.File)):
        file = file_object(value) if isinstance(value, dict) else {}
        if file.get("path") or (file.get("url") and isinstance(block, gr.Image)):
            return file
        raise DataError("Expected an uploaded file as a JSON object, got something else; " + _TRY)
    raise DataError(f"Expected no value for a {type(block).__name__}, got one; {_TRY}")


def file_object(value: Mapping[str, object]) -> JsonObject:
    """Return a file as Gradio takes it: with a data URL, or a path in the folder of uploads.

    A browser also sends the address under which the demo shows an upload; it is dropped.

    Raises:
        DataError: It names anything else.
    """
    url, path, name = (value.get(key) for key in ("url", "path", "orig_name"))
    if isinstance(url, str) and url[:5].lower() == "data:" and url.isascii():
        return {"path": None, "url": "data:" + url[5:]}
    try:
        is_upload = isinstance(path, str) and uploads.resolve_upload(path).is_file()
    except (OSError, ValueError):  # not quoted: a path can be a picture, as a data URL
        is_upload = False
    if not is_upload:
        raise DataError(
            "Expected a picture's data URL or the path of an upload, got another address; try to"
            " upload the file: the demo fetches nothing from elsewhere."
        )
    return {
        "path": path,
        "url": None,
        "orig_name": name[:MAX_NAME_CHARACTERS] if isinstance(name, str) else None,
        "meta": {"_type": "gradio.FileData"},
    }
