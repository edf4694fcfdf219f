"""Mutated MP4, MOV, WebM, MKV and AVI, as the demo's decoding process takes them.

They are decoded in this process, without the limits of that one, so that what they take shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from apps.webcam.decoding.frame_geometry import upright_rgb
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.decoding.video_frames import damaged, open_video, sampled_frames
from scripts.fuzz.videos import hostile

MAX_SECONDS = 5.0
"""A file of some kilobytes may state many large frames, which are then drawn."""


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Write one hostile video and return its decoding."""
    path = folder / "video"
    path.write_bytes(hostile(rng))
    return lambda: _decode(path)


def _decode(path: Path) -> int:
    count, reformatter = 0, VideoReformatter()
    try:
        with open_video(path, VIDEO_LIMITS) as (reader, stream):
            for frame, _ in sampled_frames(reader, stream, VIDEO_LIMITS):
                rgb = upright_rgb(
                    frame, VIDEO_LIMITS.max_side, stream.sample_aspect_ratio, reformatter
                )
                if max(rgb.shape) > VIDEO_LIMITS.max_side:
                    raise AssertionError(f"a frame of {rgb.shape}")
                count += 1
    except av.FFmpegError as error:
        raise damaged(error) from error
    return count
