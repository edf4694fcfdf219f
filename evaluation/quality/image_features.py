"""What is computed from one image file: digests, perceptual hashes, thumbnail, light, sharpness."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
from PIL import Image

from core import image as images
from core.errors import ImageError

THUMBNAIL_SIDE = 32
"""Pixels of the grey thumbnail from which pHash is computed."""
HASH_BATCH_SIZE = 4096
"""Thumbnails that are hashed at a time: 32 MB."""
VERSION = 1
"""Number to be raised when a field changes its meaning, so that caches are filled anew."""

RECORD = np.dtype(
    [
        ("readable", "?"),
        ("pixels", "S32"),  # see `pixel_digest`
        ("hash", "<u8"),  # pHash, first bit highest
        ("mirror", "<u8"),  # pHash of the mirrored image
        ("width", "<i4"),
        ("height", "<i4"),
        ("mean", "<f4"),
        ("std", "<f4"),  # of the grey values, 0 to 255
        ("sharp", "<f4"),  # standard deviation of the Laplacian over that of the grey values
        ("entropy", "<f4"),  # bits of the grey histogram, 0 to 8
        ("colour", "<f4"),  # mean distance between the largest and the smallest channel, 0 to 255
        ("thumb", "u1", (THUMBNAIL_SIDE, THUMBNAIL_SIDE)),
    ]
)

Map = Callable[[Callable[[bytes], np.ndarray], Sequence[bytes]], Iterable[np.ndarray]]
"""`map`, or one with several threads."""


def pixel_digest(rgb: np.ndarray) -> bytes:
    """Return the SHA-256 of size and pixels of a picture, RGB uint8 (H, W, 3)."""
    return hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).digest()


def describe_image(data: bytes) -> np.ndarray:
    """Return one RECORD, shape (), of a file's bytes; all zero where the file cannot be read.

    The fields `hash` and `mirror` stay zero: `perceptual_hashes` computes them for many at once.
    """
    record = np.zeros((), RECORD)
    try:
        rgb = images.load(data)
    except ImageError:
        return record
    grey_image = Image.fromarray(rgb).convert("L")
    grey = np.asarray(grey_image)
    mean, std = (float(v[0, 0]) for v in cv2.meanStdDev(grey))
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256])[:, 0]
    shares = counts[counts > 0] / grey.size
    step = max(1, max(grey.shape) // 64)  # a sample of the pixels is enough for colour
    colours = rgb[::step, ::step].reshape(-1, 3)
    record["readable"] = True
    record["pixels"] = pixel_digest(rgb)
    record["height"], record["width"] = grey.shape
    record["mean"], record["std"] = mean, std
    laplacian_std = float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0])
    record["sharp"] = laplacian_std / max(std, 1e-3)
    record["entropy"] = float(-(shares * np.log2(shares)).sum())
    record["colour"] = float((colours.max(axis=1).astype(np.int16) - colours.min(axis=1)).mean())
    side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    record["thumb"] = np.asarray(grey_image.resize(side, Image.Resampling.LANCZOS))
    return record


def describe_images(files: Sequence[bytes], run_all: Map = map) -> np.ndarray:
    """Return records (N,) of several files, hashes included."""
    records = np.array(list(run_all(describe_image, files)), RECORD)
    records["hash"], records["mirror"] = perceptual_hashes(records["thumb"])
    return records


def perceptual_hashes(thumbnails: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pHash of thumbnails and of their mirror images, uint64 (N,) each.

    Equal to the bit to `imagehash.phash`, whose steps after the thumbnail are: DCT along both
    axes, the 8 x 8 lowest frequencies, above their median. Mirroring turns the sign of every odd
    horizontal frequency.

    Args:
        thumbnails: uint8 (N, 32, 32).
    """
    from scipy.fftpack import dct

    if len(thumbnails) == 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    low = dct(dct(thumbnails.astype(np.float64), axis=1), axis=2)[:, :8, :8]  # (N, 8, 8)
    mirrored = low * np.where(np.arange(8) % 2, -1.0, 1.0)
    return _above_median(low), _above_median(mirrored)


def cropped_hashes(
    thumbnails: np.ndarray,
    x: tuple[float, float] = (0.0, 0.0),
    y: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Return the pHash of cropped thumbnails that are stretched back to 32 pixels, uint64 (N,).

    Args:
        thumbnails: uint8 (N, 32, 32).
        x: shares of the width that are cut off at the left and the right.
        y: shares of the height that are cut off at the top and the bottom.
    """
    side = thumbnails.shape[1]
    # (8, S): the lowest frequencies of the DCT
    cosines = 2 * np.cos(np.pi / side * np.arange(8)[:, None] * (np.arange(side) + 0.5))

    def crop_and_transform(cut: tuple[float, float]) -> np.ndarray:
        at = (cut[0] + (1 - cut[0] - cut[1]) * (np.arange(side) + 0.5) / side) * side - 0.5
        at = at.clip(0, side - 1)
        weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(side)))  # linear interpolation
        return np.asarray(cosines @ weights)  # (8, S)

    rows, columns = crop_and_transform(y), crop_and_transform(x).T
    parts = [
        _above_median(
            rows @ thumbnails[start : start + HASH_BATCH_SIZE].astype(np.float64) @ columns
        )
        for start in range(0, len(thumbnails), HASH_BATCH_SIZE)
    ]
    return np.concatenate([np.zeros(0, np.uint64), *parts])


def _above_median(frequencies: np.ndarray) -> np.ndarray:
    """Return which of (N, 8, 8) lie above their median, uint64 (N,), the first one highest."""
    flat = frequencies.reshape(-1, 64)
    above = flat > np.median(flat, axis=1, keepdims=True)
    return np.asarray(np.packbits(above, axis=1).view(">u8")[:, 0].astype(np.uint64))
