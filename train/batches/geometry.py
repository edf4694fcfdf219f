"""Rarer random changes of one crop: bends, tones and colours, blurs, noises and holes, by OpenCV.

Each is `change(crop, rng) -> crop` on uint8 (S, S, C); its name is the field of `Augment` that
holds its probability.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from cv2.typing import MatLike
from numpy.typing import NDArray
from torch import Tensor

from train.recipe.settings import Augment

Crop = MatLike
Rng = np.random.Generator


def apply_geometry(crops: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    """Return the crops, each change applied to its own random share of the samples.

    Nothing is drawn for changes that are off.

    Args:
        crops: uint8 (N, C, S, S), changed in place.
        settings: the probability of each change.
        generator: of torch, on the CPU.

    Returns:
        `crops`.
    """
    for name, change in CHANGES.items():
        probability = getattr(settings, name)
        if not probability:
            continue
        drawn = torch.rand(len(crops), generator=generator) < probability
        for i in drawn.nonzero()[:, 0].tolist():
            rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
            crop = np.ascontiguousarray(crops[i].permute(1, 2, 0).numpy())  # (S, S, C)
            changed = change(crop, rng).reshape(crop.shape)  # OpenCV drops a single channel's axis
            crops[i] = torch.from_numpy(np.ascontiguousarray(changed)).permute(2, 0, 1)
    return crops


def _clip(values: NDArray[np.floating[Any]]) -> Crop:
    clipped: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return clipped


def _warp(crop: Crop, dx: NDArray[np.float64], dy: NDArray[np.float64]) -> Crop:
    """Take each pixel from `dx`, `dy` (S, S) pixels away."""
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]].astype(np.float32)
    return cv2.remap(
        crop,
        x + dx.astype(np.float32),
        y + dy.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def elastic(crop: Crop, rng: Rng) -> Crop:
    """Displace smoothly by about 1.5 % of the side (Simard et al., ICDAR 2003)."""
    side = crop.shape[0]
    fields = [
        cv2.GaussianBlur(rng.uniform(-1, 1, (side, side)), (0, 0), side / 12) for _ in range(2)
    ]
    return _warp(crop, *(f / (np.abs(f).max() + 1e-9) * 0.03 * side for f in fields))


def grid(crop: Crop, rng: Rng) -> Crop:
    """Move each point of a 5x5 grid by up to 3 % of the side."""
    side = crop.shape[0]
    fields = [
        cv2.resize(
            rng.uniform(-0.03, 0.03, (5, 5)) * side, (side, side), interpolation=cv2.INTER_CUBIC
        )
        for _ in range(2)
    ]
    return _warp(crop, *fields)


def _hsv(crop: Crop, turn: float, gain: float) -> Crop:
    if crop.shape[2] == 1:
        return crop
    hsv = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + turn) % 180  # OpenCV counts in half degrees
    hsv[..., 1] = np.clip(hsv[..., 1] * gain, 0, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)


def hue(crop: Crop, rng: Rng) -> Crop:
    """Turn colours by up to 20 degrees around the colour circle; grey stays."""
    return _hsv(crop, rng.uniform(-10, 10), 1.0)


def saturation(crop: Crop, rng: Rng) -> Crop:
    """Make colours 0.7 to 1.3 times as strong; grey stays."""
    return _hsv(crop, 0.0, rng.uniform(0.7, 1.3))


def gamma(crop: Crop, rng: Rng) -> Crop:
    """Raise tones to the power of 0.8 to 1.25."""
    return _clip(255 * (crop / 255.0) ** np.exp(rng.uniform(-0.223, 0.223)))


def _on_light(crop: Crop, change: Callable[[Crop], Crop]) -> Crop:
    if crop.shape[2] == 1:
        return change(crop[..., 0])
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)
    lab[..., 0] = change(np.ascontiguousarray(lab[..., 0]))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def clahe(crop: Crop, rng: Rng) -> Crop:
    """Equalise contrast locally, within limits (Zuiderveld, Graphics Gems IV)."""
    return _on_light(
        crop, cv2.createCLAHE(rng.uniform(1, 4), (8, 8) if crop.shape[0] >= 64 else (4, 4)).apply
    )


def equalise(crop: Crop, rng: Rng) -> Crop:
    """Go halfway to an even histogram of the lightness."""
    return cv2.addWeighted(crop, 0.5, _on_light(crop, cv2.equalizeHist).reshape(crop.shape), 0.5, 0)


def motion(crop: Crop, rng: Rng) -> Crop:
    """Blur along a random line of 3 to 7 pixels."""
    size = int(rng.choice([3, 5, 7]))
    line = np.zeros((size, size), np.float32)
    line[size // 2] = 1
    turned = cv2.warpAffine(
        line, cv2.getRotationMatrix2D((size // 2, size // 2), rng.uniform(0, 180), 1), (size, size)
    )
    return cv2.filter2D(crop, -1, turned / turned.sum())


def median(crop: Crop, rng: Rng) -> Crop:
    """Take the median of 3x3 pixels."""
    return cv2.medianBlur(crop, 3)


def speckle(crop: Crop, rng: Rng) -> Crop:
    """Multiply each value by 0.9 to 1.1."""
    return _clip(crop * rng.uniform(0.9, 1.1, crop.shape))


def iso(crop: Crop, rng: Rng) -> Crop:
    """Add a camera's noise: it grows as the root of the light, and is coarser in colour."""
    side = crop.shape[0]
    coarse = cv2.resize(rng.normal(0, 1, (side // 2, side // 2, 3)), (side, side))[
        ..., : crop.shape[2]
    ]
    noise = rng.normal(0, 1, (side, side, 1)) + 0.5 * coarse
    return _clip(crop + rng.uniform(0.2, 0.7) * np.sqrt(crop + 1.0) * noise)


def holes(crop: Crop, rng: Rng) -> Crop:
    """Cut up to eight black squares of a twelfth of the side (Cutout, arXiv 1708.04552)."""
    side, crop = crop.shape[0], crop.copy()
    size = max(1, side // 12)
    for y, x in rng.integers(0, side - size + 1, (int(rng.integers(1, 9)), 2)):
        crop[y : y + size, x : x + size] = 0
    return crop


CHANGES: dict[str, Callable[[Crop, Rng], Crop]] = {
    f.__name__: f
    for f in (
        elastic,
        grid,
        hue,
        saturation,
        gamma,
        clahe,
        equalise,
        motion,
        median,
        speckle,
        iso,
        holes,
    )
}
