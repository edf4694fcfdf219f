"""An uploaded video into an annotated H.264 MP4 and its predictions, frame by frame.

Faces keep their number and their values are smoothed as in the live view, on the video's own clock.
Sound is neither read nor kept.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from apps.webcam.tracking.tracker import TrackedFrame, Tracker
from apps.webcam.ui import overlay
from core.errors import UserError
from core.pipeline import Pipeline

MAX_DECODED_PER_PROCESSED = 4
"""How many times `VideoLimits.max_frames` a file may hold: frames that are left out for a lower
frame rate still cost decoding.
"""
DETECTION_SIDE_PX = 640
"""Long side at which faces are searched, between those of a live frame and of a single image."""
DURATION_TOLERANCE_SECONDS = 0.5
INTERVAL_TOLERANCE = 0.98
"""A frame is processed once this share of the shortest interval has passed."""
DEFAULT_FRAME_RATE = 30.0
TIME_BASE = Fraction(1, 90_000)
"""Unit of time in the result, in seconds."""
KEYFRAME_INTERVAL_FRAMES = 60
SUGGESTION = "try converting it to MP4 (H.264)."


class VideoError(UserError):
    """A file that cannot be read as a video, or exceeds the limits."""


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What a free demo on two cores can process.

    Attributes:
        max_bytes: Size of the file.
        max_seconds: Duration.
        max_frames: Processed frames.
        max_pixels: Width times height of a frame.
        max_frame_rate: Frames/s; those beyond it are left out.
        max_side: Long side of the result in pixels; larger frames are scaled down.
    """

    max_bytes: int = 64 * 2**20
    max_seconds: float = 60.0
    max_frames: int = 1800
    max_pixels: int = 3840 * 2160
    max_frame_rate: float = 30.0
    max_side: int = 1280


VIDEO_LIMITS = VideoLimits()


def annotate(
    source: Path, target: Path, pipeline: Pipeline, limits: VideoLimits = VIDEO_LIMITS
) -> Generator[TrackedFrame]:
    """Yield the faces of each processed frame, and write them into a video.

    Args:
        source: Any video file; untrusted.
        target: The MP4 file. It is complete when the generator ends; closing the generator early
            leaves no file.
        pipeline: Predicts on every frame.
        limits: Beyond these a video is refused.

    Raises:
        VideoError: Not a video, damaged, or beyond `limits`; also in the middle, if the header is
            wrong.
    """
    is_complete = False
    try:
        with (
            _open(source, limits) as reader,
            av.open(target, "w", options={"movflags": "+faststart"}) as writer,
        ):
            yield from _annotate_frames(reader, writer, pipeline, limits)
        is_complete = True
    except av.FFmpegError as error:
        if not target.parent.is_dir():  # the visitor left, and their folder was deleted
            return
        raise _damaged(error) from error
    finally:
        if not is_complete:
            target.unlink(missing_ok=True)


def _damaged(error: av.FFmpegError) -> VideoError:
    return VideoError(f"Expected a whole video, got damaged data ({error.strerror}); {SUGGESTION}")


@contextmanager
def _open(source: Path, limits: VideoLimits) -> Iterator[InputContainer]:
    """Open a video whose size, kind and header are within the limits."""
    size = source.stat().st_size
    if size > limits.max_bytes:
        raise VideoError(
            f"Expected a video of at most {limits.max_bytes >> 20} MB, got {size / 2**20:.0f} MB;"
            " try a shorter or smaller one."
        )
    with source.open("rb") as file:
        container = container_format(file.read(64))
    if container is None:
        raise VideoError(
            "Expected an MP4, MOV, WebM, MKV or AVI video, got another kind of file; " + SUGGESTION
        )
    try:
        # The format is fixed, so that no playlist in disguise can make FFmpeg open other files or
        # addresses.
        reader = av.open(source, format=container, container_options={"protocol_whitelist": "file"})
    except av.FFmpegError as error:
        raise _damaged(error) from error
    with reader:
        _check_header(reader, limits)
        yield reader


def _check_header(reader: InputContainer, limits: VideoLimits) -> None:
    if not reader.streams.video:
        raise VideoError("Expected a video with pictures, got only sound; try another file.")
    stream = reader.streams.video[0]
    _check_pixels(stream.codec_context.width, stream.codec_context.height, limits)
    seconds = _duration_s(reader, stream)
    if seconds and seconds > limits.max_seconds + DURATION_TOLERANCE_SECONDS:
        raise VideoError(
            f"Expected a video of at most {limits.max_seconds:.0f} s, got {seconds:.0f} s;"
            " try cutting it."
        )


def _check_pixels(width: int, height: int, limits: VideoLimits) -> None:
    if not 0 < width * height <= limits.max_pixels:
        raise VideoError(
            f"Expected at most {limits.max_pixels:,} pixels a frame, got {width} × {height};"
            " try a smaller resolution."
        )


def container_format(head: bytes) -> str | None:
    """Return FFmpeg's name of the container that a file's first bytes announce, or None."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    return "avi" if head.startswith(b"RIFF") and head[8:12] == b"AVI " else None


def _duration_s(reader: InputContainer, stream: VideoStream) -> float | None:
    """Return the duration in seconds that the header states, if any."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return reader.duration / av.time_base if reader.duration else None


def _annotate_frames(
    reader: InputContainer, writer: OutputContainer, pipeline: Pipeline, limits: VideoLimits
) -> Iterator[TrackedFrame]:
    stream = reader.streams.video[0]
    duration_s = _duration_s(reader, stream) or limits.max_seconds
    tracker = Tracker()
    output: VideoStream | None = None
    for frame, time in _sampled_frames(reader, stream, limits):
        rgb = upright_rgb(frame, limits.max_side)
        faces = tracker.update(pipeline(rgb, DETECTION_SIDE_PX).faces, time)
        if output is None:
            # Only says how long the last frame is shown.
            rate = min(
                max(float(stream.average_rate or DEFAULT_FRAME_RATE), 1.0), limits.max_frame_rate
            )
            output = _add_output_stream(writer, rgb, rate)
        _write(writer, output, overlay.draw(rgb, faces), time)
        progress = min(1.0, time / duration_s) if duration_s else 0.0
        yield TrackedFrame(time, tuple(faces), progress)
    if output is None:
        raise VideoError("Expected a video with at least one frame, got none; " + SUGGESTION)
    writer.mux(output.encode(None))


def _sampled_frames(
    reader: InputContainer, stream: VideoStream, limits: VideoLimits
) -> Iterator[tuple[VideoFrame, float]]:
    """Yield frames at most at the limit's frame rate, with seconds since the first frame."""
    stream.thread_type = "AUTO"
    start: float | None = None
    last_time, count = -math.inf, 0
    for decoded, frame in enumerate(reader.decode(stream)):
        if decoded > MAX_DECODED_PER_PROCESSED * limits.max_frames:
            raise VideoError(
                f"Expected at most {MAX_DECODED_PER_PROCESSED * limits.max_frames:,} frames, got"
                " more; try cutting the video."
            )
        _check_pixels(frame.width, frame.height, limits)
        timestamp = frame.time if frame.time is not None else count / limits.max_frame_rate
        start = timestamp if start is None else start
        time = timestamp - start
        if time - last_time < INTERVAL_TOLERANCE / limits.max_frame_rate:
            continue
        is_too_long = time > limits.max_seconds + DURATION_TOLERANCE_SECONDS
        if is_too_long or count >= limits.max_frames:
            raise VideoError(
                f"Expected at most {limits.max_seconds:.0f} s and {limits.max_frames} frames, got"
                " more; try cutting the video."
            )
        yield frame, time
        last_time, count = time, count + 1


def upright_rgb(frame: VideoFrame, max_side: int) -> np.ndarray:
    """Return a frame turned the way the phone was held.

    Args:
        frame: As decoded.
        max_side: Long side of the result in pixels; larger frames are scaled down.

    Returns:
        RGB uint8, shape (H, W, 3), H and W even, as H.264 needs them.
    """
    factor = min(1.0, max_side / max(frame.width, frame.height))
    width, height = (max(2, round(v * factor) // 2 * 2) for v in (frame.width, frame.height))
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height)
    rotation = {
        90: cv2.ROTATE_90_COUNTERCLOCKWISE,
        180: cv2.ROTATE_180,
        270: cv2.ROTATE_90_CLOCKWISE,
    }.get(frame.rotation % 360)
    return rgb if rotation is None else cv2.rotate(rgb, rotation)


def _add_output_stream(writer: OutputContainer, rgb: np.ndarray, rate: float) -> VideoStream:
    stream = writer.add_stream(
        "libx264",
        rate=Fraction(rate).limit_denominator(1001),
        options={"preset": "veryfast", "crf": "23"},
    )
    stream.height, stream.width = rgb.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = TIME_BASE
    stream.codec_context.gop_size = KEYFRAME_INTERVAL_FRAMES
    return stream


def _write(writer: OutputContainer, stream: VideoStream, rgb: np.ndarray, time: float) -> None:
    if rgb.shape[:2] != (stream.height, stream.width):  # some files change their size midway
        rgb = cv2.resize(rgb, (stream.width, stream.height))
    frame = VideoFrame.from_ndarray(rgb, format="rgb24")
    frame.pts, frame.time_base = round(time / TIME_BASE), TIME_BASE
    writer.mux(stream.encode(frame))
