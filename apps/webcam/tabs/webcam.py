"""One frame of one visitor's camera: decode, predict, smooth, draw, encode."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, perf_counter
from typing import NamedTuple

import cv2

from apps.webcam import image_io
from apps.webcam.image_io import ImagePayload, ShownImage
from apps.webcam.monitoring.monitor import Monitor
from apps.webcam.monitoring.settled_faces import SettledFaces
from apps.webcam.tracking.tracker import Tracker
from apps.webcam.ui import overlay, panel, texts
from core import system
from core.detection.face_stream import FaceStream
from core.errors import UserError
from core.pipeline import Pipeline

RATE_WINDOW_SECONDS = 2.0
"""The shown frame rate is that over this time."""
MAX_FRAME_TIMES = 64
REAR_CAMERA = "data:image/jpeg;facing=environment"
"""How the URL of a frame begins whose camera looks away from the visitor."""

FRAME_WORKERS = ThreadPoolExecutor(system.usable_processors(), thread_name_prefix="frame")
"""The threads that process frames, one per processor. Eight frames at a time on two processors
would each take four times as long, and all be that old when shown. It also keeps memory flat: what
a thread caches from frame to frame exists for these only, not for Gradio's threads, which come and
go.
"""


class VisitorState:
    """What is kept of a visitor between two frames: smoothed values and times, never pixels."""

    def __init__(self) -> None:
        self.tracker = Tracker()
        self.stream = FaceStream()
        self.settled = SettledFaces()
        self.frame_times: deque[float] = deque(maxlen=MAX_FRAME_TIMES)

    def frame_rate(self, now: float) -> float:
        """Add a frame at `now` seconds and return the recent rate in frames/s."""
        if self.frame_times and now - self.frame_times[-1] > RATE_WINDOW_SECONDS:
            self.frame_times.clear()
        self.frame_times.append(now)
        recent = [t for t in self.frame_times if now - t <= RATE_WINDOW_SECONDS]
        return (len(recent) - 1) / (now - recent[0]) if len(recent) > 1 else 0.0


class WebcamTabUpdate(NamedTuple):
    """New values of the tab's components, in the order of the listener's outputs."""

    image: ShownImage | None
    cards: str
    readout: str


async def process_frame(
    pipeline: Pipeline,
    payload: ImagePayload | None,
    visitor: VisitorState,
    monitor: Monitor | None = None,
) -> WebcamTabUpdate:
    """Predict on a frame, count it and return what the page shows.

    Mirroring: the page sends mirrored pixels, because people expect to see themselves as in a
    mirror; those of a rear camera come as they are. Mirrored ones are turned back before the
    prediction, since the training images are not mirrored and landmarks name the person's own left
    and right. What is shown is the mirrored image, with upright writing.
    """
    arrived = perf_counter()
    return await asyncio.wrap_future(
        FRAME_WORKERS.submit(_process, pipeline, payload, visitor, monitor, arrived)
    )


def _process(
    pipeline: Pipeline,
    payload: ImagePayload | None,
    visitor: VisitorState,
    monitor: Monitor | None,
    arrived: float,
) -> WebcamTabUpdate:
    try:
        return _predict(pipeline, payload, visitor, monitor, arrived)
    except UserError as error:
        return WebcamTabUpdate(None, panel.problem(str(error)), "")
    except Exception:  # a fault of ours: whoever runs the server gets it, the page a sentence
        traceback.print_exc()
        return WebcamTabUpdate(None, panel.problem(texts.SERVER_FAULT), "")


def _predict(
    pipeline: Pipeline,
    payload: ImagePayload | None,
    visitor: VisitorState,
    monitor: Monitor | None,
    arrived: float,
) -> WebcamTabUpdate:
    """Predict on a frame; `arrived` is when it came, in seconds of `perf_counter`."""
    start = perf_counter()
    pixels = image_io.decode_frame(payload)
    mirrored = not ((payload or {}).get("url") or "").startswith(REAR_CAMERA)
    # Copying a reversed numpy view takes forty times as long as `flip`.
    frame = cv2.flip(pixels, 1) if mirrored else pixels
    decoded = perf_counter()
    now = monotonic()
    reading = pipeline.read_frame(frame, visitor.stream, now)
    faces = visitor.tracker.update(reading.faces, now)
    predicted = perf_counter()
    overlay.draw_on(pixels, faces, is_mirrored=mirrored)  # they are read and needed no more
    annotated = image_io.encode(pixels)
    done = perf_counter()
    height, width = frame.shape[:2]
    timing_ms = {
        "decode": 1000 * (decoded - start),
        **{step: reading.timing_ms[step] for step in ("detect", "align", "net")},
        "draw": 1000 * (done - predicted),
        "wait": 1000 * (start - arrived),
        "total": 1000 * (done - arrived),
    }
    if monitor is not None:
        monitor.count_live(visitor.settled, faces, reading, now, timing_ms["total"])
    return WebcamTabUpdate(
        annotated,
        panel.faces(faces, texts.NO_FACE_IN_VIEW, (width, height), mirrored=mirrored),
        panel.readout(timing_ms, visitor.frame_rate(now)),
    )
