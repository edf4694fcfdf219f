"""A digest of decoded pixels, equal for files that differ in name, header or compression only."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core import image as images
from core.errors import ImageError
from evaluation.quality.image_features import pixel_digest


def pixel_digests(paths: Iterable[Path]) -> np.ndarray:
    """Return `pixel_digest` of each file as hex (N,); "" where unreadable."""
    with ThreadPoolExecutor() as pool:
        return np.array(list(pool.map(_digest, paths)))


def _digest(path: Path) -> str:
    try:
        pixels = images.load(path)
    except ImageError:
        return ""
    return pixel_digest(pixels).hex()


def occurs_in(digests: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which digests stand among others, too.

    Args:
        digests: texts (N,), as of `pixel_digests`.
        others: texts (M,).

    Returns:
        bool (N,); unreadable files, whose digest is "", are never among the others.
    """
    return np.asarray(np.isin(digests, others) & (digests != ""))
