"""Files that an installed Python package carries, pinned by SHA-256; its code is not run."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from core.errors import UserError


def read_pinned(package: str, file: str, sha256: str, remedy: str) -> bytes:
    """Return the bytes of a file of a package.

    A package in a wheel that is named in PYTHONPATH is read as an installed one.

    Args:
        package: its name in Python.
        file: path inside it, with slashes.
        sha256: that the bytes must have.
        remedy: what to try where the file is not there, or is another one.

    Raises:
        UserError: the package is not installed, or its file has other bytes.
    """
    spec = importlib.util.find_spec(package)
    folders = list((spec and spec.submodule_search_locations) or ())
    read = getattr(spec and spec.loader, "get_data", None)
    if not folders or read is None:
        raise UserError(
            f"Expected the package {package}, which carries {file}, got none; {remedy}."
        )
    path = str(Path(folders[0], *file.split("/")))
    try:
        content: bytes = read(path)
    except OSError as error:
        raise UserError(f"Expected {path}, got: {error}; {remedy}.") from error
    if (digest := hashlib.sha256(content).hexdigest()) != sha256:
        raise UserError(
            f"Expected {path} to have SHA-256 {sha256[:12]}..., got {digest[:12]}...; {remedy}."
        )
    return content
