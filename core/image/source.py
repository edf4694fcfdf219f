"""A file's bytes, from memory or from a path."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.errors import ImageError
from core.image.limits import check_bytes
from core.image.video import HEAD_BYTES, check_is_no_video


def read(source: object, max_bytes: int) -> tuple[bytes, str]:
    """Return a file's bytes and what messages call it.

    Raises:
        ImageError: neither bytes nor the path of a file, a file that cannot be read, a video, or
            more than `max_bytes`.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        check_is_no_video(bytes(memoryview(source)[:HEAD_BYTES]), "the picture")
        check_bytes(memoryview(source).nbytes, "the picture", max_bytes)
        return bytes(source), "the picture"
    if not isinstance(source, (str, os.PathLike)):
        raise ImageError(
            "Expected a picture as bytes, path, PIL picture or array, got "
            f"{type(source).__name__}; try its path."
        )
    name = str(source)
    try:
        path = Path(source)
        status = path.stat()
    # TypeError: a path of bytes; ValueError: a null character in it
    except (OSError, TypeError, ValueError) as error:
        raise ImageError(
            f"Expected {name!r} to be a picture file, got {error}; try another path."
        ) from error
    if not stat.S_ISREG(status.st_mode):  # a FIFO or a device could block or never end
        raise ImageError(
            f"Expected {name} to be a picture file, got a folder or special file; try the path of "
            "a file."
        )
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            check_is_no_video(head, name)
            check_bytes(status.st_size, name, max_bytes)
            data = head + file.read(max_bytes + 1 - len(head))
    except OSError as error:
        raise ImageError(
            f"Expected to read {name}, got {error}; try to check its permissions."
        ) from error
    check_bytes(len(data), name, max_bytes)  # the file may have grown since
    return data, name
