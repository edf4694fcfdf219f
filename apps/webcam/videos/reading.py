"""The faces of each frame of a video, read in batches and tracked on the video's own clock.

for frame in read_video(Path("clip.mp4"), Pipeline("assets/models/mien")):
    print(frame.time, [face.reading.to_json() for face in frame.measured])
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from apps.webcam.decoding.limits import VIDEO_LIMITS, VideoLimits
from apps.webcam.decoding.video import VideoFrames, open_frames
from apps.webcam.tracking.tracker import TrackedFrame, Tracker
from apps.webcam.videos.detection import MAX_GAP_FRAMES, detect
from core.detection.stream_turn import StreamTurn
from core.pipeline import Pipeline, Reading
from core.types import Face

DETECTION_SIDE_PX = 640
"""Long side at which faces are searched, between those of a live frame and of a single image."""


def read_video(
    source: Path,
    pipeline: Pipeline,
    limits: VideoLimits = VIDEO_LIMITS,
    max_gap_frames: int = MAX_GAP_FRAMES,
) -> Iterator[TrackedFrame]:
    """Yield the faces of each processed frame; nothing is written.

    Args:
        source: Any video file; untrusted.
        pipeline: Reads the faces.
        limits: Beyond these a video is refused.
        max_gap_frames: As of `read_frames`.

    Raises:
        VideoError: Not a video, damaged, or beyond `limits`; also in the middle, if the header is
            wrong.
        FileNotFoundError: There is no such file.
    """
    with open_frames(source, limits) as video:
        for _, frame, _ in read_frames(video, pipeline, Tracker(), StreamTurn(), max_gap_frames):
            yield frame


def read_frames(
    video: VideoFrames,
    pipeline: Pipeline,
    tracker: Tracker,
    turn: StreamTurn,
    max_gap_frames: int = MAX_GAP_FRAMES,
) -> Iterator[tuple[np.ndarray, TrackedFrame, Reading]]:
    """Yield the frames of an opened video with their faces.

    Args:
        video: At its start, or where another read of it stopped.
        pipeline: Reads the faces.
        tracker: Has the faces of the frames before.
        turn: In which way up they were.
        max_gap_frames: From one searched frame to the next; with 1 all are searched.

    Yields:
        The frame, RGB uint8, shape (H, W, 3); its faces as they are shown; and what the model said
        of this frame alone, not smoothed.
    """

    def search(rgb: np.ndarray, time: float) -> tuple[list[Face], int]:
        return turn.search(rgb, pipeline.detector, DETECTION_SIDE_PX, time), turn.quarter

    for group in detect(video.frames, search, max_gap_frames):
        readings = pipeline.read_detected(
            [frame.rgb for frame in group],
            [frame.faces for frame in group],
            [frame.quarter for frame in group],
            DETECTION_SIDE_PX,
        )
        for frame, reading in zip(group, readings, strict=True):
            faces = tuple(tracker.update(reading.faces, frame.time))
            share = None if video.duration_s is None else min(1.0, frame.time / video.duration_s)
            yield frame.rgb, TrackedFrame(frame.time, faces, share), reading
