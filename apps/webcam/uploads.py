"""Deletes what visitors uploaded, shortly after it was used, and everything when the server ends.

Not at once: Gradio names an upload by its content, so two visitors with the same picture share one
file, and the browser may still be fetching its preview. A file is deleted GRACE_S after its last
upload; a new upload of the same content makes it young again.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

from core.errors import UserError

GRACE_S = 10.0


def private_folder() -> Path:
    """A folder for this process's uploads, only ours to read, gone at exit; `GRADIO_TEMP_DIR`
    overrides where it lies.
    """
    if named := os.environ.get("GRADIO_TEMP_DIR"):
        return Path(named)
    folder = Path(tempfile.mkdtemp(prefix="mien-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    return folder


def uploaded(path: str) -> Path:
    """`path`, which must lie in our folder: a client may name any file of the server in its
    request.

    Raises:
        UserError: it lies elsewhere.
    """
    file = Path(path).resolve()
    if not file.is_relative_to(private_folder().resolve()):
        raise UserError(
            "Expected an uploaded file, got a path outside the upload folder; try to upload the file."
        )
    return file


def forget(path: Path, grace_s: float = GRACE_S) -> None:
    """Deletes a file that nobody has uploaded again within `grace_s` seconds, and its folder if
    nothing else is in it.
    """
    timer = threading.Timer(grace_s, _delete, (path, grace_s))
    timer.daemon = True
    timer.start()


def _delete(path: Path, grace_s: float) -> None:
    try:
        age = time.time() - path.stat().st_mtime
        if age < grace_s - 0.5:
            forget(path, grace_s - age)
            return
        path.unlink()
        path.parent.rmdir()
    except OSError:
        pass  # already gone, or the folder holds another upload
