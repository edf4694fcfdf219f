"""Fog, or a screen in the sun: every value moves towards the picture's mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.robustness.corruptions import FaceView, clipped

LEVELS = (0.75, 0.5, 0.35, 0.2, 0.1)
UNIT = "share of the contrast that is left"
WORDS = "{percent:g} % of the contrast"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view."""
    mean = view.picture.mean(axis=(0, 1), dtype=np.float32)
    return replace(view, picture=clipped(mean + np.float32(level) * (view.picture - mean)))
