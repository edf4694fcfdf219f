"""Measures of the shown values: deviation over time, lag after a change, time of the tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import process_time

import numpy as np

from apps.webcam.benchmarks.playback import ActorFrame
from apps.webcam.benchmarks.scene import SWAP_AT_SECONDS
from apps.webcam.tracking.tracker import Tracker
from core.pipeline import FaceReading
from core.types import Floats, Prediction

WARM_UP_SECONDS = 1.0
"""Values need a second to become steady; deviations are those after it."""
QUIET_DEVIATION = {"age": 0.3, "emotion": 0.02, "gender": 0.02}
"""Raw deviations below this (years, probability) are steady as they are; a ratio says nothing."""
MIN_CHANGE_IN_QUIET_DEVIATIONS = 5
SHARE_OF_CHANGE = 0.9
"""A change counts as shown once the shown value has covered this share of it."""
TRACKER_FRAMES, TRACKER_RATE = 150, 12
"""Frames of the tracker's timing, and frames/s of their clock."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Standard deviation of a value over time, in years or probability.

    Attributes:
        raw: Of single frames.
        shown: After smoothing.
        ratio: shown / raw; None where raw values are quiet by themselves.
    """

    raw: float
    shown: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class ChangeLag:
    """How soon a real change shows.

    Attributes:
        change: Size of the change, in years or probability.
        lag_s: Seconds until 90 % of it are shown; None for never.
    """

    change: float
    lag_s: float | None


def values_by_task(predictions: Sequence[Prediction]) -> dict[str, Floats]:
    """Return years or probabilities by task, shape (frames, values).

    A head that the model lacks is left out.
    """
    values: dict[str, Floats] = {}
    if predictions and predictions[0].age:
        values["age"] = np.array([[p.age.value] for p in predictions if p.age])
    if predictions and predictions[0].emotion:
        values["emotion"] = np.array([p.emotion.p for p in predictions if p.emotion])
    if predictions and predictions[0].gender:
        values["gender"] = np.array([p.gender.p for p in predictions if p.gender])
    return values


def standard_deviations(values: Mapping[str, Floats]) -> dict[str, float]:
    """Return the standard deviation over time by task.

    The root of the sum over classes of the variance; for perceived gender that of one class.

    Args:
        values: Task -> (frames, values), as of `values_by_task`.
    """
    return {
        task: float(np.sqrt(v.var(axis=0).sum() / (2 if task == "gender" else 1)))
        for task, v in values.items()
    }


def deviations(
    frames: Sequence[ActorFrame], since_s: float = WARM_UP_SECONDS
) -> dict[str, Deviation]:
    """Return the deviation over time by task, from `since_s` seconds on."""
    kept = [f for f in frames if f.time >= since_s]
    raw = standard_deviations(values_by_task([f.raw for f in kept]))
    smoothed = standard_deviations(values_by_task([f.tracked.reading.prediction for f in kept]))
    return {
        task: Deviation(
            round(raw[task], 4),
            round(smoothed[task], 4),
            round(smoothed[task] / raw[task], 3) if raw[task] > QUIET_DEVIATION[task] else None,
        )
        for task in raw
    }


def change_lags(
    frames: Sequence[ActorFrame], change_at_s: float = SWAP_AT_SECONDS
) -> dict[str, ChangeLag]:
    """Return by task how soon a change is shown; small changes are left out.

    A change is measured from the value shown last before it to the mean of the raw values after it.
    """
    before = [f for f in frames if f.time < change_at_s]
    after = [f for f in frames if f.time >= change_at_s]
    last = values_by_task([before[-1].tracked.reading.prediction])
    raw = values_by_task([f.raw for f in after])
    smoothed = values_by_task([f.tracked.reading.prediction for f in after])
    lags: dict[str, ChangeLag] = {}
    for task, old in last.items():
        change = raw[task].mean(axis=0) - old[0]
        size = float(np.linalg.norm(change))
        if size <= MIN_CHANGE_IN_QUIET_DEVIATIONS * QUIET_DEVIATION[task]:
            continue
        covered = (smoothed[task] - old[0]) @ change / size**2  # 1: all of it
        reached = np.flatnonzero(covered >= SHARE_OF_CHANGE)
        lag_s = round(after[reached[0]].time - change_at_s, 3) if len(reached) else None
        lags[task] = ChangeLag(round(size, 3), lag_s)
    return lags


def tracker_ms(faces: Sequence[FaceReading], repeats: int = 7) -> float:
    """Return the processor time in ms that the tracker takes for a frame with five faces.

    The best of `repeats` runs, because other programs disturb them.

    Args:
        faces: Readings, one for each frame; each is shown at five places.
        repeats: Number of runs.
    """
    frames = [
        [
            replace(f, face=replace(f.face, box=(20.0 + 120 * i + k % 5, 100.0, 80.0, 100.0)))
            for i in range(5)
        ]
        for k, f in enumerate(faces[:TRACKER_FRAMES])
    ]
    best = float("inf")
    for _ in range(repeats):
        tracker, start = Tracker(), process_time()
        for k, frame in enumerate(frames):
            tracker.update(frame, k / TRACKER_RATE)
        best = min(best, (process_time() - start) / len(frames))
    return 1000 * best
