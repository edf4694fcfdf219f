"""What one look into a file gives: digests, perceptual hash, a thumbnail and how bright, sharp and
colourful the picture is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from core import image as images

THUMB = 32
"""Side of the grey thumbnail, the one that pHash is made of."""
BATCH = 4096
"""Thumbnails that are hashed at a time: 32 MB."""
VERSION = 1
"""Raise it when a value changes its meaning, so that caches are filled anew."""

FIELDS = np.dtype(
    [
        ("readable", "?"),
        (
            "pixels",
            "S32",
        ),  # SHA-256 of size and RGB pixels, as evaluation.quality.duplicates.digest has it
        ("hash", "<u8"),  # pHash, first bit highest
        ("mirror", "<u8"),  # pHash of the mirrored picture
        ("width", "<i4"),
        ("height", "<i4"),
        ("mean", "<f4"),
        ("std", "<f4"),  # of the grey values, 0 to 255
        ("sharp", "<f4"),  # standard deviation of the Laplacian over that of the grey values
        ("entropy", "<f4"),  # bits of the grey histogram, 0 to 8
        ("colour", "<f4"),  # mean distance between the largest and the smallest channel, 0 to 255
        ("thumb", "u1", (THUMB, THUMB)),
    ]
)


def look(data: bytes) -> np.ndarray:
    """A file's bytes -> one record of FIELDS, shape (), without `hash` and `mirror` (see `hashes`);
    all zero where it cannot be read.
    """
    found = np.zeros((), FIELDS)
    try:
        rgb = images.load(data)
    except images.ImageError:
        return found
    picture = Image.fromarray(rgb).convert("L")
    grey = np.asarray(picture)
    mean, std = (float(v[0, 0]) for v in cv2.meanStdDev(grey))
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256])[:, 0]
    share = counts[counts > 0] / grey.size
    step = max(1, max(grey.shape) // 64)  # a sample of the pixels is enough for colour
    few = rgb[::step, ::step].reshape(-1, 3)
    found["readable"] = True
    found["pixels"] = hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).digest()
    found["height"], found["width"] = grey.shape
    found["mean"], found["std"] = mean, std
    found["sharp"] = float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0]) / max(
        std, 1e-3
    )
    found["entropy"] = float(-(share * np.log2(share)).sum())
    found["colour"] = float((few.max(axis=1).astype(np.int16) - few.min(axis=1)).mean())
    found["thumb"] = np.asarray(picture.resize((THUMB, THUMB), Image.Resampling.LANCZOS))
    return found


def look_all(batch: Sequence[bytes], run_all=map) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Records of FIELDS (N,) for several files; `run_all` is `map` or that of a pool."""
    found = np.array(list(run_all(look, batch)), FIELDS)
    found["hash"], found["mirror"] = hashes(found["thumb"])
    return found


def hashes(thumbs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thumbnails uint8 (N, 32, 32) -> pHash of each and of its mirror image, uint64 (N,).

    Equal to the bit to `imagehash.phash`, whose own steps follow the thumbnail: DCT along both
    axes, the 8 x 8 lowest frequencies, above their median. Mirroring turns the sign of every odd
    horizontal frequency.
    """
    from scipy.fftpack import dct

    if len(thumbs) == 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    low = dct(dct(thumbs.astype(np.float64), axis=1), axis=2)[:, :8, :8]  # (N, 8, 8)
    turned = low * np.where(np.arange(8) % 2, -1.0, 1.0)
    return _bits(low), _bits(turned)


def view_hashes(
    thumbs: np.ndarray, x: tuple[float, float] = (0.0, 0.0), y: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """PHash uint64 (N,) of thumbnails (N, 32, 32) without the shares `x` and `y` at both ends of
    the axes, stretched back to 32 pixels.
    """
    side = thumbs.shape[1]
    cosine = 2 * np.cos(
        np.pi / side * np.arange(8)[:, None] * (np.arange(side) + 0.5)
    )  # (8, S): the lowest frequencies of the DCT

    def matrix(cut: tuple[float, float]) -> np.ndarray:
        at = ((cut[0] + (1 - cut[0] - cut[1]) * (np.arange(side) + 0.5) / side) * side - 0.5).clip(
            0, side - 1
        )
        return cosine @ np.maximum(
            0, 1 - np.abs(at[:, None] - np.arange(side))
        )  # (8, S): after weights of linear interpolation

    rows, columns = matrix(y), matrix(x).T
    parts = [
        _bits(rows @ thumbs[start : start + BATCH].astype(np.float64) @ columns)
        for start in range(0, len(thumbs), BATCH)
    ]
    return np.concatenate([np.zeros(0, np.uint64), *parts])


def _bits(low: np.ndarray) -> np.ndarray:
    """Frequencies (N, 8, 8) -> which lie above their median, uint64 (N,), the first one highest."""
    flat = low.reshape(-1, 64)
    above = flat > np.median(flat, axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(">u8")[:, 0].astype(np.uint64)  # (N, 64) -> (N,)
