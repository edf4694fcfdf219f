"""How a face was captured, measured from the picture: face size, blur, brightness, contrast, yaw
and roll; and the bins that slices take.

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
    """One condition's bins: bin i holds values in [edges[i - 1], edges[i]); unknown: what a missing
    value is called, "" for no bin at all.

    about: what the number is, with its unit.
    """

    about: str
    edges: tuple[float, ...]
    names: tuple[str, ...]
    unknown: str = ""

    def of(self, values: np.ndarray) -> np.ndarray:
        """float (N,), NaN where unknown -> (N,) names."""
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
    """Name of `BINS` -> value of the face in an RGB uint8 picture; size, yaw and roll NaN where no
    face was found.
    """
    crop = crop_face(picture, face, SPEC)
    height, width = picture.shape[:2]
    seen = measure(face or Face((0, 0, width, height), 1.0), crop)
    return {
        "face_size": nan if face is None else seen.size,
        "blur": seen.sharpness,
        "brightness": seen.brightness,
        "contrast": seen.contrast,
        "yaw": nan if seen.yaw is None else seen.yaw,
        "roll": nan if face is None else roll(face),
    }


def roll(face: Face) -> float:
    """Degrees by which the line from the right to the left eye is turned, clockwise as seen; NaN
    without landmarks.
    """
    if face.landmarks is None:
        return nan
    (x0, y0), (x1, y1) = face.landmarks[:2]
    return degrees(atan2(y1 - y0, x1 - x0))


def columns(measured: list[dict[str, float]]) -> dict[str, pa.Array]:
    """N faces' conditions -> for each the column `condition_NAME` (float32) and its bins
    `group_NAME` (text), null where unknown.
    """
    made: dict[str, pa.Array] = {}
    for name, bins in BINS.items():
        values = np.array([m[name] for m in measured], np.float64)
        made[CONDITION + name] = pa.array(values, pa.float32(), from_pandas=True)
        made[GROUP + name] = pa.array(
            [name or None for name in bins.of(values).tolist()], pa.string()
        )
    return made
