"""Bands of confidence, measured conditions of a face, and reasons to abstain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from core.types import LIMIT, Face, Prediction

Band = Literal["high", "medium", "low"]
HIGH = 0.90


def band(p: float, limit: float = LIMIT) -> Band:
    """Return the band of a probability.

    low: under the model's own threshold (1: always), shown as *uncertain*; high: over 90 %; medium:
    between them, where there is room.

    >>> band(0.8), band(0.8, 0.85), band(0.93, 0.95), band(0.96, 0.95)
    ('medium', 'low', 'low', 'high')
    """
    return "low" if p < limit or limit >= 1 else "high" if p > HIGH else "medium"


def band_of(prediction: Prediction) -> Band:
    """Return the band of the emotion, the hardest task, or of the perceived gender without one.

    Age carries its own interval instead.
    """
    distribution = prediction.emotion or prediction.given_gender
    return band(distribution.confidence, distribution.limit) if distribution else "low"


def uncertain(prediction: Prediction) -> dict[str, bool]:
    """Return by task whether its prediction is below the model's threshold, or not given."""
    values = {"emotion": prediction.emotion, "gender": prediction.gender, "age": prediction.age}
    is_uncertain = {task: value.uncertain for task, value in values.items() if value is not None}
    return is_uncertain | ({"gender": True} if prediction.gender_not_given else {})


@dataclass(frozen=True, slots=True)
class Conditions:
    """How well a face can be seen.

    Attributes:
        size: shorter side of its box, pixels of the picture.
        sharpness: variance of the Laplacian over the crop divided by the crop's grey variance;
            about 0.01 (blurred) to 1. Larger crops are brought to `SIDE` pixels for it, as it falls
            with the size of the same picture.
        brightness: mean grey level of the crop in [0, 1].
        contrast: standard deviation of the crop's grey level in [0, 1].
        yaw: -1 (turned to its right) .. 1 (to its left), from where the nose stands between the
            eyes; None without landmarks.
    """

    size: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Outside these the demo abstains; see `Conditions` for units.

    Measured on validation faces of FER+ and UTKFace, crops of 48 px. Sharpness: 295 FER+ faces as
    they are, and blurred by a Gaussian of 2 to 10 % of the face's width. Of the emotions that are
    not *uncertain* 92 % are correct above 0.040, 84 % between 0.025 and 0.040, 68 % below. 1 % of
    the faces as they are have less than 0.08. 0.5 % have a brightness under 0.16 to 0.22 and a
    contrast under 0.09.
    """

    size: float = 24.0
    sharpness: float = 0.040
    dark: float = 0.10
    contrast: float = 0.04
    yaw: float = 0.75


LIMITS = Limits()
SIDE = 48
"""Pixels each way of the crops that `LIMITS` was measured on."""


def measure(face: Face, crop: np.ndarray) -> Conditions:
    """Return the conditions of `face`.

    Args:
        face: as detected in the picture.
        crop: uint8 (H, W, 1 or 3), as the network takes it.
    """
    grey = crop[..., 0] if crop.shape[-1] == 1 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if min(grey.shape) > SIDE:
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    mean, std = (float(v[0, 0]) for v in cv2.meanStdDev(grey))
    laplacian = float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))[1][0, 0])
    sharpness = (laplacian / std) ** 2 if std > 1 else 0.0
    return Conditions(face.size, sharpness, mean / 255, std / 255, yaw(face))


def yaw(face: Face) -> float | None:
    """Return the turn of the head in [-1, 1].

    It is the nose's offset from the middle of the eyes, in half eye distances, along the eye line.
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


def reason_to_abstain(conditions: Conditions, limits: Limits = LIMITS) -> str | None:
    """Return why no prediction should be shown, for the person in front of the camera, or None."""
    if conditions.size < limits.size:
        return f"too small: {conditions.size:.0f} px, come closer (at least {limits.size:.0f} px)"
    if conditions.brightness < limits.dark:
        return "too dark: more light on the face helps"
    if conditions.contrast < limits.contrast:
        return "too little contrast: the face cannot be made out"
    if conditions.yaw is not None and abs(conditions.yaw) > limits.yaw:
        return "turned away: face the camera"
    if conditions.sharpness < limits.sharpness:
        return "blurred: hold still or clean the lens"
    return None
