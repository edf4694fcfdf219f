"""Write the files of a run folder, each complete or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core import files
from core.errors import UserError


def write_file(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write a new file that then replaces `path`.

    Raises:
        UserError: the disk is full or not writable; the old file is untouched.
    """
    with disk_errors(path):
        files.write_atomic(path, fill)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say what to do where `path` cannot be written.

    Raises:
        UserError: the disk is full or not writable.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Expected to write {path}, got: {error}; the checkpoints are intact, free some space "
            "and --resume."
        ) from error
