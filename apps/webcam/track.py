"""Who is who between frames, and readings that settle. Pure: no picture, no clock and no page; the caller says what time it is.

Faces are matched by overlap and by nearness. Every value is a running mean in *seconds*, the same at 5 as at 30 frames/s: each frame
counts by how sure the model was and fades with time. Beside the slow mean runs a fast one; where the two part company the person has really
changed (or another one sits there), and both start anew. So numbers rest, yet follow within 0.7 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp, hypot

import numpy as np

from core.confidence import band_of
from core.pipeline import FaceReading
from core.types import Age, Box, Distribution, Prediction

FORGET_S = 1.5
"""A face that was away for longer comes back under a new number."""
HOLD_S = 0.3
"""A face that the detector misses for less than this stays on the page, so that one dropped frame does not flicker."""
FAST_S = 0.25
"""Time constant of the fast means."""


class Mean:
    """Weighted running mean of a vector; what was added `tau` seconds ago counts 1/e."""

    def __init__(self, tau: float) -> None:
        self.tau, self.sum, self.weight, self.at = tau, np.zeros(0), 0.0, 0.0

    def add(self, value: np.ndarray, weight: float, now: float) -> np.ndarray:
        """The mean after adding `value` (n,) with `weight` > 0 at `now` seconds; time never runs backwards."""
        kept = exp(-max(0.0, now - self.at) / self.tau) if self.weight else 0.0
        self.sum = value * weight + (self.sum * kept if kept else 0.0)
        self.weight = weight + self.weight * kept
        self.at = max(now, self.at)
        return self.sum / self.weight


class Settling:
    """A slow mean (`tau` seconds) that starts anew where any component of the fast one differs by more than `jump`, twice running."""

    def __init__(self, tau: float, jump: float) -> None:
        self.slow, self.fast, self.jump, self.parted = Mean(tau), Mean(FAST_S), jump, False

    def add(self, value: np.ndarray, weight: float, now: float) -> np.ndarray:
        """See `Mean.add`."""
        slow, fast = self.slow.add(value, weight, now), self.fast.add(value, weight, now)
        parted, self.parted = self.parted, bool(np.abs(slow - fast).max() > self.jump)
        if not (parted and self.parted):
            return slow
        self.slow.weight = self.fast.weight = 0.0  # forget what was before the change
        self.fast.add(value, weight, now)
        return self.slow.add(value, weight, now)


@dataclass(slots=True)
class Track:
    """One person between frames."""

    id: int
    last: FaceReading
    seen: float
    # Emotion must follow a face within 0.7 s; gender and age belong to the person, so they may take their time.
    emotion: Settling = field(default_factory=lambda: Settling(0.5, 0.45))
    gender: Settling = field(default_factory=lambda: Settling(2.0, 0.5))
    age: Settling = field(default_factory=lambda: Settling(2.0, 10.0))
    settled: Prediction = field(default_factory=Prediction)


@dataclass(frozen=True, slots=True)
class Tracked:
    """A face with its number; `reading` holds the settled values. `held`: not found in this very frame, shown where it was."""

    id: int
    reading: FaceReading
    held: bool = False


class Tracker:
    """The faces in front of one camera. Not for several threads: each visitor has one."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next = 1

    def update(self, readings: Sequence[FaceReading], now: float) -> list[Tracked]:
        """Settled faces, lowest number first. `now`: seconds on any clock that does not go back."""
        self._tracks = [t for t in self._tracks if now - t.seen <= FORGET_S]
        pairs = match([t.last.face.box for t in self._tracks], [r.face.box for r in readings])
        known = {j: self._tracks[i] for i, j in pairs}
        for j, reading in enumerate(readings):
            track = known.get(j)
            if track is None:
                track = Track(self._next, reading, now)
                self._tracks.append(track)
                self._next += 1
            _settle(track, reading, now)
        return [Tracked(t.id, t.last, held=t.seen < now) for t in sorted(self._tracks, key=lambda t: t.id) if now - t.seen <= HOLD_S]


def match(before: Sequence[Box], after: Sequence[Box]) -> list[tuple[int, int]]:
    """Pairs (index before, index after) of boxes that are the same face, each used once, the likest first."""
    scores = [(_likeness(a, b), i, j) for i, a in enumerate(before) for j, b in enumerate(after)]
    pairs: list[tuple[int, int]] = []
    used_i, used_j = set(), set()
    for score, i, j in sorted(scores, reverse=True):
        if score > 0 and i not in used_i and j not in used_j:
            pairs.append((i, j))
            used_i.add(i)
            used_j.add(j)
    return pairs


def _likeness(a: Box, b: Box) -> float:
    """Above 0 where two boxes can be one face: overlap plus nearness of the centres in box sides; sizes differ by less than 1.8 times."""
    side_a, side_b = (a[2] * a[3]) ** 0.5, (b[2] * b[3]) ** 0.5
    if max(side_a, side_b) > 1.8 * min(side_a, side_b):
        return 0.0
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    iou = shared / (a[2] * a[3] + b[2] * b[3] - shared)
    apart = hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2) / ((side_a + side_b) / 2)
    return iou + 1 - apart if apart < 1 else 0.0


def _settle(track: Track, new: FaceReading, now: float) -> None:
    """Adds one frame to a track. A frame on which the model abstains moves the box and tells why, but counts for nothing."""
    said, old = new.prediction, track.settled
    if new.abstained is None:
        old = track.settled = Prediction(
            emotion=_probabilities(track.emotion, said.emotion, new.face.score, now),
            gender=_probabilities(track.gender, said.gender, new.face.score, now),
            age=_years(track.age, said.age, new.face.score, now),
        )
    elif old == Prediction():
        old = said  # nothing better is known yet, and it is shown as abstained
    track.last = replace(new, prediction=old, band=band_of(old))
    track.seen = now


def _probabilities(mean: Settling, said: Distribution | None, score: float, now: float) -> Distribution | None:
    if said is None:
        return None
    p = mean.add(said.p, max(score, 0.05) * said.confidence, now)
    return replace(said, p=p / p.sum())


def _years(mean: Settling, said: Age | None, score: float, now: float) -> Age | None:
    if said is None:
        return None
    sureness = (10 / (10 + said.high - said.low)) ** 2  # as an inverse variance, bounded where the interval is narrow
    value, low, high = mean.add(np.array([said.value, said.low, said.high]), max(score, 0.05) * sureness, now)
    return replace(said, value=float(value), low=float(min(low, high)), high=float(high))
