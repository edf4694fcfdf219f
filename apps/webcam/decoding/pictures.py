"""Still pictures, decoded in a process of their own, one after the other.

The process starts with the first picture and stays, so that the next one does not wait for Python
to start. It is replaced after a picture that makes it crash, hang or swell.
"""

from __future__ import annotations

import os
import threading

import numpy as np

from apps.webcam.decoding.messages import BrokenStreamError, Values
from apps.webcam.decoding.process import DecodingProcess
from core import image
from core.errors import ImageError

MAX_PIXEL_BYTES = 3 * image.MAX_PIXELS
MAX_WAIT_SECONDS = 20.0
"""Longest time for one picture, on a machine that is busy with live streams."""


class PictureDecoder:
    """`core.image.load` in a process of its own. Safe to call from several threads."""

    def __init__(self, max_wait_seconds: float = MAX_WAIT_SECONDS) -> None:
        self._max_wait_seconds = max_wait_seconds
        self._process: DecodingProcess | None = None
        self._lock = threading.Lock()
        self._memory = _shared_memory()

    def load(self, data: bytes) -> np.ndarray:
        """Return a picture file as RGB uint8 (H, W, 3).

        Raises:
            ImageError: `core.image` refuses it, or it took too long or ended the process.
        """
        image.check_bytes(len(data), "the picture", image.MAX_BYTES)
        with self._lock:
            try:
                values, pixels = self._ask(data)
            except (BrokenStreamError, OSError) as error:
                self._end()
                raise ImageError(
                    "Expected a picture that can be decoded in time, got one that takes too long "
                    "or makes the decoder fail; try saving it as a JPEG."
                ) from error
        if "error" in values:
            raise ImageError(str(values["error"]))
        match values.get("shape"):
            case [int(height), int(width), 3] if width > 0 and height * width * 3 == pixels.size:
                return pixels.reshape(height, width, 3)
        raise ImageError("Expected a picture, got what the decoder cannot describe; try another.")

    def close(self) -> None:
        """End the process; the next picture starts another."""
        with self._lock:
            self._end()

    def _ask(self, data: bytes) -> tuple[Values, np.ndarray]:
        if self._process is None or not self._process.is_running:
            self._end()
            self._process = self._start()
        self._process.send({}, data)
        values, pixels = self._process.receive(MAX_PIXEL_BYTES, self._max_wait_seconds)
        size = values.get("shared")
        if self._memory is None or not isinstance(size, int) or not 0 < size <= MAX_PIXEL_BYTES:
            return values, pixels
        pixels = np.empty(size, np.uint8)
        # Read, not mapped: were the process hostile, it could cut the memory off meanwhile.
        if os.preadv(self._memory, [pixels.data], 0) != size:
            raise BrokenStreamError("the pixels are missing")
        os.ftruncate(self._memory, 0)  # gives the memory back
        os.ftruncate(self._memory, MAX_PIXEL_BYTES)
        return values, pixels

    def _start(self) -> DecodingProcess:
        if self._memory is None:
            return DecodingProcess("pictures")
        return DecodingProcess("pictures", str(self._memory), shared=[self._memory])

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._process = None


def _shared_memory() -> int | None:
    """Return a descriptor of memory to share, None where the system has none of the kind.

    A large picture would take dozens of turns between two processes to pass a pipe.
    """
    if not hasattr(os, "memfd_create"):
        return None
    memory = os.memfd_create("pictures")
    os.ftruncate(memory, MAX_PIXEL_BYTES)
    return memory


STILL_PICTURES = PictureDecoder()
"""The decoder of all visitors' still pictures."""
