"""Mutated videos whose sound is copied beside an annotated video, as a process of the demo does it.

It runs in this process, without the limits of that one, so that what it takes shows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np

from apps.webcam.decoding.joining import join
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.decoding.video_frames import damaged
from scripts.fuzz.videos import hostile, seed

MAX_SECONDS = 5.0
"""Time of a case, as of `videos`: a picture is decoded, too."""


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Write a part of an annotated video and one hostile source, and return their joining."""
    part, source = folder / "part.mp4", folder / "source"
    part.write_bytes(seed("mp4", "libx264", None))
    source.write_bytes(hostile(rng))
    return partial(_join, part, source, folder / "joined.mp4", float(rng.uniform(0.1, 1.0)))


def _join(part: Path, source: Path, target: Path, end_s: float) -> None:
    try:
        sound = join([part], target, source, end_s, VIDEO_LIMITS)
        if target.stat().st_size > VIDEO_LIMITS.max_result_bytes:
            raise AssertionError(f"a file of {target.stat().st_size} bytes")
        with av.open(target) as joined:
            if len(joined.streams.audio) != sound.is_kept or not joined.streams.video:
                raise AssertionError(f"{len(joined.streams.audio)} streams of sound: {sound}")
    except av.FFmpegError as error:
        raise damaged(error) from error
    finally:
        target.unlink(missing_ok=True)
