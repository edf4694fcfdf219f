"""Synthetic clips through the pipeline and the tracker of the live view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.webcam.benchmarks.scene import RenderedFrame
from apps.webcam.tracking.tracker import TrackedFace, Tracker
from core.faces import LIVE_SIDE
from core.pipeline import FaceReading, Pipeline
from core.types import Box, Prediction, overlap

MAX_OVERLAP_WITH_OTHERS, MIN_OVERLAP_WITH_TRUTH = 0.1, 0.4
"""Intersection over union at which another actor hides a face, and at which a face is an actor."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """A frame after the pipeline.

    Attributes:
        time: Seconds.
        boxes: The true boxes of the actors.
        faces: Predictions of this frame alone.
    """

    time: float
    boxes: tuple[Box | None, ...]
    faces: tuple[FaceReading, ...]


@dataclass(frozen=True, slots=True)
class ActorFrame:
    """An actor in a frame where it was detected.

    Attributes:
        time: Seconds.
        raw: The prediction of this frame alone.
        tracked: The smoothed prediction under its number.
    """

    time: float
    raw: Prediction
    tracked: TrackedFace


def play(pipeline: Pipeline, frames: Iterable[RenderedFrame]) -> list[ClipFrame]:
    """Return every frame's predictions, as the live view makes them."""
    return [
        ClipFrame(f.time, f.boxes, pipeline(f.pixels, LIVE_SIDE, turned=False).faces)
        for f in frames
    ]


def subsample(frames: Sequence[ClipFrame], rate: float) -> list[ClipFrame]:
    """Return what a camera of `rate` frames/s would have delivered of a clip."""
    kept: list[ClipFrame] = []
    for frame in frames:
        if frame.time * rate >= len(kept) - 1e-6:
            kept.append(frame)
    return kept


def track_actor(frames: Sequence[ClipFrame], actor: int = 0) -> list[ActorFrame]:
    """Return an actor's raw and smoothed predictions over a clip.

    Frames where it is not detected, another actor hides it, or the model abstains are left out.
    """
    tracker, actor_frames = Tracker(), []
    for frame in frames:
        tracked = tracker.update(frame.faces, frame.time)
        truth = frame.boxes[actor]
        others = [b for i, b in enumerate(frame.boxes) if i != actor and b is not None]
        if truth is None or any(overlap(truth, b) > MAX_OVERLAP_WITH_OTHERS for b in others):
            continue
        matches = [
            face
            for face in tracked
            if not face.held and overlap(face.reading.face.box, truth) > MIN_OVERLAP_WITH_TRUTH
        ]
        if len(matches) == 1 and matches[0].reading.abstained is None:
            detection = matches[0].reading.face
            raw = next(f.prediction for f in frame.faces if f.face is detection)
            actor_frames.append(ActorFrame(frame.time, raw, matches[0]))
    return actor_frames


def face_numbers(frames: Sequence[ClipFrame]) -> list[list[int]]:
    """Return the numbers that each actor was shown under, ascending; those of no actor last."""
    actors = range(len(frames[0].boxes))
    numbers = [{f.tracked.id for f in track_actor(frames, actor)} for actor in actors]
    tracker = Tracker()
    all_numbers = {face.id for f in frames for face in tracker.update(f.faces, f.time)}
    return [*(sorted(ids) for ids in numbers), sorted(all_numbers.difference(*numbers))]
