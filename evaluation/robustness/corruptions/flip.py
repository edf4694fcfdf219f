"""A selfie camera: the picture is mirrored. It has one severity only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.robustness.corruptions import FaceView

LEVELS = (1,)
UNIT = "mirrored"
WORDS = "mirrored"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view."""
    pose = replace(view.pose, x=view.picture.shape[1] - 1 - view.pose.x, angle=-view.pose.angle)
    return FaceView(np.ascontiguousarray(view.picture[:, ::-1]), pose)
