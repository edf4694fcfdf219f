"""A detector that misses the face: the crop is shifted, and as much too wide or too narrow."""

from __future__ import annotations

from dataclasses import replace
from math import cos, exp, sin, tau

import numpy as np

from evaluation.robustness.corruptions import FaceView

LEVELS = (0.03, 0.06, 0.1, 0.15, 0.2)
UNIT = "shift in face sides, and natural logarithm of the change in size"
WORDS = "crop off by {percent:g} % of face width"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view."""
    pose, direction = view.pose, rng.uniform(0, tau)
    x, y = pose.x + level * pose.side * cos(direction), pose.y + level * pose.side * sin(direction)
    return replace(
        view, pose=replace(pose, x=x, y=y, side=pose.side * exp(level * rng.choice([-1, 1])))
    )
