"""The folder of visitors' uploads: each file is deleted soon after use, all of them at exit.

Not at once: Gradio names an upload by its content, so that two visitors with the same image share
one file, and the browser may still be fetching its preview. A file is deleted
`DELETE_DELAY_SECONDS` after its last upload; uploading the same content again restarts the delay.
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

DELETE_DELAY_SECONDS = 10.0
CLOCK_TOLERANCE_SECONDS = 0.5
"""How much younger than its delay a file may look when its timer ends."""


def upload_folder() -> Path:
    """Return this process's folder for uploads, readable by its owner only and deleted at exit.

    The environment variable `GRADIO_TEMP_DIR` names another folder, which is left in place.
    """
    if named := os.environ.get("GRADIO_TEMP_DIR"):
        return Path(named)
    folder = Path(tempfile.mkdtemp(prefix="mien-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    return folder


def resolve_upload(path: str) -> Path:
    """Return the resolved `path`, which must lie in the upload folder.

    A client can name any file of the server in its request.

    Raises:
        UserError: It lies elsewhere.
    """
    file = Path(path).resolve()
    if not file.is_relative_to(upload_folder().resolve()):
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
        path.unlink()
        path.parent.rmdir()
    except OSError:
        pass  # already deleted, or the folder holds another upload
