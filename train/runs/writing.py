"""Write the files of a run folder, each complete or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.files import disk_errors, write_atomic

REMEDY = "the checkpoints are intact, free some space and --resume"
"""Where a run's file cannot be written."""


def write_file(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write a new file that then replaces `path`.

    Raises:
        DataError: the disk is full or not writable; the old file is untouched.
    """
    with disk_errors(path, REMEDY):
        write_atomic(path, fill)
