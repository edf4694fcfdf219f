"""A picture sent through a messenger: JPEG compression."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from evaluation.robustness.corruptions import FaceView

LEVELS = (50, 30, 20, 10, 5)
UNIT = "JPEG quality of 100"
WORDS = "JPEG quality {level:g}"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view."""
    data = cv2.imencode(".jpg", view.picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(level)])[1]
    decoded = cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
    return replace(view, picture=np.asarray(decoded, np.uint8))
