"""Which way up the faces of a stream are: those of a camera, or of a video.

A camera may stand on its side or hang upside down, a video may be stored sideways, a head may lie
on a pillow. While a face of the stream is sure, a frame is searched once, as it came or turned as
the frame before. Otherwise the other quarter turns are searched now and then, too, and the one with
the best faces is kept for the frames to come.
"""

from __future__ import annotations

from math import inf

import numpy as np

from core.detection import upright
from core.detection.face_check import MIN_TURNED_SCORE
from core.faces import Detector
from core.types import Face

PATIENCE_SECONDS = 1.0
"""How long there has to be no sure face before other turns are searched: people look away and come
back.
"""
ROUND_SECONDS = 1.5
"""Time from one search of the three other turns to the next: two extra searches a second."""


class StreamTurn:
    """The quarter turn in which the faces of one stream are upright. Not thread-safe.

    Attributes:
        quarter: the quarters, 0 to 3, by which the last frame was turned counter-clockwise.
    """

    def __init__(self) -> None:
        self.quarter = 0
        self._sure_at = self._tried_at = -inf

    def search(
        self, image: np.ndarray, detector: Detector, long_side: int, now: float
    ) -> list[Face]:
        """Return the faces of a frame, in its own pixels, best score first.

        Args:
            image: RGB uint8 (H, W, 3).
            detector: one without landmarks is asked once, as its scores cannot be compared.
            long_side: pixels at which faces are searched.
            now: seconds on the clock of the stream.
        """
        turned = upright.turned(image, self.quarter)
        faces = detector(turned, long_side)
        if any(face.score >= upright.SURE_SCORE for face in faces):
            self._sure_at = now
        elif detector.has_landmarks and self._may_try(now):
            self._tried_at = now
            further, _, best = upright.best_quarter(turned, faces, detector, long_side)
            if any(face.score >= MIN_TURNED_SCORE for face in best):
                self.quarter, faces = (self.quarter + further) % 4, best
            elif self.quarter:  # no turn helps any more
                self.quarter, faces = 0, []
        return upright.moved_back(faces, self.quarter, image.shape)

    def _may_try(self, now: float) -> bool:
        return now - self._sure_at >= PATIENCE_SECONDS and now - self._tried_at >= ROUND_SECONDS
