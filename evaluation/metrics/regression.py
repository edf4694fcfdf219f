"""Bands of numbers, such as decades of age."""

from __future__ import annotations

import numpy as np

WIDTH, BANDS = 10, 9
"""Bands as `core.labels.age_decade` has them: ten years each, the last open."""


def bands(values: np.ndarray, width: float = WIDTH, count: int = BANDS) -> np.ndarray:
    """Return int64 (N,): the band of each value.

    Those below 0 count in the first, those beyond the last in the last.
    """
    return np.clip(np.floor(values / width), 0, count - 1).astype(np.int64)
