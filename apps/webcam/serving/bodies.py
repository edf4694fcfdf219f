"""Bodies of requests: how large, how slow, and how many bytes at a time.

Every body announces its length, which is reserved while it arrives: in memory for JSON, on disk for
uploads. A body that stops arriving, or arrives too slowly, gives its reservation up.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Message, Receive, Scope

IDLE_SECONDS = 10.0
"""Longest wait for the next bytes of a body."""
MIN_BYTES_PER_SECOND = 16 * 1024
"""Mean rate of a body after the first `IDLE_SECONDS`."""


class BodyError(Exception):
    """A body that is refused, with the HTTP status that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Reservations:
    """Bytes that may be under way or stored at once, in total and for each client.

    Attributes:
        total: Bytes of all clients together.
        per_client: Bytes of one client.
    """

    def __init__(self, total: int, per_client: int) -> None:
        self.total = total
        self.per_client = per_client
        self._by_client: Counter[str] = Counter()
        self._held: Counter[str] = Counter()

    @contextmanager
    def reserve(
        self, client: str, length: int, stored: int = 0, stored_by_client: int = 0
    ) -> Iterator[None]:
        """Hold `length` bytes for a client while the block runs.

        Args:
            client: See `clients.client_of`.
            length: Bytes.
            stored: Bytes of everybody that are on disk and count too.
            stored_by_client: Those of this client.

        Raises:
            BodyError: There is no room: 429 for this client, 507 for anybody.
        """
        of_client = stored_by_client + self._by_client[client] + self._held[client]
        if of_client + length > self.per_client:
            raise BodyError(
                429,
                "Expected fewer bytes of one visitor; try to close other windows of the demo, or"
                " wait.",
            )
        if stored + self._by_client.total() + length > self.total:
            raise BodyError(507, "Expected room for these bytes, there is none; try again later.")
        self._by_client[client] += length
        try:
            yield
        finally:
            self._by_client[client] -= length
            if not self._by_client[client]:
                del self._by_client[client]

    def hold(self, client: str, length: int, seconds: float) -> None:
        """Count bytes against a client for so long, whatever becomes of the request."""
        self._held[client] += length
        asyncio.get_running_loop().call_later(seconds, self._release, client, length)

    def _release(self, client: str, length: int) -> None:
        self._held[client] -= length
        if not self._held[client]:
            del self._held[client]


def length_of(scope: Scope, limit: int) -> int:
    """Return the announced length of a body, in bytes.

    Raises:
        BodyError: None is announced (411), or more than `limit` (413).
    """
    lengths = [value for key, value in scope["headers"] if key == b"content-length"]
    # A body in chunks may be of any length, whatever Content-Length says (RFC 9112, section 6.3).
    is_chunked = any(key == b"transfer-encoding" for key, _ in scope["headers"])
    if is_chunked or len(lengths) != 1 or not lengths[0].isdigit():
        raise BodyError(411, "Expected the header Content-Length; try to send the body at once.")
    length = int(lengths[0])
    if length > limit:
        raise BodyError(413, f"Expected at most {limit} bytes, got more; try a smaller file.")
    return length


def timed(receive: Receive, length: int) -> Receive:
    """Return `receive` with time limits for a body of `length` bytes.

    Its result raises `BodyError` (408) where bytes do not come in time.
    """
    deadline = time.monotonic() + IDLE_SECONDS + length / MIN_BYTES_PER_SECOND
    is_complete = False

    async def receive_in_time() -> Message:
        nonlocal is_complete
        if is_complete:  # what follows is the end of the connection, at any time
            return await receive()
        seconds = min(IDLE_SECONDS, deadline - time.monotonic())
        try:
            async with asyncio.timeout(seconds):  # `wait_for` would start a task each time
                message = await receive()
        except TimeoutError as error:
            raise BodyError(408, "Expected the body sooner; try again.") from error
        if message["type"] == "http.disconnect":
            raise BodyError(400, "Expected a complete body.")
        is_complete = not message.get("more_body", False)
        return message

    return receive_in_time


async def read(receive: Receive, length: int) -> bytes:
    """Return a whole body of `length` bytes.

    Raises:
        BodyError: It does not come in time or breaks off.
    """
    receive_in_time = timed(receive, length)
    chunks: list[bytes] = []
    while True:
        message = await receive_in_time()
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)
