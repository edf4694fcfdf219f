"""Connections: how many there may be, and for how long one may stay without a request."""

from __future__ import annotations

import socket
from collections import Counter

import gradio as gr
from uvicorn.protocols.http.h11_impl import H11Protocol

from apps.webcam.serving.changes import Changes

MAX_CONNECTIONS = 500
"""Connections at a time; further ones get 503. A visitor has about eight."""
IDLE_SECONDS = 10.0
"""How long a connection may stay without a whole request."""
MAX_IDLE_PER_PEER = 100
"""Connections of one address without a whole request."""
SEND_BUFFER_BYTES = 128 * 1024
"""Images that the kernel keeps for a visitor who reads none: Linux doubles this number, and would
take megabytes.
"""


def limit(page: gr.Blocks) -> None:
    """Set the limits of a page's server, which runs; they hold for connections from now on."""
    page.server.config.limit_concurrency = MAX_CONNECTIONS
    for server in page.server.servers:
        for listener in server.sockets:  # what it accepts inherits the size
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


class ConnectionWatch:
    """Closes connections that make no request: they would take the place of others."""

    def __init__(self, page: gr.Blocks) -> None:
        self._page = page
        self._idle = Changes()

    def check(self, now: float) -> None:
        """Look at all connections once.

        Args:
            now: Monotonic seconds; call it again and again with later ones.
        """
        connections = self._page.server.server_state.connections
        idle = [c for c in connections if isinstance(c, H11Protocol) and _is_idle(c)]
        self._idle.keep(set(map(id, idle)))
        per_peer: Counter[str] = Counter()
        # The value is the last request: another one begins the time anew.
        idle_s = {c: self._idle.unchanged_seconds(id(c), c.cycle, now) for c in idle}
        # Those that were used last stay: behind a proxy, all visitors have one peer.
        for connection, seconds in sorted(idle_s.items(), key=lambda item: item[1]):
            peer = connection.client[0] if connection.client else ""
            per_peer[peer] += 1
            if seconds >= IDLE_SECONDS or per_peer[peer] > MAX_IDLE_PER_PEER:
                connection.transport.close()


def _is_idle(connection: H11Protocol) -> bool:
    return connection.cycle is None or connection.cycle.response_complete
