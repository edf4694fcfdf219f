"""Refuse WebSockets that another site's page opens.

Streamlit would refuse them too, but only after asking an address service on the internet which
address this machine has.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

POLICY_VIOLATION = 1008
"""Status of a WebSocket that is closed for its origin (RFC 6455, section 7.4.1)."""


class SameOriginSockets:
    """Middleware: a WebSocket whose `Origin` is another host than its `Host` is closed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or close it."""
        if scope["type"] == "websocket" and not is_same_origin(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        await self.app(scope, receive, send)


def is_same_origin(headers: Headers) -> bool:
    """Return whether the page that opens the connection came from this server.

    Programs other than browsers send no `Origin`; they are passed on.
    """
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
