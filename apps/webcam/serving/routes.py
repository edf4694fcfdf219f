"""Which of Gradio's addresses the demo serves: those that its page and its API use, and no other.

Gradio has many more: it fetches other servers (`proxy=`, `file=http...`), stores sessions
(`deep_link`), converts recordings, runs components' own functions. Nothing of that is needed here.
"""

from __future__ import annotations

import re
from enum import Enum

from apps.webcam import uploads
from core.errors import UserError

PREFIX = "/gradio_api"
HASH = r"[A-Za-z0-9_-]{1,64}"
"""A session or an event, as the browser or Gradio names it."""


class RequestKind(Enum):
    """What a request is, which decides the checks of its body."""

    READ = "read"
    UPLOAD = "upload"
    JOIN = "join"
    CALL = "call"
    RUN = "run"
    FRAME = "frame"
    CANCEL = "cancel"
    EMPTY = "empty"


_READ = re.compile(
    rf"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt"
    rf"|/(?:assets|static|svelte)/.+"
    rf"|{PREFIX}/(?:info|openapi\.json|app_id|startup-events|queue/data|upload_progress)/?"
    rf"|{PREFIX}/theme\.css|{PREFIX}/heartbeat/{HASH}"
    rf"|{PREFIX}/call/predict/{HASH}",
    re.DOTALL,
)
_FILE = f"{PREFIX}/file="
_POST = (
    (RequestKind.UPLOAD, re.compile(rf"{PREFIX}/upload")),
    (RequestKind.JOIN, re.compile(rf"{PREFIX}/queue/join")),
    (RequestKind.CALL, re.compile(rf"{PREFIX}/call/(?P<name>{HASH})/?")),
    (RequestKind.RUN, re.compile(rf"{PREFIX}/(?:run|api)/(?P<name>{HASH})/?")),
    (RequestKind.FRAME, re.compile(rf"{PREFIX}/stream/(?P<name>{HASH})")),
    (RequestKind.EMPTY, re.compile(rf"{PREFIX}/stream/{HASH}/close|{PREFIX}/reset/?")),
    (RequestKind.CANCEL, re.compile(rf"{PREFIX}/cancel")),
)


def classify(method: str, path: str) -> tuple[RequestKind, str] | None:
    """Return what a request is, with the name of its function or event; None if it is not served.

    Args:
        method: Of HTTP.
        path: Decoded, as in ASGI.
    """
    if method in ("GET", "HEAD"):
        is_served = _READ.fullmatch(path) or (path.startswith(_FILE) and _is_upload(path))
        return (RequestKind.READ, "") if is_served else None
    if method == "POST":
        for kind, pattern in _POST:
            if match := pattern.fullmatch(path):
                return kind, match.groupdict().get("name", "")
    return None


def _is_upload(path: str) -> bool:
    try:
        uploads.resolve_upload(path.removeprefix(_FILE))
    except (UserError, OSError, ValueError):  # ValueError: a null byte
        return False
    return True
