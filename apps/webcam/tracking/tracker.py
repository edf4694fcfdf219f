"""Identity of faces between frames, and smoothed predictions for each.

Pure: no image, no clock, no page; the caller passes the time. `motion` assigns detections to faces.
`smoothing` keeps the values steady and restarts them when something has changed: an expression, or
another person at the same place, who keeps the number of the place but none of the values. A frame
that shows a face badly counts for less, one on which the model abstains for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from apps.webcam.tracking.motion import Motion, assign
from apps.webcam.tracking.smoothing import Smoother, State, ValueGroup
from core.face_quality import band_of
from core.pipeline import FaceReading, Reading
from core.types import Age, Distribution, Floats, Prediction

TRACK_TIMEOUT_SECONDS = 2.5
"""A face that was away for longer comes back under a new number."""
HOLD_SECONDS = 0.3
"""A face that the detector misses for less than this stays on the page, so that one dropped frame
does not flicker.
"""
MIN_NEW_SCORE = 0.75
"""A face with a lower detection score must be detected twice before it gets a number: the edge of a
face beside a post often is no face.
"""
USUAL_SCORE_SECONDS = 3.0
"""Time constant of a face's usual detection score."""

# An expression passes; age and gender belong to the person.
EMOTION_SMOOTHING_SECONDS, PERSON_SMOOTHING_SECONDS = 8.0, 20.0
MIN_EMOTION_NOISE, MIN_GENDER_NOISE, MIN_AGE_NOISE_YEARS = 0.07, 0.32, 3.5
FIRST_EMOTION_NOISE = 2 * MIN_EMOTION_NOISE
"""Noise of a new face: about that of a face that is hard to read, 0.14. With the lowest one, a few
frames of such a face counted as a change before its own noise was known.
"""


@dataclass(slots=True)
class Track:
    """One face between frames.

    Attributes:
        id: Its number; 0 as long as it is not certain to be a face.
        last_reading: The last frame's, with smoothed values.
        motion: Where the face is expected.
        detected_at: Seconds, when it was last detected.
        usual_score: Running mean of its detection score.
        predicted_at: Seconds, when the model last did not abstain.
        state: Of the smoothing; None before the first prediction.
        smoothed: The smoothed prediction.
    """

    id: int
    last_reading: FaceReading
    motion: Motion
    detected_at: float
    usual_score: float
    predicted_at: float = 0.0
    state: State | None = None
    smoothed: Prediction = field(default_factory=Prediction)


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face under its number.

    Attributes:
        id: The number, from 1 on.
        reading: With smoothed values.
        held: Not detected in this very frame; shown where it was.
    """

    id: int
    reading: FaceReading
    held: bool = False


def numbered(reading: Reading) -> list[TrackedFace]:
    """Return the faces of a single image, numbered from the left; abstentions are empty."""
    return [
        TrackedFace(i, face if face.abstained is None else replace(face, prediction=Prediction()))
        for i, face in enumerate(reading.from_left, 1)
    ]


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame of a video.

    Attributes:
        time: Seconds from the start of the video.
        faces: All faces in it.
        progress: Share of the video up to this frame, in [0, 1]; None where its end is not known.
    """

    time: float
    faces: tuple[TrackedFace, ...]
    progress: float | None

    @property
    def measured(self) -> list[TrackedFace]:
        """The faces that were detected in this very frame."""
        return [face for face in self.faces if not face.held]


class Tracker:
    """The faces in front of one camera. Not thread-safe: each visitor has one."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next_id = 1
        self._now: float | None = None
        self._groups: tuple[ValueGroup, ...] = ()
        self._smoother: Smoother | None = None

    def update(self, readings: Sequence[FaceReading], now: float) -> list[TrackedFace]:
        """Take in one frame and return its faces with smoothed values, lowest number first.

        Args:
            readings: All faces of the frame.
            now: Seconds. A time before that of the last frame counts as the same.
        """
        before = now if self._now is None else self._now
        now = self._now = max(now, before)
        self._tracks = [t for t in self._tracks if now - t.detected_at <= TRACK_TIMEOUT_SECONDS]
        for track in self._tracks:
            track.motion.predict(now, was_detected=track.detected_at >= before)
        track_of_reading = self._assign(readings)
        tracks, visibilities = [], []
        for j, reading in enumerate(readings):
            track, visibility = self._detect(track_of_reading.get(j), reading, now)
            tracks.append(track)
            visibilities.append(visibility)
        predicted = [j for j, reading in enumerate(readings) if reading.abstained is None]
        if predicted:
            self._smooth(
                [tracks[j] for j in predicted],
                [readings[j].prediction for j in predicted],
                np.array([visibilities[j] for j in predicted]),
                now,
            )
        for track, reading in zip(tracks, readings, strict=True):
            # A frame on which the model abstains moves the box and gives the reason; its prediction
            # is not shown, not even if it is the first.
            smoothed = track.smoothed
            track.last_reading = replace(reading, prediction=smoothed, band=band_of(smoothed))
            track.detected_at = now
        visible = [t for t in self._tracks if t.id and now - t.detected_at <= HOLD_SECONDS]
        return [
            TrackedFace(t.id, t.last_reading, held=t.detected_at < now)
            for t in sorted(visible, key=lambda t: t.id)
        ]

    def _assign(self, readings: Sequence[FaceReading]) -> dict[int, Track]:
        """Return the track of each reading that has one, by the reading's index.

        Tracks with a number are assigned first, so that the edge of a face cannot take the face
        from them.
        """
        track_of_reading: dict[int, Track] = {}
        for tracks in ([t for t in self._tracks if t.id], [t for t in self._tracks if not t.id]):
            free = [j for j in range(len(readings)) if j not in track_of_reading]
            costs = [[t.motion.cost(readings[j].face.box) for j in free] for t in tracks]
            track_of_reading |= {free[j]: tracks[i] for i, j in assign(costs)}
        return track_of_reading

    def _detect(self, track: Track | None, reading: FaceReading, now: float) -> tuple[Track, float]:
        """Update a track's motion and score, or start a track; return it and its visibility."""
        box, score, is_known = reading.face.box, reading.face.score, track is not None
        if track is None:
            track = Track(0, reading, Motion(box, now), now, score)
            self._tracks.append(track)
        if not track.id and (is_known or score >= MIN_NEW_SCORE):
            track.id, self._next_id = self._next_id, self._next_id + 1
        # A half-hidden face scores less than it usually does.
        visibility = max(0.02, min(1.0, score / max(track.usual_score, 0.05)) ** 8)
        gain = min(1.0, (now - track.detected_at) / USUAL_SCORE_SECONDS)
        track.usual_score += gain * (score - track.usual_score)
        track.motion.correct(box, visibility)
        return track, visibility

    def _smooth(
        self,
        tracks: Sequence[Track],
        predictions: Sequence[Prediction],
        visibility: Floats,
        now: float,
    ) -> None:
        """Add the predictions of several faces, all at once, which costs no more than one."""
        groups = _value_groups(predictions[0])
        if not groups:  # a model without heads
            return
        smoother = self._smoother
        if smoother is None or self._groups != groups:
            smoother = Smoother(groups)
            self._groups, self._smoother = groups, smoother
        states, means = smoother.update(
            [smoother.initial_state() if t.state is None else t.state for t in tracks],
            np.array([_values(p) for p in predictions]),
            np.array([_weights(p) for p in predictions]) * visibility[:, None],
            visibility,
            np.array([0.0 if t.state is None else now - t.predicted_at for t in tracks]),
        )
        for track, prediction, state, mean in zip(tracks, predictions, states, means, strict=True):
            track.state, track.predicted_at = state, now
            track.smoothed = _with_values(prediction, mean)


def _value_groups(prediction: Prediction) -> tuple[ValueGroup, ...]:
    groups = []
    if prediction.emotion:
        n = len(prediction.emotion.labels)
        groups.append(
            ValueGroup(n, n, EMOTION_SMOOTHING_SECONDS, MIN_EMOTION_NOISE, FIRST_EMOTION_NOISE)
        )
    if prediction.gender:
        n = len(prediction.gender.labels)
        groups.append(ValueGroup(n, n, PERSON_SMOOTHING_SECONDS, MIN_GENDER_NOISE))
    if prediction.age:
        # Value, low, high. The ends of the interval are smoothed as the value is, and restart with
        # it.
        groups.append(ValueGroup(3, 1, PERSON_SMOOTHING_SECONDS, MIN_AGE_NOISE_YEARS))
    return tuple(groups)


def _values(prediction: Prediction) -> list[float]:
    """Return all values in one row, in the order of `_value_groups`.

    Probabilities, not logits: the mean of calibrated probabilities is never more confident than
    they are.
    """
    values: list[float] = []
    for distribution in (prediction.emotion, prediction.gender):
        if distribution:
            values += distribution.p.tolist()
    if prediction.age:
        values += (prediction.age.value, prediction.age.low, prediction.age.high)
    return values


def _weights(prediction: Prediction) -> list[float]:
    """Return the weight of each group: ages by inverse variance, bounded for narrow intervals."""
    weights = [1.0 for head in (prediction.emotion, prediction.gender) if head]
    if prediction.age:
        weights.append((10 / (10 + prediction.age.high - prediction.age.low)) ** 2)
    return weights


def _with_values(prediction: Prediction, values: Floats) -> Prediction:
    """Return `prediction` with other values, which are in the order of `_values`."""
    start = 0
    distributions: list[Distribution | None] = []
    for head in (prediction.emotion, prediction.gender):
        if head is None:
            distributions.append(None)
            continue
        p = values[start : start + len(head.labels)]
        distributions.append(Distribution(head.labels, p / p.sum(), head.limit))
        start += len(head.labels)
    age = prediction.age
    if age:
        value, low, high = values[start:].tolist()
        age = Age(value, low, high, age.coverage, age.limit)
    return Prediction(distributions[0], distributions[1], age, prediction.gender_from_age)
