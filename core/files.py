"""A folder that appears whole or not at all, and is never written over by something else."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import DataError


@contextmanager
def whole(out: Path, mark: str) -> Iterator[Path]:
    """Yields a new folder beside `out`, which becomes `out` when the block ends well and vanishes
    when it does not.

    Where `out` is there already, it has to be one of ours (it holds the file `mark`) and to hold
    the same bytes; then nothing changes.

    Raises:
        DataError: something else is there, or the disk cannot be written; then nothing of ours is
        left.
    """
    out = Path(os.path.normpath(out.absolute()))
    if (out.exists() or out.is_symlink()) and not (
        out.is_dir() and ((out / mark).is_file() or not any(out.iterdir()))
    ):
        raise DataError(
            f"Expected an empty place for the result, got {out}, which holds something else; choose another --out."
        )
    part: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        part = Path(tempfile.mkdtemp(prefix=f".{out.name}.part-{os.getpid()}-", dir=out.parent))
        part.chmod(0o755)
        yield part
        if (out / mark).is_file():
            if not same(part, out):
                raise DataError(
                    f"Expected an empty place for the result, got {out} with another one; choose another --out, or remove it."
                )
        else:
            part.rename(out)  # over an empty folder too
    except OSError as error:
        raise DataError(
            f"Expected to write {out}, got: {error}; nothing was left there. Try another --out."
        ) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _sweep(out: Path) -> None:
    """Removes what killed processes have left beside `out`."""
    for old in out.parent.glob(f".{_plain(out.name)}.part-*-*"):
        number = old.name.rsplit(".part-", 1)[1].split("-")[0]
        if number.isdecimal() and not _alive(int(number)):
            shutil.rmtree(old, ignore_errors=True)


def _plain(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same names and bytes."""
    names = [
        sorted(p.relative_to(f).as_posix() for p in f.rglob("*") if not p.is_dir())
        for f in (one, other)
    ]
    return names[0] == names[1] and all(_equal(one / n, other / n) for n in names[0])


def _equal(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        if one.samefile(other):
            return True
    with one.open("rb") as a, other.open("rb") as b:
        if os.fstat(a.fileno()).st_size != os.fstat(b.fileno()).st_size:
            return False
        while block := a.read(1 << 20):
            if block != b.read(1 << 20):
                return False
    return True
