"""Whose the files on disk are, and deletion of uploads that nobody uses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import gradio as gr

from apps.webcam import uploads
from apps.webcam.serving.gradio_private import queue_of

UNUSED_SECONDS = 60.0
"""An upload that no event names for so long is deleted."""


class StoredUploads:
    """The uploads on disk, each with the client who sent it first."""

    def __init__(self, page: gr.Blocks) -> None:
        self._queue = queue_of(page)
        self._known_to_gradio: set[str] = page.upload_file_set
        self._clients: dict[str, str] = {}

    def add(self, client: str, paths: Iterable[str]) -> None:
        """Remember whose uploads these are; the same content of two clients is one file."""
        for path in paths:
            self._clients.setdefault(path, client)

    def bytes_of(self, client: str) -> int:
        """Return the bytes of uploads and results that a client has on disk."""
        own = [Path(path) for path, owner in self._clients.items() if owner == client]
        return uploads.total_bytes([*own, *uploads.results_of(client)])

    def delete_unused(self, now: float) -> None:
        """Delete uploads that no event has named in time, and forget what is deleted.

        Args:
            now: Seconds since the epoch.
        """
        events = self._queue.event_ids_to_events.values()
        values = [value for event in events if event.data for value in event.data.data]
        in_use = {value.get("path") for value in values if isinstance(value, dict)}
        for path in list(self._clients):
            try:
                is_old = now - Path(path).stat().st_mtime > UNUSED_SECONDS
            except OSError:  # processed and deleted
                self._forget(path)
                continue
            if is_old and path not in in_use:
                uploads.delete(Path(path))
                self._forget(path)

    def _forget(self, path: str) -> None:
        del self._clients[path]
        self._known_to_gradio.discard(path)
