"""A hand, a mask, a microphone: a square of the picture's mean colour, somewhere on the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.robustness.corruptions import FaceView

LEVELS = (0.15, 0.25, 0.35, 0.45, 0.55)
UNIT = "side of the square in face sides"
WORDS = "square {percent:g} % of face width"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view; the square lies wholly inside the crop."""
    picture, pose = view.picture.copy(), view.pose
    height, width = picture.shape[:2]
    middle = np.array([pose.x, pose.y]) + (rng.random(2) - 0.5) * (1 - level) * pose.side
    (left, top), (right, bottom) = (
        np.rint(middle + sign * level * pose.side / 2).astype(int) for sign in (-1, 1)
    )
    picture[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)] = picture.mean(
        axis=(0, 1)
    ).astype(np.uint8)
    return replace(view, picture=picture)
