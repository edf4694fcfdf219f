"""`/metrics`: counts for a Prometheus on this computer.

Others get what they get at any unknown address: they could feed the demo faces of known kinds and
subtract these from the counts.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.webcam.serving import clients

PATH = "/metrics"
PROXIED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})
"""Headers of a request that somebody else made, and a proxy on this computer passes on."""


class MetricsMiddleware:
    """Answer `/metrics` to this computer and pass on everything else."""

    def __init__(self, app: ASGIApp, text: Callable[[], str], content_type: str) -> None:
        self.app = app
        self.text = text
        self.content_type = content_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "http" and scope["path"] == PATH and _is_from_here(scope):
            response = PlainTextResponse(
                self.text(),
                headers={"Content-Type": self.content_type, "Cache-Control": "no-store"},
            )
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_from_here(scope: Scope) -> bool:
    is_read = scope["method"] in ("GET", "HEAD")
    is_proxied = any(key in PROXIED for key, _ in scope["headers"])
    return is_read and not is_proxied and clients.client_of(scope) == clients.THIS_COMPUTER
