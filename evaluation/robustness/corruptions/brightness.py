"""Wrong exposure: half of the pictures too dark, the others too bright, clipped at the range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.robustness.corruptions import FaceView, clipped

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5)
UNIT = "share of the grey range added or taken away"
WORDS = "{percent:g} % brighter or darker"


def corrupt(view: FaceView, level: float, rng: np.random.Generator) -> FaceView:
    """Return the corrupted view."""
    shift = 255 * level * rng.choice([-1, 1])
    return replace(view, picture=clipped(view.picture + np.float32(shift)))
