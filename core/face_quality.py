"""Bands of confidence, and when to say nothing: measured conditions of a face and the reason to
abstain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from core.types import LIMIT, Face, Prediction

Band = Literal["high", "medium", "low"]
HIGH = 0.90


def band(p: float, limit: float = LIMIT) -> Band:
    """low: under the model's own limit (1: always), to be shown as *uncertain*; high: over 90 %;
    medium: between them, where there is room.

    >>> band(0.8), band(0.8, 0.85), band(0.93, 0.95), band(0.96, 0.95)
    ('medium', 'low', 'low', 'high')
    """
    return "low" if p < limit or limit >= 1 else "high" if p > HIGH else "medium"


def band_of(said: Prediction) -> Band:
    """The emotion's, the hardest answer, or the gender's where there is no emotion; age carries its
    own interval instead.
    """
    shown = said.emotion or said.gender
    return band(shown.confidence, shown.limit) if shown else "low"


def uncertain(said: Prediction) -> dict[str, bool]:
    """Whether each answer that there is falls under its model's limit, by task."""
    answers = {"emotion": said.emotion, "gender": said.gender, "age": said.age}
    return {task: answer.uncertain for task, answer in answers.items() if answer is not None}


@dataclass(frozen=True, slots=True)
class Conditions:
    """How well a face can be seen.

    size: shorter side of its box, pixels of the picture. sharpness: variance of the Laplacian over
    the crop divided by the crop's grey variance; about 0.01 (blurred) to 1. Larger crops are
        brought to `SIDE` pixels for it, as it falls with the size of the same picture.
    brightness: mean grey level of the crop in [0, 1]. contrast: standard deviation of the crop's
    grey level in [0, 1]. yaw: -1 (turned to its right) .. 1 (to its left), from where the nose
    stands between the eyes; None without landmarks.
    """

    size: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Outside these the demo abstains; see `Conditions` for units.

    Measured on 600 FER+ and 600 UTKFace validation crops of 48 px: 1 % have a sharpness under 0.09,
    and half of them fall under 0.010 when blurred by a Gaussian of 2 crop pixels; 0.5 % have a
    brightness under 0.16 to 0.22 and a contrast under 0.09.
    """

    size: float = 24.0
    sharpness: float = 0.010
    dark: float = 0.10
    contrast: float = 0.04
    yaw: float = 0.75


LIMITS = Limits()
SIDE = 48
"""Pixels each way of the crops that `LIMITS` was measured on."""


def measure(face: Face, crop: np.ndarray) -> Conditions:
    """Conditions of `face`, whose uint8 crop (H, W, 1 or 3) is the one that the network sees."""
    grey = crop[..., 0] if crop.shape[-1] == 1 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if min(grey.shape) > SIDE:
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    mean, std = (float(v[0, 0]) for v in cv2.meanStdDev(grey))
    laplacian = float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))[1][0, 0])
    sharpness = (laplacian / std) ** 2 if std > 1 else 0.0
    return Conditions(face.size, sharpness, mean / 255, std / 255, yaw(face))


def yaw(face: Face) -> float | None:
    """Turn of the head in [-1, 1]: the nose's offset from the middle of the eyes, in half eye
    distances, along the eye line.
    """
    if face.landmarks is None:
        return None
    right, left, nose = (np.asarray(p, float) for p in face.landmarks[:3])
    axis = left - right
    length = float(np.hypot(*axis))
    if length < 1e-6:
        return 1.0
    offset = float((nose - (right + left) / 2) @ axis) / length
    return float(np.clip(offset / (length / 2), -1, 1))


def reason_to_abstain(seen: Conditions, limits: Limits = LIMITS) -> str | None:
    """Why no reading should be given, in words for the person in front of the camera; None where
    there is no reason.
    """
    if seen.size < limits.size:
        return f"too small: {seen.size:.0f} px, come closer (at least {limits.size:.0f} px)"
    if seen.brightness < limits.dark:
        return "too dark: more light on the face helps"
    if seen.contrast < limits.contrast:
        return "too little contrast: the face cannot be made out"
    if seen.yaw is not None and abs(seen.yaw) > limits.yaw:
        return "turned away: face the camera"
    if seen.sharpness < limits.sharpness:
        return "blurred: hold still or clean the lens"
    return None
