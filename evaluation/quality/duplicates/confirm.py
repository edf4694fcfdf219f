"""Whether two pictures are one: how well the fine detail of two thumbnails agrees once small moves,
stretches and light are undone.

Faces are alike in the large: cut out alike and lit alike, two people can agree more than two copies
of one photograph of which one was cropped. So the second thumbnail is moved and stretched onto the
first (steps of Lucas and Kanade, IJCAI 1981, for all pairs at once), and then only what is finer
than about a tenth of the picture is correlated.
"""

from __future__ import annotations

import cv2
import numpy as np

BATCH = 1024
STEPS = 4
REACH = 0.08
"""Largest shift or stretch that is undone, as a share of the side."""
FINE = 1.5
"""Detail is what this Gaussian, pixels of the thumbnail, takes away."""


def agreement(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Thumbnails uint8 (P, S, S) -> correlation of their detail after alignment, float32 (P,) in
    [0, 1]; 0 where either is flat.
    """
    found = np.zeros(len(first), np.float32)
    for start in range(0, len(first), BATCH):
        part = slice(start, start + BATCH)
        a, b = first[part].astype(np.float32), second[part].astype(np.float32)
        # A picture can only be moved onto one that shows no more than it does, so both ways are
        # tried.
        found[part] = np.maximum(_correlation(a, _aligned(a, b)), _correlation(b, _aligned(b, a)))
    return found


def _smooth(x: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of each of (P, S, S)."""
    kernel = cv2.getGaussianKernel(2 * round(3 * sigma) + 1, sigma, cv2.CV_32F)[:, 0]
    half, side = len(kernel) // 2, x.shape[1]
    place = np.clip(
        np.arange(side)[:, None] + np.arange(-half, half + 1), 0, side - 1
    )  # edges repeat
    matrix = np.zeros((side, side), np.float32)
    np.add.at(matrix, (np.arange(side)[:, None], place), kernel)
    return matrix @ x @ matrix.T


def _aligned(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`b` (P, S, S) moved and stretched onto `a`."""
    side = a.shape[1]
    place = np.linspace(-1, 1, side, dtype=np.float32)
    soft = _smooth(a, 1.0)
    y = (soft - soft.mean(axis=(1, 2), keepdims=True)).reshape(len(a), -1, 1)  # (P, S*S, 1)
    motion = np.zeros((len(a), 4), np.float32)  # shift and stretch in x, then in y, pixels
    moved = b
    for _ in range(STEPS):
        image = _smooth(moved, 1.0)
        dy, dx = np.gradient(image, axis=(1, 2))
        terms = [image, dx, dx * place[None, None, :], dy, dy * place[None, :, None]]
        x = np.stack([t - t.mean(axis=(1, 2), keepdims=True) for t in terms], axis=1).reshape(
            len(b), 5, -1
        )  # (P, 5, S*S)
        gram = x @ x.transpose(0, 2, 1)
        gram += np.eye(5, dtype=np.float32) * (
            1e-4 * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-3
        )
        weight = np.linalg.solve(gram, x @ y)[:, :, 0]  # (P, 5)
        motion += weight[:, 1:] / np.maximum(weight[:, :1], 0.3)
        motion = motion.clip(-REACH * side, REACH * side)
        moved = _warp(b, motion)
    return moved


def _warp(b: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """`b` (P, S, S) read at i + shift + stretch * place, linearly, in both axes."""
    side = b.shape[1]
    grid = np.arange(side, dtype=np.float32)
    place = np.linspace(-1, 1, side, dtype=np.float32)

    def matrix(shift: np.ndarray, stretch: np.ndarray) -> np.ndarray:
        at = (grid + shift[:, None] + stretch[:, None] * place).clip(0, side - 1)  # (P, S)
        return np.maximum(
            0, 1 - np.abs(at[:, :, None] - grid)
        )  # (P, S, S): weights of linear interpolation

    return (
        matrix(motion[:, 2], motion[:, 3])
        @ b
        @ matrix(motion[:, 0], motion[:, 1]).transpose(0, 2, 1)
    )


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    fine = [
        (x - _smooth(x, FINE))[:, 2:-2, 2:-2].reshape(len(x), -1) for x in (a, b)
    ]  # edges may show what the other lacks
    fine = [x - x.mean(axis=1, keepdims=True) for x in fine]
    norm = np.sqrt((fine[0] ** 2).sum(axis=1) * (fine[1] ** 2).sum(axis=1))
    return np.where(norm > 1, (fine[0] * fine[1]).sum(axis=1) / np.maximum(norm, 1), 0).clip(0, 1)
