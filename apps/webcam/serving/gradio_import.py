"""Gradio imported without its type stubs, which are for editors.

Gradio parses the source of each of its components when it is imported, and writes a `.pyi` file
beside it. That is two thirds of the processor time of its import.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any


def import_gradio() -> None:
    """Import Gradio; it takes a class without a file for one that needs no stub."""
    getfile = inspect.getfile

    def without_components(object: Any) -> str:  # its name in `inspect`
        if isinstance(object, type) and object.__module__.startswith("gradio."):
            raise OSError("no stub is wanted")
        return getfile(object)

    inspect.getfile = without_components
    try:
        import_module("gradio")
    finally:
        inspect.getfile = getfile
