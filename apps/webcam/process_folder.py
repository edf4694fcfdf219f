"""A temporary folder that belongs to one process, and the removal of those whose process is dead.

The owner holds a lock on its folder for as long as it lives. The kernel releases the lock however
the process ends, so that a folder without one has no owner.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

PREFIX = "mien-demo-uploads-"


def create(parent: Path) -> Path:
    """Return a new, empty folder in `parent` that this process owns until it ends."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        # The descriptor is never closed: it is the lock. Children do not inherit it (PEP 446).
        if _lock(folder) is not None:
            return folder


def remove_leftovers(parent: Path) -> None:
    """Remove the folders in `parent` that a process left behind; those of living ones stay."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            status = folder.lstat()
        except FileNotFoundError:  # another demo that starts has removed it
            continue
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            continue
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder and return the descriptor; None if another holds the lock or removed it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == folder.stat().st_ino:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
