"""A file of counts on the disk: appended to line by line, rotated, read by whoever wants.

What a crash can leave is the beginning of a line at the end of the file. The writer removes it when
it starts again, and readers leave out what has no line end.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from core.errors import DataError, UserError
from core.monitoring.counts_line import START

MAX_BYTES = 4_194_304
"""Size at which a file is full: about ten days of lines, one every five minutes."""
KEPT = 8
"""Full files that are kept beside the current one; the oldest goes."""
BLOCK_BYTES = 65_536


def rotated(path: Path, age: int) -> Path:
    """Return the name of a full file; age 1 is the last one that was filled."""
    return path.with_name(f"{path.name}.{age}")


def all_files(path: Path) -> list[Path]:
    """Return the files of `path` that exist, the oldest first."""
    names = [*(rotated(path, age) for age in range(KEPT, 0, -1)), path]
    return [name for name in names if name.is_file()]


class CountsFile:
    """The file that a demo appends to; one process at a time. Not thread-safe.

    Attributes:
        path: the file.

    Raises:
        UserError: it cannot be written, is no file of counts, or another process writes it.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path, self.max_bytes = path, max_bytes
        try:
            self._descriptor = _open(path)
        except BlockingIOError:
            raise UserError(
                f"Expected a file of counts that nobody else writes, got {path}; try another name "
                "or end the other demo."
            ) from None
        except OSError as error:
            raise UserError(
                f"Expected to write the counts to {path}, got: {error.strerror}; try another place."
            ) from error
        try:
            self._remove_half_a_line()
        except DataError:
            self.close()
            raise

    def append(self, line: str) -> None:
        """Add a line: all of it or nothing; it is on the disk when this returns.

        Raises:
            OSError: the disk is full, or cannot be written.
        """
        content = line.encode("ascii") + b"\n"
        size = os.fstat(self._descriptor).st_size
        if size and size + len(content) > self.max_bytes:
            self._rotate()
            size = 0
        try:
            if os.write(self._descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _rotate(self) -> None:
        if self.path.exists():  # else the last attempt came as far as this, and opened no new file
            for age in range(KEPT - 1, 0, -1):
                if (full := rotated(self.path, age)).exists():
                    full.replace(rotated(self.path, age + 1))
            self.path.replace(rotated(self.path, 1))
        descriptor = _open(self.path)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def _remove_half_a_line(self) -> None:
        """Cut the file after its last line end.

        Raises:
            DataError: it is no file of counts.
        """
        size = os.fstat(self._descriptor).st_size
        head = os.pread(self._descriptor, len(START), 0)
        if head != START.encode()[: len(head)]:
            raise DataError(
                f"Expected {self.path} to be new or a file of counts, got another; try another "
                "name."
            )
        end = size
        while end:
            begin = max(0, end - BLOCK_BYTES)
            last = os.pread(self._descriptor, end - begin, begin).rfind(b"\n")
            if last >= 0:
                end = begin + last + 1
                break
            end = begin
        if end < size:
            os.ftruncate(self._descriptor, end)


def _open(path: Path) -> int:
    """Open a file to append to and lock it for this process; the lock ends with the process.

    Raises:
        BlockingIOError: another process has the lock.
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
