"""A detector that misjudges the tilt of the head: the crop is turned one way or the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.robustness.corruptions import FaceView

LEVELS = (5, 10, 20, 30, 45)
UNIT = "degrees"
WORDS = "turned {level:g} degrees"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view."""
    return replace(
        view, pose=replace(view.pose, angle=view.pose.angle + level * rng.choice([-1, 1]))
    )
