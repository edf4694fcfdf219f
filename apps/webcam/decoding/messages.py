"""Messages between the demo and a decoding process: some values as JSON, then bytes.

The demo does not trust what it receives: sizes are checked before memory is taken for them.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from queue import Queue
from threading import Thread
from typing import IO

import numpy as np

HEADER = struct.Struct("<IQ")
"""Bytes of JSON, and bytes that follow it."""
MAX_JSON_BYTES = 4096

Values = dict[str, str | float | bool | list[int] | None]


class BrokenStreamError(Exception):
    """The other side ended, took too long, or sent what is no message."""


def send(stream: IO[bytes], values: Values, content: bytes | memoryview = b"") -> None:
    """Write one message."""
    text = json.dumps(values).encode("utf-8")
    stream.write(HEADER.pack(len(text), len(content)) + text)
    stream.write(content)
    stream.flush()


class SenderAhead:
    """Sends messages in a thread of its own, so that work on the next ones goes on."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        """Start the thread.

        Args:
            stream: to write to.
            most: messages that may wait.
        """
        self._stream = stream
        self._waiting: Queue[tuple[Values, bytes | memoryview] | None] = Queue(most)
        self._is_broken = False
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, values: Values, content: bytes | memoryview = b"") -> None:
        """Send one message soon.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        if self._is_broken:
            raise BrokenPipeError
        self._waiting.put((values, content))

    def close(self) -> None:
        """Wait until everything is sent."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None:
            try:
                if not self._is_broken:
                    send(self._stream, *message)
            except BrokenPipeError:
                self._is_broken = True


def receive(descriptor: int, max_content_bytes: int, timeout_s: float) -> tuple[Values, np.ndarray]:
    """Read one message.

    Args:
        descriptor: of a pipe.
        max_content_bytes: more is refused.
        timeout_s: seconds until its last byte.

    Returns:
        The values, and the bytes as uint8 (N,).

    Raises:
        BrokenStreamError: the stream ended, the time is over, or it is no such message.
    """
    end = time.monotonic() + timeout_s
    json_bytes, content_bytes = HEADER.unpack(_read(descriptor, HEADER.size, end).tobytes())
    if json_bytes > MAX_JSON_BYTES or content_bytes > max_content_bytes:
        raise BrokenStreamError("a message is too long")
    try:
        values = json.loads(_read(descriptor, json_bytes, end).tobytes())
    except ValueError as error:
        raise BrokenStreamError("a message is no JSON") from error
    if not isinstance(values, dict):
        raise BrokenStreamError("a message has no values")
    return values, _read(descriptor, content_bytes, end)


def _read(descriptor: int, size: int, end: float) -> np.ndarray:
    """Read exactly `size` bytes until the time `end` of the monotonic clock."""
    content = np.empty(size, np.uint8)
    view, filled = content.data, 0
    while filled < size:
        if not select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            raise BrokenStreamError("the time is over")
        count = os.readv(descriptor, [view[filled:]])
        if count == 0:
            raise BrokenStreamError("the stream ended")
        filled += count
    return content
