"""Who is who between frames, and readings that settle. Pure: no picture, no clock and no page; the
caller says what time it is.

`motion` says which face is which, `settle` lets the numbers rest and lets them go where something
has changed: an expression, or another person at the same place, who keeps the number of the place
but none of the values. A frame that shows a face badly counts for less, one on which the model
abstains for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from apps.webcam.tracking.motion import Motion, assign
from apps.webcam.tracking.smoothing import Part, Settling, State
from core.face_quality import band_of
from core.pipeline import FaceReading
from core.types import Age, Distribution, Prediction

FORGET_S = 2.5
"""A face that was away for longer comes back under a new number."""
HOLD_S = 0.3
"""A face that the detector misses for less than this stays on the page, so that one dropped frame
does not flicker.
"""
SURE = 0.75
"""A face that the detector is less sure of must be seen twice before it gets a number: a face's
edge beside a post often is none.
"""
USUAL_S = 3.0
"""Time constant of a face's usual score."""

# An expression passes; age and gender belong to the person.
EMOTION_S, PERSON_S = 8.0, 20.0
EMOTION_NOISE, GENDER_NOISE, AGE_NOISE = 0.07, 0.32, 3.5


@dataclass(slots=True)
class Track:
    """One person between frames. `id` 0: not sure yet. `values`: None until something was read."""

    id: int
    last: FaceReading
    motion: Motion
    seen: float
    usual: float
    read: float = 0.0
    values: State | None = None
    settled: Prediction = field(default_factory=Prediction)


@dataclass(frozen=True, slots=True)
class Tracked:
    """A face with its number; `reading` holds the settled values. `held`: not found in this very
    frame, shown where it was.
    """

    id: int
    reading: FaceReading
    held: bool = False


class Tracker:
    """The faces in front of one camera. Not for several threads: each visitor has one."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next = 1
        self._now: float | None = None
        self._settling: tuple[tuple[Part, ...], Settling] | None = None

    def update(self, readings: Sequence[FaceReading], now: float) -> list[Tracked]:
        """Settled faces, lowest number first. `now`: seconds; where the clock goes back, time
        stands still.
        """
        before = now if self._now is None else self._now
        now = self._now = max(now, before)
        self._tracks = [t for t in self._tracks if now - t.seen <= FORGET_S]
        for track in self._tracks:
            track.motion.predict(now, seen=track.seen >= before)
        known = self._known(readings)
        found = [self._found(known.get(j), reading, now) for j, reading in enumerate(readings)]
        self._settle(
            [(t, r, c) for (t, c), r in zip(found, readings, strict=True) if r.abstained is None],
            now,
        )
        for (track, _), reading in zip(found, readings, strict=True):
            # A frame on which the model abstains moves the box and tells why; what it says there is
            # not shown, not even at first.
            said = track.settled
            track.last, track.seen = (
                FaceReading(
                    reading.face, said, reading.conditions, band_of(said), reading.abstained
                ),
                now,
            )
        shown = [t for t in self._tracks if t.id and now - t.seen <= HOLD_S]
        return [Tracked(t.id, t.last, held=t.seen < now) for t in sorted(shown, key=lambda t: t.id)]

    def _known(self, readings: Sequence[FaceReading]) -> dict[int, Track]:
        """The tracks of the readings, by index. Those that have a number choose first: a face's
        edge must not take the face from them.
        """
        known: dict[int, Track] = {}
        for tracks in ([t for t in self._tracks if t.id], [t for t in self._tracks if not t.id]):
            left = [j for j in range(len(readings)) if j not in known]
            costs = [[t.motion.cost(readings[j].face.box) for j in left] for t in tracks]
            known |= {left[j]: tracks[i] for i, j in assign(costs)}
        return known

    def _found(self, track: Track | None, reading: FaceReading, now: float) -> tuple[Track, float]:
        """The track of a face, a new one where there is none, with its place; and how clearly the
        face is seen, in (0, 1].
        """
        box, score, again = reading.face.box, reading.face.score, track is not None
        if track is None:
            track = Track(0, reading, Motion(box, now), now, score)
            self._tracks.append(track)
        if not track.id and (again or score >= SURE):
            track.id, self._next = self._next, self._next + 1
        clear = max(
            0.02, min(1.0, score / max(track.usual, 0.05)) ** 8
        )  # half hidden, a face scores less than it usually does
        track.usual += min(1.0, (now - track.seen) / USUAL_S) * (score - track.usual)
        track.motion.correct(box, clear)
        return track, clear

    def _settle(self, seen: Sequence[tuple[Track, FaceReading, float]], now: float) -> None:
        """Adds what was read of some faces, all at once, because that costs no more than one."""
        if not seen:
            return
        parts = _parts(seen[0][1].prediction)
        if not parts:  # a model without heads
            return
        if self._settling is None or self._settling[0] != parts:
            self._settling = (parts, Settling(parts))
        settling = self._settling[1]
        clear = np.array([c for _, _, c in seen])
        past = np.array([0.0 if t.values is None else now - t.read for t, _, _ in seen])
        weights = np.array([_weights(r.prediction) for _, r, _ in seen]) * clear[:, None]
        states, means = settling.add(
            [settling.fresh() if t.values is None else t.values for t, _, _ in seen],
            np.array([_values(r.prediction) for _, r, _ in seen]),
            weights,
            clear,
            past,
        )
        for (track, reading, _), state, mean in zip(seen, states, means, strict=True):
            track.values, track.read, track.settled = state, now, _told(reading.prediction, mean)


def _parts(said: Prediction) -> tuple[Part, ...]:
    parts = []
    if said.emotion:
        parts.append(
            Part(len(said.emotion.labels), len(said.emotion.labels), EMOTION_S, EMOTION_NOISE)
        )
    if said.gender:
        parts.append(Part(len(said.gender.labels), len(said.gender.labels), PERSON_S, GENDER_NOISE))
    if said.age:
        parts.append(
            Part(3, 1, PERSON_S, AGE_NOISE)
        )  # the interval's ends rest as the value does, and start anew with it
    return tuple(parts)


def _values(said: Prediction) -> list[float]:
    """All values in a row. Probabilities, not logits, are averaged: the mean of calibrated answers
    is never surer than they are.
    """
    values: list[float] = []
    for each in (said.emotion, said.gender):
        if each:
            values += each.p.tolist()
    if said.age:
        values += (said.age.value, said.age.low, said.age.high)
    return values


def _weights(said: Prediction) -> list[float]:
    """By part, how much an answer counts: an age as its inverse variance, bounded where the
    interval is narrow.
    """
    weights = [1.0 for each in (said.emotion, said.gender) if each]
    return [*weights, (10 / (10 + said.age.high - said.age.low)) ** 2] if said.age else weights


def _told(said: Prediction, values: np.ndarray) -> Prediction:
    """`said` with other values."""
    start, told = 0, []
    for each in (said.emotion, said.gender):
        p = values[start : start + len(each.labels)] if each else None
        told.append(
            Distribution(each.labels, p / p.sum(), each.limit) if each and p is not None else None
        )
        start += len(each.labels) if each else 0
    age = said.age
    if age:
        value, low, high = values[start:].tolist()
        age = Age(value, low, high, age.coverage, age.limit)
    return Prediction(told[0], told[1], age)
