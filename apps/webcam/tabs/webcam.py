"""One frame of one visitor: decode, read, settle, draw, encode."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, perf_counter
from typing import Any

import cv2

from apps.webcam import image_io
from apps.webcam.tracking.tracker import Tracker
from apps.webcam.ui import overlay, panel
from core import system
from core.errors import UserError
from core.pipeline import Pipeline

NOBODY = "No face in view. Face the camera, an arm's length away, with light on your face."

READERS = ThreadPoolExecutor(system.usable_processors(), thread_name_prefix="reader")
"""The threads that read frames. Eight at a time on two processors would each take four times as
long, and all be that old when shown. And memory stays flat: what a thread keeps from frame to frame
is kept for these alone, not for Gradio's, which come and go.
"""


class Visitor:
    """What is remembered of one visitor between two frames: settled numbers and times, never
    pixels.
    """

    def __init__(self) -> None:
        self.tracker = Tracker()
        self.times: deque[float] = deque(maxlen=64)

    def rate(self, now: float) -> float:
        """Frames/s over the last two seconds, this frame included."""
        if self.times and now - self.times[-1] > 2:
            self.times.clear()
        self.times.append(now)
        recent = [t for t in self.times if now - t <= 2]
        return (len(recent) - 1) / (now - recent[0]) if len(recent) > 1 else 0.0


def step(
    pipeline: Pipeline, payload: dict[str, Any] | None, visitor: Visitor
) -> tuple[dict[str, str] | None, str, str]:
    """Gradio's frame -> (picture to show, cards, readout).

    Mirroring: Gradio's camera (`mirror=True`) sends the pixels as in a mirror, because people
    expect to see themselves so. They are turned back before the prediction, since the training
    pictures are not mirrored and landmarks name the person's own left and right; only the copy that
    is drawn on is mirrored again, with upright writing.
    """
    return READERS.submit(_read, pipeline, payload, visitor, perf_counter()).result()


def _read(
    pipeline: Pipeline, payload: dict[str, Any] | None, visitor: Visitor, came: float
) -> tuple[dict[str, str] | None, str, str]:
    start = perf_counter()
    try:
        mirrored = image_io.decode(
            payload, max_bytes=image_io.FRAME_BYTES, max_pixels=image_io.FRAME_PIXELS
        )
    except UserError as error:
        return None, panel.problem(str(error)), ""
    frame = cv2.flip(mirrored, 1)  # numpy's copy of a reversed view takes forty times as long
    decoded = perf_counter()
    reading = pipeline(frame)
    now = monotonic()
    faces = visitor.tracker.update(reading.faces, now)
    before = perf_counter()
    shown = image_io.encode(overlay.draw(frame, faces, mirrored=True))
    done = perf_counter()
    timing = reading.timing_ms
    ms = {
        "decode": 1000 * (decoded - start),
        **{k: timing[k] for k in ("detect", "align", "net")},
        "draw": 1000 * (done - before),
        "wait": 1000 * (start - came),
        "total": 1000 * (done - came),
    }
    return shown, panel.faces(faces, NOBODY), panel.readout(ms, visitor.rate(now))
