"""Where results may be written: not inside the data, and only where the disk allows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import DataError
from core.files import atomic_file


def require_outside(out: Path, *sources: Path) -> None:
    """Refuse a result folder inside a data set, which is never written to.

    Raises:
        DataError: `out` is one of the `sources` or lies inside it.
    """
    try:
        target = out.resolve()
        for source in sources:
            if target.is_relative_to(source.resolve()):
                raise DataError(
                    f"Expected a place outside of the data for the result, got {out} "
                    f"inside {source}; choose another --out."
                )
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, up to Python 3.12
        raise DataError(
            f"Expected a folder for the result, got {out}: {error}; choose another --out."
        ) from None


def require_writable(path: Path) -> None:
    """Try the place of a result file before minutes are spent on it.

    Raises:
        DataError: it is a folder, or its folder is missing or read-only.
    """
    if path.is_dir():
        raise DataError(f"Expected a file to write, got the folder {path}; try {path / 'audit'}.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise DataError(
            f"Expected to write {path}, got no folder there that may be written; try another place."
        )


@contextmanager
def result_file(path: Path) -> Iterator[Path]:
    """Yield a new file that becomes `path` when the block ends well; see `core.files.atomic_file`.

    Raises:
        DataError: it cannot be written, or a name is no text; nothing is left behind.
    """
    try:
        with atomic_file(path) as temporary:
            yield temporary
    except (OSError, UnicodeEncodeError) as error:
        raise DataError(f"Expected to write {path}, got: {error}; try another place.") from error
