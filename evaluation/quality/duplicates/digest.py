"""Which files hold the same picture: a digest of the decoded pixels, so that another name, header
or compression level changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core import image as images


def digests(paths: Iterable[Path]) -> np.ndarray:
    """SHA-256 of size and RGB pixels of each file, as hex strings (N,); an empty string where a
    file cannot be read.
    """
    with ThreadPoolExecutor() as pool:
        return np.array(list(pool.map(_digest, paths)))


def _digest(path: Path) -> str:
    try:
        pixels = images.load(path)
    except images.ImageError:
        return ""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def shared(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Bool (N,): which of `ours` stand among `theirs` too; unreadable files never do."""
    return np.isin(ours, theirs) & (ours != "")
