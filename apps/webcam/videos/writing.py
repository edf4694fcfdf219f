"""Annotated frames into an H.264 MP4, drawn and encoded in a thread of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import overlay

DEFAULT_FRAME_RATE = 30.0
TIME_BASE = Fraction(1, 90_000)
"""Unit of time in the result, in seconds."""
KEYFRAME_INTERVAL_FRAMES = 60
ENCODER_OPTIONS = {
    "preset": "veryfast",
    "crf": "23",
    "maxrate": "12M",
    "bufsize": "24M",
    "bf": "0",  # frames in the order of their times, so that parts can be joined
}
"""The rate is only reached by noise: 60 s take 90 MB at most."""
MAX_WAITING_FRAMES = 8
"""Frames that wait for the encoder; more would only take memory."""


class ProgramEndsError(Exception):
    """The program is about to end: its threads take no more work."""


class AnnotatedWriter:
    """Writes frames with boxes and labels; a context manager that completes the file.

    Attributes:
        is_empty: Whether nothing was written; then there is no file.
    """

    def __init__(self, target: Path, rate: float | None, max_rate: float) -> None:
        """Prepare the file `target`.

        Args:
            target: An MP4 file.
            rate: Frames/s that the source states, if any; only says how long the last is shown.
            max_rate: Frames/s.
        """
        self.is_empty = True
        self._target = target
        self._rate = min(max(rate or DEFAULT_FRAME_RATE, 1.0), max_rate)
        self._encoder: tuple[OutputContainer, VideoStream] | None = None
        self._thread = ThreadPoolExecutor(1, "encoder")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> AnnotatedWriter:
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what waits and complete the file."""
        try:
            while self._waiting:
                self._waiting.popleft().result()
        finally:
            self._thread.shutdown()
            if self._encoder is not None:
                writer, stream = self._encoder
                with writer:
                    writer.mux(stream.encode(None))

    def write(self, rgb: np.ndarray, faces: Sequence[TrackedFace], time: float) -> None:
        """Draw and encode a frame soon.

        Args:
            rgb: uint8 (H, W, 3), H and W even; not changed, and not to be changed.
            faces: In pixels of `rgb`.
            time: Seconds, more than that of the frame before.

        Raises:
            ProgramEndsError: The program is about to end.
        """
        self.is_empty = False
        while len(self._waiting) >= MAX_WAITING_FRAMES or (
            self._waiting and self._waiting[0].done()
        ):
            self._waiting.popleft().result()
        try:
            self._waiting.append(self._thread.submit(self._write, rgb, faces, time))
        except RuntimeError as error:
            if "cannot schedule new futures" not in str(error):
                raise
            raise ProgramEndsError("no thread works for a program that ends") from error

    def _write(self, rgb: np.ndarray, faces: Sequence[TrackedFace], time: float) -> None:
        if self._encoder is None:
            writer = av.open(self._target, "w")
            self._encoder = writer, add_stream(writer, rgb.shape, self._rate)
        encode(*self._encoder, overlay.draw(rgb, faces), time)


def add_stream(writer: OutputContainer, shape: tuple[int, ...], rate: float) -> VideoStream:
    """Return a new stream for frames of `shape` (H, W, ...)."""
    stream = writer.add_stream(
        "libx264", rate=Fraction(rate).limit_denominator(1001), options=ENCODER_OPTIONS
    )
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = TIME_BASE
    stream.codec_context.gop_size = KEYFRAME_INTERVAL_FRAMES
    return stream


def encode(writer: OutputContainer, stream: VideoStream, rgb: np.ndarray, time: float) -> None:
    """Write a frame, RGB uint8 (H, W, 3), which is shown at `time` seconds."""
    if rgb.shape[:2] != (stream.height, stream.width):  # some files change their size midway
        rgb = cv2.resize(rgb, (stream.width, stream.height))
    frame = VideoFrame.from_ndarray(rgb, format="rgb24")
    frame.pts, frame.time_base = round(time / TIME_BASE), TIME_BASE
    writer.mux(stream.encode(frame))
