"""Refuse what another site's page sends: WebSockets, and requests that change something.

Streamlit would refuse such WebSockets too, but only after asking an address service on the internet
which address this machine has. Against such requests it has a cookie, which browsers withhold from
a page in a frame, as on a Hugging Face Space: uploads would fail there.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

POLICY_VIOLATION = 1008
"""Status of a WebSocket that is closed for its origin (RFC 6455, section 7.4.1)."""
FORBIDDEN = 403
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing (RFC 9110, section 9.2.1)."""


class SameOrigin:
    """Middleware: what changes something comes from a page of the `Host` that it is sent to."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, close it, or answer 403."""
        is_socket = scope["type"] == "websocket"
        is_change = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        if not (is_socket or is_change) or is_same_origin(Headers(scope=scope)):
            await self.app(scope, receive, send)
        elif is_socket:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            answer = PlainTextResponse("Expected a page of this server.", FORBIDDEN)
            await answer(scope, receive, send)


def is_same_origin(headers: Headers) -> bool:
    """Return whether the page that opens the connection came from this server.

    Programs other than browsers send no `Origin`; they are passed on.
    """
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == headers.get("host")
    except ValueError:  # not a URL, such as `http://[`
        return False
