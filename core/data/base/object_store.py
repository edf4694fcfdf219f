"""Pictures in an object store, by URL: `s3://`, `gs://`, `abfs://`, or `file://`.

A URL travels as a `Path`, which keeps one of its slashes: `s3:/bucket/key`. Only the loading of
`core.data.any_pictures`, and what `predict` and `audit` read of it, ask this module for objects.
Credentials, region and `AWS_ENDPOINT_URL` come from the environment.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.image import MAX_BYTES

URL = re.compile(r"(s3|gs|abfss?|file):/+(.*)")


def is_stored(path: str | Path) -> bool:
    """Return whether a path is the URL of an object store."""
    return URL.match(str(path)) is not None


def absolute(path: Path) -> Path:
    """Return `path.absolute()`; a URL stays as it is."""
    return path if is_stored(path) else path.absolute()


def content(path: Path) -> Path | bytes:
    """Return the bytes of a picture in a store, empty if it is not there; a file's path as it is.

    Raises:
        DataError: the store cannot be read.
    """
    if not is_stored(path):
        return path
    try:
        return read(path, MAX_BYTES + 1)
    except FileNotFoundError:
        return b""


def read(path: Path, max_bytes: int) -> bytes:
    """Return the first `max_bytes` of an object.

    Raises:
        DataError: the store cannot be read.
        FileNotFoundError: there is no such object.
    """
    filesystem, place = _opened(path)
    try:
        with filesystem.open_input_stream(place) as stream:
            return bytes(stream.read(max_bytes))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from error


def objects(folder: Path) -> list[tuple[str, int, int]]:
    """Return name below `folder`, bytes and time stamp in ns of all objects, sorted by name.

    Raises:
        DataError: the store cannot be read, or has nothing there.
    """
    from pyarrow import fs

    filesystem, place = _opened(folder)
    try:
        entries = filesystem.get_file_info(fs.FileSelector(place, recursive=True))
    except OSError as error:
        raise _unreadable(folder, error) from error
    return sorted(
        (f.path.removeprefix(place).lstrip("/"), f.size, f.mtime_ns or 0)
        for f in entries
        if f.type == fs.FileType.File
    )


def _opened(path: Path) -> tuple[Any, str]:
    """Return the file system of a URL, and the place in it."""
    match = URL.match(str(path))
    assert match is not None
    scheme, rest = match.groups()
    bucket, _, key = ("", "", rest) if scheme == "file" else rest.partition("/")
    filesystem, base = _file_system(f"{scheme}://{bucket or '/'}")
    return filesystem, f"{base.rstrip('/')}/{key}".rstrip("/")


@cache
def _file_system(url: str) -> tuple[Any, str]:
    from pyarrow import fs

    try:
        filesystem, base = fs.FileSystem.from_uri(url)
    except (OSError, ValueError) as error:
        raise _unreadable(Path(url), error) from error
    return filesystem, str(base)


def _unreadable(path: Path, error: Exception) -> DataError:
    url = URL.sub(r"\1://\2", str(path))
    return DataError(
        f"Expected to read {url}, got: {str(error)[:300]}; try to check the address and the "
        "credentials."
    )
