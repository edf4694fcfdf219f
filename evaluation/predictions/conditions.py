"""Capture conditions of a face: size, blur, brightness, contrast, yaw and roll, and their bins.

Measured on a grey 48-px crop whatever the model takes, so that the tables of two models put a
picture into the same bin. The bins' bounds are fixed and not quantiles, so that data sets compare:
of 1,822 FER+ and UTKFace validation pictures 15 % are blurred, 11 % dark, 13 % bright, 18 % low and
9 % high in contrast, 16 % turned and 14 % tilted. YuNet's landmarks follow a tilt only in part, so
`roll` orders faces but says too little of a strong tilt.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, nan

import numpy as np
import pyarrow as pa

from core.face_quality import measure
from core.preprocess import InputSpec, crop_face
from core.types import Face
from evaluation.predictions.schema import CONDITION, GROUP

SPEC = InputSpec()
"""48 px, grey: see `core.face_quality.Limits`."""


@dataclass(frozen=True, slots=True)
class Bins:
    """One condition's bins: bin i holds values in [edges[i - 1], edges[i]).

    Attributes:
        about: what the number is, with its unit.
        unknown: name of a missing value, "" for no bin.
    """

    about: str
    edges: tuple[float, ...]
    names: tuple[str, ...]
    unknown: str = ""

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return the bins' names (N,) of values (N,), NaN where unknown."""
        names = np.array([*self.names, self.unknown])
        return names[np.where(np.isnan(values), len(self.names), np.digitize(values, self.edges))]


BINS = {
    "face_size": Bins(
        "shorter side of the face's box, pixels of the picture",
        (32, 64, 128),
        ("tiny (<32 px)", "small (32-63 px)", "medium (64-127 px)", "large (128+ px)"),
        "no face found",
    ),
    "blur": Bins(
        "variance of the Laplacian over the grey variance: low is blurred",
        (0.2, 0.4),
        ("blurred", "soft", "sharp"),
    ),
    "brightness": Bins(
        "mean grey level, 0 to 1", (0.35, 0.65), ("dark (<0.35)", "medium", "bright (>0.65)")
    ),
    "contrast": Bins(
        "standard deviation of the grey level, 0 to 1",
        (0.15, 0.27),
        ("low (<0.15)", "medium", "high (>0.27)"),
    ),
    "yaw": Bins(
        "turn of the head, -1 (to its right) to 1 (to its left)",
        (-0.3, 0.3),
        ("turned right", "frontal", "turned left"),
    ),
    "roll": Bins(
        "tilt of the eyes' line, degrees, clockwise as seen",
        (-8, 8),
        ("tilted anticlockwise", "upright", "tilted clockwise"),
    ),
}


def conditions(picture: np.ndarray, face: Face | None) -> dict[str, float]:
    """Return the value of each condition of `BINS` for one face.

    Args:
        picture: RGB uint8 (H, W, 3).
        face: in the picture; None where none was detected.

    Returns:
        Condition -> value in its unit; size, yaw and roll are NaN without a face.
    """
    crop = crop_face(picture, face, SPEC)
    height, width = picture.shape[:2]
    quality = measure(face or Face((0, 0, width, height), 1.0), crop)
    return {
        "face_size": nan if face is None else quality.size,
        "blur": quality.sharpness,
        "brightness": quality.brightness,
        "contrast": quality.contrast,
        "yaw": nan if quality.yaw is None else quality.yaw,
        "roll": nan if face is None else roll(face),
    }


def roll(face: Face) -> float:
    """Return the tilt of the line between the eyes in degrees, clockwise; NaN without landmarks."""
    if face.landmarks is None:
        return nan
    (x0, y0), (x1, y1) = face.landmarks[:2]
    return degrees(atan2(y1 - y0, x1 - x0))


def columns(measured: list[dict[str, float]]) -> dict[str, pa.Array]:
    """Return the columns `condition_NAME` (float32) and `group_NAME` (its bins, text) of N faces.

    Null where unknown.

    Args:
        measured: N results of `conditions`.
    """
    arrays: dict[str, pa.Array] = {}
    for name, bins in BINS.items():
        values = np.array([m[name] for m in measured], np.float64)
        arrays[CONDITION + name] = pa.array(values, pa.float32(), from_pandas=True)
        arrays[GROUP + name] = pa.array(
            [name or None for name in bins.of(values).tolist()], pa.string()
        )
    return arrays
