"""The folder of visitors' uploads: each file is deleted soon after use, all of them at exit.

Uploads that broke off are deleted by age (`delete_partial`), and so are those that no event names
(`serving.stored_uploads`).

Not at once: Gradio names an upload by its content, so that two visitors with the same image share
one file, and the browser may still be fetching its preview. A file is deleted
`DELETE_DELAY_SECONDS` after its last upload; uploading the same content again restarts the delay.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from apps.webcam import process_folder
from core.errors import UserError

DELETE_DELAY_SECONDS = 10.0
PARTIAL_MAX_AGE_SECONDS = 60.0
"""How long ago the last bytes of an upload may have come before it counts as broken off."""
RESULTS_PREFIX, RESULTS_MAX_AGE_SECONDS = "results-", 1800.0
"""Folders of results, and how long they stay for a visitor who does not leave."""
MAX_BYTES_PER_CLIENT = 256 * 2**20
"""Uploads and results of one client on disk, beyond which nothing is begun for them."""
MIN_FILE_BYTES = 64 * 2**10
_CLIENT_KEY = secrets.token_bytes(16)
"""Hides addresses in the names of folders."""
CLOCK_TOLERANCE_SECONDS = 0.5
"""How much younger than its delay a file may look when its timer ends."""


@cache
def upload_folder() -> Path:
    """Return this process's folder for uploads, readable by its owner only and deleted at exit.

    The environment variable `GRADIO_TEMP_DIR` names the folder in which it is made, else it is the
    system's folder for temporary files. Folders of demos that were killed are removed first.
    """
    parent = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()).absolute()
    parent.mkdir(parents=True, exist_ok=True)
    process_folder.remove_leftovers(parent)
    folder = process_folder.create(parent)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    return folder


def resolve_upload(path: str) -> Path:
    """Return the resolved `path`, which must lie in the upload folder.

    A client can name any file of the server in its request, and an address of another server as a
    relative path that leads here: `http://x/../../tmp/...`.

    Raises:
        UserError: It lies elsewhere, or is not written as Gradio writes it: absolute, without `..`.
    """
    is_plain = Path(path).is_absolute() and os.path.normpath(path) == path and path[:2] != "//"
    file = Path(path).resolve()
    if not is_plain or not file.is_relative_to(upload_folder().resolve()):
        raise UserError(
            "Expected an uploaded file, got a path outside the upload folder; try to upload the"
            " file."
        )
    return file


def delete_later(path: Path, delay_s: float = DELETE_DELAY_SECONDS) -> None:
    """Delete a file, and its folder if that is then empty, unless it is uploaded again meanwhile.

    Args:
        path: The file; it need not exist.
        delay_s: Seconds from its last upload to its deletion.
    """
    timer = threading.Timer(delay_s, _delete_if_old, (path, delay_s))
    timer.daemon = True
    timer.start()


def _delete_if_old(path: Path, delay_s: float) -> None:
    try:
        age_s = time.time() - path.stat().st_mtime
        if age_s < delay_s - CLOCK_TOLERANCE_SECONDS:
            delete_later(path, delay_s - age_s)
            return
    except OSError:
        return  # already deleted
    delete(path)


def delete(path: Path) -> None:
    """Delete a file, and its folder if that is then empty."""
    with contextlib.suppress(OSError):  # already deleted, or the folder holds another upload
        path.unlink()
        path.parent.rmdir()


def delete_partial(now: float) -> None:
    """Delete uploads that broke off, and folders that are empty.

    Gradio receives an upload at the top of the folder and then moves it into a folder of its own.

    Args:
        now: Seconds since the epoch.
    """
    for path in upload_folder().iterdir():
        with contextlib.suppress(OSError):  # deleted meanwhile, or a folder that is not empty
            if now - path.stat().st_mtime > PARTIAL_MAX_AGE_SECONDS:
                path.rmdir() if path.is_dir() else path.unlink()


def new_results_folder(client: str) -> Path:
    """Return a new, empty folder with an unguessable name, for the results of one visitor.

    Args:
        client: Whose it is, see `serving.clients.client_of`.

    Raises:
        UserError: The client's results fill the disk that one client may have.
    """
    if total_bytes(results_of(client)) >= MAX_BYTES_PER_CLIENT:
        raise UserError(
            "Expected fewer videos of one visitor; try to close other windows of the demo, or wait."
        )
    folder = upload_folder() / f"{_results_prefix(client)}{secrets.token_urlsafe(24)}"
    folder.mkdir(parents=True, mode=0o700)
    return folder


def results_of(client: str) -> Iterator[Path]:
    """Return the files in the folders of results of a client."""
    for folder in upload_folder().glob(f"{_results_prefix(client)}*"):
        yield from _files_in(folder)


def _results_prefix(client: str) -> str:
    name = hashlib.blake2b(client.encode("utf-8"), key=_CLIENT_KEY, digest_size=8).hexdigest()
    return f"{RESULTS_PREFIX}{name}-"


def delete_old_results(now: float) -> None:
    """Delete folders of results in which nothing was written for `RESULTS_MAX_AGE_SECONDS`.

    Args:
        now: Seconds since the epoch.
    """
    for folder in upload_folder().glob(f"{RESULTS_PREFIX}*"):
        with contextlib.suppress(OSError):  # deleted meanwhile
            if now - folder.stat().st_mtime > RESULTS_MAX_AGE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def stored_bytes() -> int:
    """Return the bytes of all files in the folder of uploads."""
    return total_bytes(_files_in(upload_folder()))


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, at any depth; a folder that vanishes meanwhile has none."""
    for parent, _, names in os.walk(folder):  # `rglob` fails where a folder vanishes
        for name in names:
            yield Path(parent, name)


def total_bytes(paths: Iterable[Path]) -> int:
    """Return the bytes of files, each of them once whatever names it has; deleted ones have none.

    A small file counts as `MIN_FILE_BYTES`, so that a limit of bytes is one of files, too.
    A video that is read has two names: the upload's, and the one that lets its visitor go on.
    """
    sizes: dict[tuple[int, int], int] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            sizes[status.st_dev, status.st_ino] = max(status.st_size, MIN_FILE_BYTES)
    return sum(sizes.values())
