"""An untrusted video file into upright RGB frames and their times; runs in a decoding process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from apps.webcam.decoding.limits import CODECS, SUGGESTION, VideoError, VideoLimits
from core.image.video import HEAD_BYTES, container_format

MAX_DECODED_PER_PROCESSED = 4
"""How many times `VideoLimits.max_frames` a file may hold: frames that are left out for a lower
frame rate still cost decoding.
"""
DURATION_TOLERANCE_SECONDS = 0.5
INTERVAL_TOLERANCE = 0.98
"""A frame is processed once this share of the shortest interval has passed."""


def damaged(error: Exception) -> VideoError:
    """Return an error of the libraries as one for the visitor."""
    if isinstance(error, MemoryError | BlockingIOError):  # no memory for a thread's stack
        return VideoError(f"Expected a video that fits into memory, got a larger one; {SUGGESTION}")
    reason = error.strerror if isinstance(error, av.FFmpegError) else type(error).__name__
    return VideoError(f"Expected a whole video, got damaged data ({reason}); {SUGGESTION}")


def check_file(source: Path, limits: VideoLimits) -> str:
    """Return FFmpeg's name of a file's container.

    Raises:
        VideoError: The file is too large, or no video.
    """
    size = source.stat().st_size
    if size > limits.max_bytes:
        raise VideoError(
            f"Expected a video of at most {limits.max_bytes >> 20} MB, got {size / 2**20:.0f} MB;"
            " try a shorter or smaller one."
        )
    with source.open("rb") as file:
        container = container_format(file.read(HEAD_BYTES))
    if container is None:
        raise VideoError(
            "Expected an MP4, MOV, WebM, MKV or AVI video, got another kind of file; " + SUGGESTION
        )
    return container


@contextmanager
def open_video(source: Path, limits: VideoLimits) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video whose size, kind and header are within the limits.

    Raises:
        VideoError: They are not, or the file is damaged.
    """
    container = check_file(source, limits)
    try:
        # The format is fixed, so that no playlist in disguise can make FFmpeg open other files or
        # addresses.
        reader = av.open(
            source,
            format=container,
            metadata_errors="replace",
            container_options={"protocol_whitelist": "file", "codec_whitelist": ",".join(CODECS)},
        )
    except av.FFmpegError as error:
        raise damaged(error) from error
    with reader:
        if not reader.streams.video:
            raise VideoError("Expected a video with pictures, got only sound; try another file.")
        stream = reader.streams.video[0]
        codec = stream.codec_context
        if codec is None or codec.name not in CODECS:
            name = "an unknown coding" if codec is None else codec.name
            raise VideoError(
                f"Expected a usual coding, such as H.264 or VP9, got {name}; {SUGGESTION}"
            )
        _check_pixels(codec.width, codec.height, limits)
        seconds = duration_s(reader, stream)
        if seconds and seconds > limits.max_seconds + DURATION_TOLERANCE_SECONDS:
            raise VideoError(
                f"Expected a video of at most {limits.max_seconds:.0f} s, got {seconds:.0f} s;"
                " try cutting it."
            )
        codec.options = {"max_pixels": str(limits.max_pixels)}  # also of frames that come later
        yield reader, stream


def duration_s(reader: InputContainer, stream: VideoStream) -> float | None:
    """Return the duration in seconds that the header states, if any."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return reader.duration / av.time_base if reader.duration else None


def sampled_frames(
    reader: InputContainer, stream: VideoStream, limits: VideoLimits
) -> Iterator[tuple[VideoFrame, float]]:
    """Yield frames at most at the limit's frame rate, with seconds since the first frame.

    Raises:
        VideoError: There are too many, or they are too large.
    """
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


def _check_pixels(width: int, height: int, limits: VideoLimits) -> None:
    if not 0 < width * height <= limits.max_pixels:
        raise VideoError(
            f"Expected at most {limits.max_pixels:,} pixels a frame, got {width} × {height};"
            " try a smaller resolution."
        )
