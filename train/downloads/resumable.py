"""Download a file so that an interrupted download goes on where it stopped."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from core import progress
from core.errors import DataError

TIMEOUT_S = 60.0
BLOCK_BYTES = 1 << 20


def download(url: str, target: Path, sha256: str = "") -> Path:
    """Download a file; it appears as `target` when it is complete.

    What came before an interruption is kept as `target` with `.part` at its end, and is continued
    where the server still has the same file.

    Args:
        url: http or https.
        target: file to write; nothing is done where it exists with the right bytes.
        sha256: of the file's bytes; empty: unknown.

    Raises:
        DataError: the server or the network failed, or other bytes came.
    """
    if target.is_file() and sha256 in ("", _sha256(target)):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    version = target.with_name(f"{target.name}.part.version")
    try:
        _continue(url, part, version)
    except (OSError, http.client.HTTPException) as error:
        kept = part.stat().st_size / 2**20 if part.is_file() else 0
        raise DataError(
            f"Expected to download {url}, got: {error}; {kept:.0f} MB are kept, the same command "
            "goes on from there."
        ) from error
    if sha256 and (got := _sha256(part)) != sha256:
        part.unlink()
        version.unlink(missing_ok=True)
        raise DataError(
            f"Expected {url} to have the SHA-256 {sha256[:16]}..., got {got[:16]}...; the file was "
            "damaged or has changed, and is removed; try again."
        )
    part.replace(target)
    version.unlink(missing_ok=True)
    return target


def _continue(url: str, part: Path, version: Path) -> None:
    """Append what is missing to `part`; begin anew where the server has another version.

    Raises:
        OSError: the download is not complete.
    """
    done = part.stat().st_size if part.is_file() and version.is_file() else 0
    headers = {"User-Agent": "mien"}
    if done:  # If-Range: another version is sent as a whole
        headers |= {"Range": f"bytes={done}-", "If-Range": version.read_text("utf-8")}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # checked below
    if request.type not in ("http", "https"):
        raise OSError(f"an address of http or https is needed, not {request.type}")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310  # as checked
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not done:
            raise
        if error.headers.get("Content-Range", "").rpartition("/")[2] == str(done):
            return  # all of it is there
        part.unlink()  # what is there cannot be the beginning of this file
        return _continue(url, part, version)
    with response:
        continued = response.status == http.HTTPStatus.PARTIAL_CONTENT
        done = done if continued else 0
        validator = response.headers.get("ETag") or response.headers.get("Last-Modified")
        if validator and not validator.startswith("W/"):
            version.write_text(validator, encoding="utf-8")
        else:
            version.unlink(missing_ok=True)
        length = response.headers.get("Content-Length")
        total = done + int(length) if length else None
        with (
            part.open("ab" if continued else "wb") as file,
            progress.task(f"download {part.stem}", total, done) as advance,
        ):
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                done += len(block)
                advance(done)
    if total is not None and done < total:
        raise OSError(f"the connection ended after {done:,} of {total:,} bytes")


def unpack(archive: Path) -> None:
    """Unpack a .zip or .tar beside itself; names cannot lead outside, links are not followed.

    Raises:
        DataError: it is damaged, or no archive.
    """
    try:
        if archive.suffix == ".zip":
            shutil.unpack_archive(archive, archive.parent)
        else:
            shutil.unpack_archive(archive, archive.parent, filter="data")
    except (ValueError, shutil.ReadError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"Expected to unpack {archive}, got: {error}; remove it and fetch it again."
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
