"""An uploaded video -> an annotated H.264 MP4 that browsers play, and one row per face and analysed
frame.

Faces keep their number and their values settle as in the live view, on the video's own clock. Sound
is neither read nor kept.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from apps.webcam.tracking.tracker import Tracked, Tracker
from apps.webcam.ui import overlay
from core.errors import UserError
from core.pipeline import Pipeline

DENSE = 4
"""A video may hold so many times the frames that are looked at: what lies between them costs
decoding.
"""
SEARCH_SIDE = 640
"""Long side in pixels at which a video's frames are searched: between a live frame and a still
picture.
"""
CLOCK = Fraction(1, 90_000)


class VideoError(UserError):
    """A file that cannot be read as a video, or is too much of one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a free demo on two cores can take. `frame_rate`: what a video has beyond it is left out;
    `side`: long side of the result.
    """

    bytes: int = 64 * 2**20
    seconds: float = 60.0
    frames: int = 1800
    pixels: int = 3840 * 2160
    frame_rate: float = 30.0
    side: int = 1280


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Moment:
    """An analysed frame: seconds from the start, its faces, and how much of the video is done, in
    [0, 1].
    """

    time: float
    faces: tuple[Tracked, ...]
    done: float


def annotate(
    source: Path, target: Path, pipeline: Pipeline, limits: Limits = LIMITS
) -> Generator[Moment]:
    """Writes `target` (.mp4) while it is iterated to its end; ending early leaves no `target`.

    Raises:
        VideoError: not a video, damaged, or beyond `limits`; also in the middle, where a header
        lied.
    """
    finished = False
    try:
        with (
            _open(source, limits) as reading,
            av.open(target, "w", options={"movflags": "+faststart"}) as writing,
        ):
            yield from _frames(reading, writing, pipeline, limits)
        finished = True
    except av.FFmpegError as error:
        if not target.parent.is_dir():  # the visitor left, and the folder went along
            return
        raise VideoError(
            f"Expected a whole video, got damaged data ({error.strerror}); try converting it to MP4 (H.264)."
        ) from error
    finally:
        if not finished:
            target.unlink(missing_ok=True)


def _open(source: Path, limits: Limits) -> av.container.InputContainer:
    """The container, with everything checked that its header tells."""
    size = source.stat().st_size
    if size > limits.bytes:
        raise VideoError(
            f"Expected a video of at most {limits.bytes >> 20} MB, got {size / 2**20:.0f} MB; try a shorter or smaller one."
        )
    with source.open("rb") as file:
        kind = container_of(file.read(64))
    if kind is None:
        raise VideoError(
            "Expected an MP4, MOV, WebM, MKV or AVI video, got another kind of file; try converting it to MP4 (H.264)."
        )
    try:
        # The format is fixed, so that no playlist in disguise can make FFmpeg open other files or
        # addresses.
        reading = av.open(source, format=kind, container_options={"protocol_whitelist": "file"})
    except av.FFmpegError as error:
        raise VideoError(
            f"Expected a whole video, got damaged data ({error.strerror}); try converting it to MP4 (H.264)."
        ) from error
    try:
        if not reading.streams.video:
            raise VideoError(
                "Expected a video with pictures, got none in this file; try another file."
            )
        stream = reading.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        if not 0 < width * height <= limits.pixels:
            raise VideoError(
                f"Expected at most {limits.pixels:,} pixels a frame, got {width} × {height}; try a smaller resolution."
            )
        if (seconds := _seconds(reading, stream)) and seconds > limits.seconds + 0.5:
            raise VideoError(
                f"Expected a video of at most {limits.seconds:.0f} s, got {seconds:.0f} s; try cutting it."
            )
    except VideoError:
        reading.close()
        raise
    return reading


def container_of(head: bytes) -> str | None:
    """FFmpeg's name of the container that a file's first bytes announce, or None."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    return "avi" if head.startswith(b"RIFF") and head[8:12] == b"AVI " else None


def _seconds(reading: av.container.InputContainer, stream: VideoStream) -> float | None:
    """The length that the header claims."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return reading.duration / av.time_base if reading.duration else None


def _frames(
    reading: av.container.InputContainer,
    writing: av.container.OutputContainer,
    pipeline: Pipeline,
    limits: Limits,
) -> Iterator[Moment]:
    stream = reading.streams.video[0]
    stream.thread_type = "AUTO"
    total = _seconds(reading, stream) or limits.seconds
    tracker, sink = Tracker(), None
    first, last, count = None, -math.inf, 0
    for decoded, frame in enumerate(reading.decode(stream)):
        if decoded > DENSE * limits.frames:
            raise VideoError(
                f"Expected at most {DENSE * limits.frames:,} frames, got more; try cutting the video."
            )
        if frame.width * frame.height > limits.pixels:
            raise VideoError(
                f"Expected at most {limits.pixels:,} pixels a frame, got {frame.width} × {frame.height}."
            )
        at = frame.time if frame.time is not None else count / limits.frame_rate
        first = at if first is None else first
        now = at - first
        if now - last < 0.98 / limits.frame_rate:
            continue
        if now > limits.seconds + 0.5 or count >= limits.frames:
            raise VideoError(
                f"Expected at most {limits.seconds:.0f} s and {limits.frames} frames, got more; try cutting the video."
            )
        rgb = upright(frame, limits.side)
        faces = tracker.update(pipeline(rgb, SEARCH_SIDE).faces, now)
        if sink is None:
            rate = min(
                max(float(stream.average_rate or 30), 1.0), limits.frame_rate
            )  # only says how long the last frame stays
            sink = _sink(writing, rgb, rate)
        _write(writing, sink, overlay.draw(rgb, faces), now)
        last, count = now, count + 1
        yield Moment(now, tuple(faces), min(1.0, now / total) if total else 0.0)
    if sink is None:
        raise VideoError(
            "Expected a video with at least one frame, got none; try converting it to MP4 (H.264)."
        )
    writing.mux(sink.encode(None))


def upright(frame: VideoFrame, side: int) -> np.ndarray:
    """RGB uint8 (H, W, 3), turned as the phone was held, at most `side` long and of even size, as
    H.264 wants it.
    """
    factor = min(1.0, side / max(frame.width, frame.height))
    width, height = (max(2, round(v * factor) // 2 * 2) for v in (frame.width, frame.height))
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height)
    quarter = {
        90: cv2.ROTATE_90_COUNTERCLOCKWISE,
        180: cv2.ROTATE_180,
        270: cv2.ROTATE_90_CLOCKWISE,
    }.get(frame.rotation % 360)
    return rgb if quarter is None else cv2.rotate(rgb, quarter)


def _sink(writing: av.container.OutputContainer, rgb: np.ndarray, rate: float) -> VideoStream:
    stream = writing.add_stream(
        "libx264",
        rate=Fraction(rate).limit_denominator(1001),
        options={"preset": "veryfast", "crf": "23"},
    )
    stream.height, stream.width = rgb.shape[:2]
    stream.pix_fmt, stream.codec_context.time_base, stream.codec_context.gop_size = (
        "yuv420p",
        CLOCK,
        60,
    )
    return stream


def _write(
    writing: av.container.OutputContainer, sink: VideoStream, rgb: np.ndarray, now: float
) -> None:
    if rgb.shape[:2] != (sink.height, sink.width):
        rgb = cv2.resize(rgb, (sink.width, sink.height))  # some files change their size midway
    frame = VideoFrame.from_ndarray(rgb, format="rgb24")
    frame.pts, frame.time_base = round(now / CLOCK), CLOCK
    writing.mux(sink.encode(frame))
