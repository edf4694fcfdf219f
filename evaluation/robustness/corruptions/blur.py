"""A lens out of focus: a Gaussian blur."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from evaluation.robustness.corruptions import FaceView

LEVELS = (0.01, 0.02, 0.03, 0.045, 0.06)
UNIT = "standard deviation in face sides"
WORDS = "blur {percent:g} % of face width"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view."""
    sigma = level * view.pose.side
    blurred = cv2.GaussianBlur(view.picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return replace(view, picture=np.asarray(blurred, np.uint8))
