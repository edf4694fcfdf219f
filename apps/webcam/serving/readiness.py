"""No visitor is answered before this process can make no connections (`outbound`).

Gradio's server already runs while `launch` calls it, once to start its queue and once to see that
the page answers. These calls need a connection, so connections are forbidden after them.
"""

from __future__ import annotations

import asyncio
import threading

from starlette.types import ASGIApp, Receive, Scope, Send

POLL_SECONDS = 0.02
OF_THE_START = frozenset({("GET", "/gradio_api/startup-events"), ("HEAD", "/")})


class ReadyMiddleware:
    """Lets a request wait until an event is set, but for the two of Gradio's own start."""

    def __init__(self, app: ASGIApp, is_ready: threading.Event) -> None:
        self.app = app
        self._is_ready = is_ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see the class."""
        if scope["type"] == "http" and (scope["method"], scope["path"]) not in OF_THE_START:
            while not self._is_ready.is_set():
                await asyncio.sleep(POLL_SECONDS)
        await self.app(scope, receive, send)
