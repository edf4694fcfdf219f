"""What is kept of a stream of frames between two of them: which way up it is, what was checked.

A face that stays where it is need not be checked in every frame. The check is left out only where
it passed clearly a moment ago; so whatever takes a face's place is noticed after
`RECHECK_SECONDS` at the latest, and a new face is checked before it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.detection.face_check import FaceCheck
from core.detection.stream_turn import StreamTurn
from core.detection.upright import UprightFace
from core.types import Face, overlap

RECHECK_SECONDS = 0.5
"""A face is checked again after so long: at 14 frames/s in every seventh frame."""
CLEAR_SCORE = 0.9
"""From this score of the check on, a face passed clearly. Others are checked in every frame."""
MIN_OVERLAP = 0.7
"""Intersection over union with the box that was checked, below which a face has moved."""
MAX_SCORE_DROP = 0.05
"""A face whose detection score fell by more since the check has changed."""


@dataclass(frozen=True, slots=True)
class CheckedFace:
    """A face that passed clearly.

    Attributes:
        face: as it was when it was checked.
        score: of the check.
        time: when, in seconds.
    """

    face: Face
    score: float
    time: float


class StreamCheck:
    """Scores of the face check for the faces of one stream. Not thread-safe."""

    def __init__(self) -> None:
        self._passed: list[CheckedFace] = []

    def scores(
        self, check: FaceCheck, picture: np.ndarray, faces: Sequence[UprightFace], now: float
    ) -> np.ndarray:
        """Return the scores of all faces of a frame, (N,); those that are due are checked.

        Args:
            check: the network.
            picture: RGB uint8 (H, W, 3), in which the faces are upright.
            faces: of the frame.
            now: seconds on the clock of the stream.
        """
        still_valid = [self._entry(face.face, now) for face in faces]
        due = [face for face, entry in zip(faces, still_valid, strict=True) if entry is None]
        new = iter(check(picture, [face.face_in_picture for face in due]).tolist())
        entries = [
            entry or CheckedFace(face.face, next(new), now)
            for face, entry in zip(faces, still_valid, strict=True)
        ]
        self._passed = [entry for entry in entries if entry.score >= CLEAR_SCORE]
        return np.array([entry.score for entry in entries])

    def _entry(self, face: Face, now: float) -> CheckedFace | None:
        """Return the check that still holds for a face, if there is one."""
        for entry in self._passed:
            if (
                0 <= now - entry.time < RECHECK_SECONDS
                and face.score >= entry.face.score - MAX_SCORE_DROP
                and overlap(face.box, entry.face.box) >= MIN_OVERLAP
            ):
                return entry
        return None


@dataclass(slots=True)
class FaceStream:
    """State of one stream. Not thread-safe.

    Attributes:
        turn: which way up its faces are.
        check: which of them were checked.
    """

    turn: StreamTurn = field(default_factory=StreamTurn)
    check: StreamCheck = field(default_factory=StreamCheck)
