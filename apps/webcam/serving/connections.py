"""Connections: how many there may be, and how much the system buffers for one that is not read."""

from __future__ import annotations

import socket

import gradio as gr

MAX_CONNECTIONS = 500
"""Further ones get 503. A visitor has about eight."""
SEND_BUFFER_BYTES = 128 * 1024
"""Linux would take megabytes of images for a visitor who reads none, and doubles this number."""


def limit(page: gr.Blocks) -> None:
    """Set the limits of a page's server, which runs; they hold for connections from now on."""
    page.server.config.limit_concurrency = MAX_CONNECTIONS
    for server in page.server.servers:
        for listener in server.sockets:  # what it accepts inherits the size
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
