"""A decoding process as the demo sees it: started, asked, ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

from apps.webcam.decoding import worker
from apps.webcam.decoding.messages import Values, receive, send
from core.system import ROOT

PIPE_BYTES = 2**20
SETTINGS = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(2**20),  # what a large picture took goes back to the system
}
"""Environment of the process, beside ours."""


class DecodingProcess:
    """`apps.webcam.decoding.worker` in a process of its own; a context manager that ends it."""

    def __init__(self, *arguments: str, shared: Sequence[int] = ()) -> None:
        """Start the process.

        Args:
            arguments: of `worker`.
            shared: file descriptors that the process inherits.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", worker.__name__, *arguments],
            cwd=ROOT,
            env=os.environ | SETTINGS,
            pass_fds=shared,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._replies = self._process.stdin, self._process.stdout
        with contextlib.suppress(ImportError, AttributeError, OSError):  # Linux only
            import fcntl

            for pipe in (self._requests, self._replies):
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def __enter__(self) -> DecodingProcess:
        """Return the process, which ends with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.kill()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def send(self, values: Values, content: bytes | memoryview = b"") -> None:
        """Send a request.

        Raises:
            OSError: the process ended.
        """
        send(self._requests, values, content)

    def receive(self, max_content_bytes: int, timeout_s: float) -> tuple[Values, np.ndarray]:
        """Wait for a message; see `messages.receive`."""
        return receive(self._replies.fileno(), max_content_bytes, timeout_s)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        self._replies.close()
        with contextlib.suppress(OSError):  # what it did not read any more
            self._requests.close()
