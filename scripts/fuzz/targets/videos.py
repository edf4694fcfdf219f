"""Mutated MP4, MOV, WebM, MKV and AVI, as the demo's decoding process takes them.

They are decoded in this process, without the limits of that one, so that what they take shows.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from apps.webcam.decoding.frame_geometry import upright_rgb
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.decoding.video_frames import damaged, open_video, sampled_frames
from scripts.fuzz.mutate import mutate

MAX_SECONDS = 5.0
"""A file of some kilobytes may state many large frames, which are then drawn."""
KINDS = (
    ("mp4", "libx264"),
    ("mp4", "mpeg4"),
    ("mp4", "libx265"),
    ("mov", "libx264"),
    ("mov", "mjpeg"),
    ("mov", "prores_ks"),
    ("webm", "libvpx"),
    ("webm", "libvpx-vp9"),
    ("matroska", "libx264"),
    ("matroska", "mpeg2video"),
    ("avi", "mpeg4"),
    ("avi", "mjpeg"),
    ("avi", "rawvideo"),
)
"""Container and coding of the seeds."""
FRAMES, SIDE = 8, 64


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Write one hostile video and return its decoding."""
    path = folder / "video"
    path.write_bytes(_hostile(rng))
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


def _hostile(rng: np.random.Generator) -> bytes:
    data = _seed(*KINDS[int(rng.integers(len(KINDS)))])
    kind = rng.integers(8)
    if kind == 0:  # two files in one
        other = _seed(*KINDS[int(rng.integers(len(KINDS)))])
        at = int(rng.integers(len(data)))
        return data[:at] + other[int(rng.integers(len(other))) :]
    if kind == 1:  # a part again and again
        start, length = int(rng.integers(len(data))), int(rng.integers(1, 2000))
        repeats = int(10 ** rng.uniform(1, 4))
        return data[:start] + data[start : start + length] * repeats + data[start:]
    if kind == 2:  # numbers in the headers
        head = mutate(data[: min(len(data), 600)], rng)
        return head + data[600:]
    return mutate(data, rng)


@cache
def _seed(container: str, coding: str) -> bytes:
    """A valid video of generated frames."""
    rng, out = np.random.default_rng(0), io.BytesIO()
    with av.open(out, "w", format=container) as writer:
        stream = writer.add_stream(coding, rate=25)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = SIDE
        stream.pix_fmt = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}.get(coding, "yuv420p")
        for _ in range(FRAMES):
            small = rng.integers(0, 256, (SIDE // 8, SIDE // 8, 3), np.uint8)
            rgb = small.repeat(8, axis=0).repeat(8, axis=1)
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        writer.mux(stream.encode(None))
    return out.getvalue()
