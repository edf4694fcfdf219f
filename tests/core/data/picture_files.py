"""Pictures and videos of noise, as files."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np


def picture(path: Path, side: int = 12) -> Path:
    """A grey picture whose pixels follow from its name, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(zlib.crc32(path.name.encode())).integers(
        0, 256, (side, side), np.uint8
    )
    path.write_bytes(cv2.imencode(path.suffix.lower(), pixels)[1].tobytes())
    return path


def pictures(root: Path, names: Iterable[str]) -> Path:
    for name in names:
        picture(root / name)
    return root


def video(path: Path, seed: int, frames: int = 8) -> None:
    """Noise that differs by frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 8, (32, 32))
    for picture in np.random.default_rng(seed).integers(0, 256, (frames, 32, 32, 3), np.uint8):
        writer.write(picture)
    writer.release()
