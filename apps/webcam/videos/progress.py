"""How far a video has been read, in words, and how long the rest takes."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from apps.webcam.tracking.tracker import TrackedFrame

INTERVAL_SECONDS = 0.4
"""Time between two reports."""
MIN_SHARE_FOR_ESTIMATE = 0.02
"""Share of the video that must have been read before the rest is estimated."""


def of_frames(frames: Iterator[TrackedFrame]) -> Iterator[tuple[str, float | None]]:
    """Yield text and share of the video (0 to 1, None if unknown), now and then, as frames come."""
    start = last_report = monotonic()
    first_share: float | None = None
    for count, frame in enumerate(frames, 1):
        now, share = monotonic(), frame.progress
        first_share = share if first_share is None else first_share
        if now - last_report < INTERVAL_SECONDS:
            continue
        last_report = now
        remaining = ""
        if share is not None and first_share is not None:
            done = share - first_share
            if done > MIN_SHARE_FOR_ESTIMATE:
                remaining = f", about {(now - start) * (1 - share) / done:.0f} s left"
        rate = count / (now - start)
        yield f"{frame.time:.1f} s of video read at {rate:.0f} frames/s{remaining}", share
