"""A face far away: the picture is reduced until the face has so many pixels, and enlarged again."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from evaluation.robustness.corruptions import FaceView

LEVELS = (32, 24, 16, 12, 8)
UNIT = "pixels of the face's side"
WORDS = "face {level:g} pixels wide"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view; a face with no more pixels than `level` stays as it is."""
    height, width = view.picture.shape[:2]
    factor = level / view.pose.side
    if factor >= 1:
        return view
    small = cv2.resize(
        view.picture,
        (max(1, round(width * factor)), max(1, round(height * factor))),
        interpolation=cv2.INTER_AREA,
    )
    enlarged = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return replace(view, picture=np.asarray(enlarged, np.uint8))
