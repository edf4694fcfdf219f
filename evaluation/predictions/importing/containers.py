"""Unpacking of gzip and zip files, which are hostile until checked."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from core.errors import DataError

MAX_BYTES = 2**30
"""Size of a foreign table, unpacked; larger ones belong in the contract's Parquet."""
SMALL_BYTES = 2**26
"""Unpacked size that is allowed for any file, however small."""
MAX_COMPRESSION = 200
"""Unpacked size of a larger file, in times its packed size (tables of text: 3 to 50)."""
ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
EMPTY_ZIP = b"PK\x05\x06"
SPREADSHEET_MEMBERS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")


def read_bytes(path: Path) -> tuple[str, bytes, str]:
    """Return the name and content of a table's file, unpacked, and how it was packed, in words.

    Raises:
        DataError: the file is missing, too large, or an archive of anything but one table.
    """
    if not path.is_file():
        raise DataError(
            f"Expected a predictions table at {path}, got no file; "
            f"try `python -m evaluation predict --out {path}`."
        )
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(
            f"Expected a table of at most {MAX_BYTES >> 30} GB, got {size / 2**30:.1f} GB in "
            f"{path}; try Parquet with the columns of docs/own_tables.md."
        )
    content = path.read_bytes()
    if content.startswith(GZIP):
        return path.stem, _gunzip(content, path), "gzip"
    if content.startswith((ZIP, EMPTY_ZIP)):
        return _unzip(path, content)
    return path.name, content, ""


def check_archive(archive: zipfile.ZipFile, packed: int, path: Path) -> None:
    """Refuse an archive whose members are larger than the limits above, by its directory."""
    if sum(member.file_size for member in archive.infolist()) > _limit(packed):
        _refuse_size(path, packed)


def _limit(packed: int) -> int:
    return min(MAX_BYTES, max(SMALL_BYTES, MAX_COMPRESSION * packed))


def _refuse_size(path: Path, packed: int) -> None:
    raise DataError(
        f"Expected at most {_limit(packed) >> 20} MB of table in {path}, got more; "
        "unpack it and look at it, or write Parquet."
    )


def _gunzip(content: bytes, path: Path) -> bytes:
    limit = _limit(len(content))
    try:
        with gzip.open(io.BytesIO(content)) as file:
            unpacked = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"Expected a gzip file, got {path}: {error}; pack it again.") from None
    if len(unpacked) > limit:
        _refuse_size(path, len(content))
    if unpacked.startswith((GZIP, ZIP)):
        raise DataError(f"Expected one table in {path}, got another archive; unpack it first.")
    return unpacked


def _unzip(path: Path, content: bytes) -> tuple[str, bytes, str]:
    """Return name and content of the one table in a zip file, and how it was packed."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [m.filename for m in archive.infolist()]
            if any(name in SPREADSHEET_MEMBERS for name in names):
                check_archive(archive, len(content), path)
                return path.name, content, ""
            members = [m for m in archive.infolist() if _is_table(m)]
            if len(members) != 1:
                inside = ", ".join(m.filename for m in members[:4]) or "no file"
                raise DataError(
                    f"Expected one table in {path}, got {inside}; unpack it and choose one."
                )
            with archive.open(members[0]) as file:
                unpacked = file.read(_limit(len(content)) + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(
            f"Expected a zip file without a password, got {path}: {error}; unpack it first."
        ) from None
    if len(unpacked) > _limit(len(content)):
        _refuse_size(path, len(content))
    name = PurePosixPath(members[0].filename.replace("\\", "/")).name
    if unpacked.startswith((ZIP, GZIP)):
        raise DataError(f"Expected one table in {path}, got the archive {name}; unpack it first.")
    return name, unpacked, "zip"


def _is_table(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a file of the user, not one that macOS adds."""
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    return not member.is_dir() and "__MACOSX" not in parts and not parts[-1].startswith(".")
