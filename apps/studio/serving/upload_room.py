"""How much all visitors' uploads may take together: Streamlit limits each file, not their number.

It keeps a file in memory for as long as its visitor stays, whether or not a page asked for it.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.stats import CacheStat
from streamlit.runtime.uploaded_file_manager import UploadedFileManager

MAX_BYTES = 2**30
"""Bytes of all files that are kept or under way."""
LENGTH_REQUIRED, INSUFFICIENT_STORAGE = 411, 507
UPLOADS = "/_stcore/upload_file/"


def kept_bytes(manager: UploadedFileManager) -> int:
    """Return the bytes of all files that Streamlit keeps."""
    stats = [stat for family in manager.get_stats().values() for stat in family]
    return sum(stat.byte_length for stat in stats if isinstance(stat, CacheStat))


class UploadRoom:
    """Middleware: refuse an upload for which there is no room."""

    def __init__(self, app: ASGIApp, kept: Callable[[], int] | None = None) -> None:
        self.app = app
        self.kept = kept or (lambda: kept_bytes(runtime.get_instance().uploaded_file_mgr))
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 411 or 507."""
        is_upload = (
            scope["type"] == "http" and scope["method"] == "PUT" and UPLOADS in scope["path"]
        )
        if not is_upload:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        # A body in chunks may be of any length, whatever Content-Length says.
        if not length.isdecimal() or "transfer-encoding" in headers:
            answer = PlainTextResponse("Expected the header Content-Length.", LENGTH_REQUIRED)
            await answer(scope, receive, send)
            return
        if self.kept() + self.under_way + int(length) > MAX_BYTES:
            text = "Expected room for this file; try again later."
            await PlainTextResponse(text, INSUFFICIENT_STORAGE)(scope, receive, send)
            return
        self.under_way += int(length)
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way -= int(length)
