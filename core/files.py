"""Write files and folders that appear complete or not at all, and cells of CSV files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import DataError

BLOCK_BYTES = 1 << 20
FORMULA = r"'*[=+\-@＝＋－＠\t\r\n]"
"""How a CSV cell begins that a spreadsheet may run as a formula, as it is or once it has removed an
apostrophe. `csv_cell` puts one more apostrophe before it, and `read_csv_cell` takes that away.
"""
_FORMULA = re.compile(FORMULA)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a new, empty file beside `path` that replaces `path` when the block ends well.

    A reader meets the old file or the new one, never half of one. When the block fails, the new
    file is removed and the old one is untouched. The new file has the ending of `path`, since
    writers such as `numpy.save` go by it, and a name that begins with a dot, by which whoever lists
    the folder can leave it out. It is flushed to the disk and has the permissions of any file that
    this process creates. The folder has to exist.

    Raises:
        OSError: the disk cannot be written.
    """
    path = Path(os.path.normpath(path.absolute()))
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    remove_leftovers(path)
    temporary = path.with_name(f"{_prefix(path)}{os.getpid()}-{uuid.uuid4().hex[:8]}{path.suffix}")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write a new file that then replaces `path`; see `atomic_file`."""
    with atomic_file(path) as temporary:
        fill(temporary)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, its line ends as they are; see `atomic_file`."""
    write_atomic(path, lambda temporary: temporary.write_bytes(text.encode("utf-8")))


@contextmanager
def atomic_folder(path: Path, marker: str) -> Iterator[Path]:
    """Yield a new folder beside `path` that becomes `path` when the block ends well.

    Where `path` exists, it has to be empty or to hold the file `marker`, and then the same bytes
    as the new folder; it is never written over.

    Args:
        path: the folder; its parents are created.
        marker: name of a file that a complete folder holds.

    Raises:
        DataError: something else is there, or the disk cannot be written; nothing is left.
    """
    path = Path(os.path.normpath(path.absolute()))
    if (path.exists() or path.is_symlink()) and not (
        path.is_dir() and ((path / marker).is_file() or not any(path.iterdir()))
    ):
        raise DataError(
            f"Expected an empty place for the result, got {path}, which holds something else; "
            "choose another --out."
        )
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        temporary = Path(tempfile.mkdtemp(prefix=f"{_prefix(path)}{os.getpid()}-", dir=path.parent))
        temporary.chmod(0o755)
        yield temporary
        if (path / marker).is_file():
            if not same_content(temporary, path):
                raise DataError(
                    f"Expected an empty place for the result, got {path} with another one; "
                    f"choose another --out, or remove it."
                )
        else:
            temporary.rename(path)  # over an empty folder too
    except OSError as error:
        raise DataError(
            f"Expected to write {path}, got: {error}; nothing was left there; choose another --out."
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """Yield a folder beside `target` for what is unfinished, and remove it at the end.

    What a killed process left is removed by the next one with the same target. The parent of
    `target` has to exist.

    Raises:
        OSError: the disk cannot be written.
    """
    target = Path(os.path.normpath(target.absolute()))
    remove_leftovers(target)
    folder = Path(tempfile.mkdtemp(prefix=f"{_prefix(target)}{os.getpid()}-", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes have left unfinished beside `path`."""
    prefix = _prefix(path)
    for old in path.parent.iterdir() if path.parent.is_dir() else ():
        if not old.name.startswith(prefix):
            continue
        process = old.name[len(prefix) :].split("-")[0]
        if process.isdecimal() and not _is_alive(int(process)):
            if old.is_dir():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.unlink(missing_ok=True)


@contextmanager
def disk_errors(target: Path, remedy: str) -> Iterator[None]:
    """Turn errors of the disk while `target` is written into one for the user.

    Args:
        target: what is written.
        remedy: what the message advises.

    Raises:
        DataError: the disk is full, or cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"Expected to write {target}, got: {error}; {remedy}.") from error


def csv_cell(text: str) -> str:
    """Return the text of a CSV cell, with an apostrophe before what a spreadsheet would run.

    >>> csv_cell("=1+1"), csv_cell("fear")
    ("'=1+1", 'fear')
    """
    return "'" + text if _FORMULA.match(text) else text


def read_csv_cell(text: str) -> str:
    """Return the text that `csv_cell` wrote."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def same_content(folder: Path, other: Path) -> bool:
    """Return whether two folders hold the same names and bytes."""
    names = [
        sorted(p.relative_to(f).as_posix() for p in f.rglob("*") if not p.is_dir())
        for f in (folder, other)
    ]
    return names[0] == names[1] and all(_same_bytes(folder / n, other / n) for n in names[0])


def _same_bytes(path: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        if path.samefile(other):
            return True
    with path.open("rb") as a, other.open("rb") as b:
        if os.fstat(a.fileno()).st_size != os.fstat(b.fileno()).st_size:
            return False
        while block := a.read(BLOCK_BYTES):
            if block != b.read(BLOCK_BYTES):
                return False
    return True


def _prefix(path: Path) -> str:
    """Return how the names of unfinished neighbours of `path` begin; a process's number follows."""
    return f".{path.name}.part-"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
