"""Which faces of a live view count, and when: each once, a second after it appeared.

Frames of one face are no independent evidence, and would let somebody be counted as often as they
stay. Who leaves the picture for longer than the tracker waits, and comes back, counts again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.webcam.tracking.tracker import TRACK_TIMEOUT_SECONDS, TrackedFace
from core.pipeline import FaceReading

SETTLED_SECONDS = 1.0
"""How long a face must have been there: what flickers up is not counted."""
FORGET_SECONDS = 2 * TRACK_TIMEOUT_SECONDS
"""After this time the tracker gives no face its old number."""


@dataclass(slots=True)
class _Sight:
    """When a face was first and last seen, in seconds, and whether it was counted."""

    first: float
    last: float
    is_counted: bool = False


class SettledFaces:
    """The numbers of one visitor's faces of the last seconds. Not thread-safe."""

    def __init__(self) -> None:
        self._sights: dict[int, _Sight] = {}

    def update(
        self, faces: Sequence[TrackedFace], readings: Sequence[FaceReading], now: float
    ) -> list[FaceReading]:
        """Return the readings of this frame that count now, as the model gave them, not smoothed.

        Args:
            faces: What the tracker made of the frame.
            readings: The frame's.
            now: Seconds.
        """
        by_face = {id(reading.face): reading for reading in readings}
        settled = []
        for face in faces:
            sight = self._sights.setdefault(face.id, _Sight(now, now))
            sight.last = now
            reading = by_face.get(id(face.reading.face))  # none of a face that is only held
            is_due = not sight.is_counted and now - sight.first >= SETTLED_SECONDS
            if is_due and reading is not None:
                sight.is_counted = True
                settled.append(reading)
        for number in [n for n, s in self._sights.items() if now - s.last > FORGET_SECONDS]:
            del self._sights[number]
        return settled
