"""A sensor in the dark: Gaussian noise, the same in all channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.robustness.corruptions import FaceView, clipped

LEVELS = (5, 10, 20, 35, 50)
UNIT = "standard deviation in grey levels of 255"
WORDS = "noise of {level:g} grey levels"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view."""
    noise = rng.standard_normal(view.picture.shape[:2], np.float32)[..., None]
    return replace(view, picture=clipped(view.picture + level * noise))
