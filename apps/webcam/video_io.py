"""An uploaded video into an annotated H.264 MP4 and its predictions, frame by frame.

Faces keep their number and their values are smoothed as in the live view, on the video's own clock.
Sound is neither read nor kept. The upload is decoded in a process of its own.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from apps.webcam.decoding.limits import SUGGESTION, VIDEO_LIMITS, VideoError, VideoLimits
from apps.webcam.decoding.video import VideoFrames, open_frames
from apps.webcam.tracking.tracker import TrackedFrame, Tracker
from apps.webcam.ui import overlay
from core.pipeline import Pipeline

DETECTION_SIDE_PX = 640
"""Long side at which faces are searched, between those of a live frame and of a single image."""
DEFAULT_FRAME_RATE = 30.0
TIME_BASE = Fraction(1, 90_000)
"""Unit of time in the result, in seconds."""
KEYFRAME_INTERVAL_FRAMES = 60
ENCODER_OPTIONS = {"preset": "veryfast", "crf": "23", "maxrate": "12M", "bufsize": "24M"}
"""The rate is only reached by noise: 60 s take 90 MB at most."""


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
            open_frames(source, limits) as video,
            av.open(target, "w", options={"movflags": "+faststart"}) as writer,
        ):
            yield from _annotate_frames(video, writer, pipeline, limits)
        is_complete = True
    except av.FFmpegError:
        if not target.parent.is_dir():  # the visitor left, and their folder was deleted
            return
        raise
    finally:
        if not is_complete:
            target.unlink(missing_ok=True)


def _annotate_frames(
    video: VideoFrames, writer: OutputContainer, pipeline: Pipeline, limits: VideoLimits
) -> Iterator[TrackedFrame]:
    duration_s = video.duration_s or limits.max_seconds
    tracker = Tracker()
    output: VideoStream | None = None
    for rgb, time in video.frames:
        faces = tracker.update(pipeline(rgb, DETECTION_SIDE_PX, turned=False).faces, time)
        if output is None:
            # Only says how long the last frame is shown.
            rate = min(max(video.rate or DEFAULT_FRAME_RATE, 1.0), limits.max_frame_rate)
            output = _add_output_stream(writer, rgb, rate)
        _write(writer, output, overlay.draw(rgb, faces), time)
        yield TrackedFrame(time, tuple(faces), min(1.0, time / duration_s))
    if output is None:
        raise VideoError("Expected a video with at least one frame, got none; " + SUGGESTION)
    writer.mux(output.encode(None))


def _add_output_stream(writer: OutputContainer, rgb: np.ndarray, rate: float) -> VideoStream:
    stream = writer.add_stream(
        "libx264",
        rate=Fraction(rate).limit_denominator(1001),
        options=ENCODER_OPTIONS,
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
