"""Whether two thumbnails show the same image: agreement of their fine detail after alignment.

Faces are alike in the large: cropped alike and lit alike, two people can agree more than two
copies of one photograph of which one was cropped. So the second thumbnail is moved and stretched
onto the first (steps of Lucas and Kanade, IJCAI 1981, for all pairs at once), and then only what
is finer than about a tenth of the image is correlated.
"""

from __future__ import annotations

import cv2
import numpy as np

from core import progress

PAIRS_PER_BATCH = 1024
ALIGNMENT_STEPS = 4
MAX_MOTION = 0.08
"""Largest shift or stretch that is undone, as a share of the side."""
DETAIL_SIGMA = 1.5
"""Detail is what a Gaussian of this width, in pixels of the thumbnail, takes away."""


def agreements(thumbnails: np.ndarray, pairs: np.ndarray, *, mirrored: bool = False) -> np.ndarray:
    """Return the correlation of detail after alignment, float32 (P,) in [0, 1]; 0 for flat ones.

    Args:
        thumbnails: uint8 (N, S, S).
        pairs: int64 (P, 2), positions of those that are compared.
        mirrored: compare each first with the mirror image of the second.
    """
    correlations = np.zeros(len(pairs), np.float32)
    with progress.task("compare candidates", len(pairs)) as advance:
        for start in range(0, len(pairs), PAIRS_PER_BATCH):
            part = slice(start, start + PAIRS_PER_BATCH)
            a, b = (thumbnails[column].astype(np.float32) for column in pairs[part].T)
            b = b[:, :, ::-1] if mirrored else b
            # An image can only be moved onto one that shows no more than it does, so both ways are
            # tried.
            correlations[part] = np.maximum(
                _correlation(a, _align(b, onto=a)), _correlation(b, _align(a, onto=b))
            )
            advance(min(start + PAIRS_PER_BATCH, len(pairs)))
    return correlations


def _blur(images: np.ndarray, sigma: float) -> np.ndarray:
    """Return the Gaussian blur of each of (P, S, S)."""
    kernel = cv2.getGaussianKernel(2 * round(3 * sigma) + 1, sigma, cv2.CV_32F)[:, 0]
    half, side = len(kernel) // 2, images.shape[1]
    at = np.arange(side)[:, None] + np.arange(-half, half + 1)
    matrix = np.zeros((side, side), np.float32)
    np.add.at(matrix, (np.arange(side)[:, None], at.clip(0, side - 1)), kernel)  # edges repeat
    return np.asarray(matrix @ images @ matrix.T)


def _align(moving: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Return `moving` (P, S, S), shifted and stretched onto `onto` (P, S, S)."""
    side = onto.shape[1]
    position = np.linspace(-1, 1, side, dtype=np.float32)
    target = _blur(onto, 1.0)
    # (P, S*S, 1)
    y = (target - target.mean(axis=(1, 2), keepdims=True)).reshape(len(onto), -1, 1)
    motion = np.zeros((len(onto), 4), np.float32)  # shift and stretch in x, then in y, pixels
    moved = moving
    for _ in range(ALIGNMENT_STEPS):
        image = _blur(moved, 1.0)
        dy, dx = np.gradient(image, axis=(1, 2))
        terms = [image, dx, dx * position[None, None, :], dy, dy * position[None, :, None]]
        centred = [t - t.mean(axis=(1, 2), keepdims=True) for t in terms]
        x = np.stack(centred, axis=1).reshape(len(moving), 5, -1)  # (P, 5, S*S)
        gram = x @ x.transpose(0, 2, 1)
        ridge = 1e-4 * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-3
        gram += np.eye(5, dtype=np.float32) * ridge
        weight = np.linalg.solve(gram, x @ y)[:, :, 0]  # (P, 5)
        motion += weight[:, 1:] / np.maximum(weight[:, :1], 0.3)
        motion = motion.clip(-MAX_MOTION * side, MAX_MOTION * side)
        moved = _warp(moving, motion)
    return moved


def _warp(images: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return (P, S, S) read at i + shift + stretch * position, linearly, in both axes."""
    side = images.shape[1]
    grid = np.arange(side, dtype=np.float32)
    position = np.linspace(-1, 1, side, dtype=np.float32)

    def interpolation(shift: np.ndarray, stretch: np.ndarray) -> np.ndarray:
        at = (grid + shift[:, None] + stretch[:, None] * position).clip(0, side - 1)  # (P, S)
        return np.asarray(np.maximum(0, 1 - np.abs(at[:, :, None] - grid)))  # (P, S, S)

    rows = interpolation(motion[:, 2], motion[:, 3])
    columns = interpolation(motion[:, 0], motion[:, 1])
    return np.asarray(rows @ images @ columns.transpose(0, 2, 1))


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlation (P,) of the detail of (P, S, S); edges are left out."""
    details = [(x - _blur(x, DETAIL_SIGMA))[:, 2:-2, 2:-2].reshape(len(x), -1) for x in (a, b)]
    details = [x - x.mean(axis=1, keepdims=True) for x in details]
    norm = np.sqrt((details[0] ** 2).sum(axis=1) * (details[1] ** 2).sum(axis=1))
    products = (details[0] * details[1]).sum(axis=1)
    return np.asarray(np.where(norm > 1, products / np.maximum(norm, 1), 0).clip(0, 1))
