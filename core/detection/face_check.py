"""Tells whether what was detected is a whole, upright face, before anything is predicted from it.

A detector also finds hands, collars and patterns, and heads that are cut off or upside down. A
small network (trained by `python -m train face_check`) looks at the crop itself. Its threshold
stands in the file: of the validation faces of FER+ and UTKFace it loses 1 % at the most. Detections
are also refused for their score and for their place at the picture's border.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.artifacts.bundle import open_session
from core.artifacts.input_spec import InputSpec
from core.artifacts.onnx_check.graph import read_metadata
from core.errors import ModelError
from core.preprocess import crop_face, to_input
from core.system import ROOT
from core.types import Face

FILE = ROOT / "assets" / "models" / "face_check.onnx"
INPUT = InputSpec(size=48)
KEY = "mien.face_check"
"""Metadata of the ONNX file: a JSON object with `threshold`."""

MIN_SCORE = 0.70
"""Least score of a detector with landmarks; 99 % of 390 faces in photographs of FairFace and
APPA-REAL score at least 0.85.
"""
MIN_TURNED_SCORE, MIN_TURNED_FACE = 0.80, 0.50
"""Least scores of a face that was found in a turned copy: one of several tries succeeds by chance
more often.
"""
MAX_OUTSIDE = 0.15
"""Share of the box that may lie outside the picture."""
USUAL_RATIOS = (0.55, 1.12)
"""Width by height of whole faces: those of 1,006 photographs lay between 0.59 and 1.07."""
BORDER = 0.03
"""A box at most this share of its size away from the border touches it."""


class FaceCheck:
    """The network. Safe to call from several threads.

    Attributes:
        threshold: scores below it are not taken for a face.

    Raises:
        ModelError: the file is missing, or ONNX Runtime refuses it.
    """

    def __init__(self, file: Path = FILE) -> None:
        if not file.is_file():
            raise ModelError(
                f"Expected the face check in {file}, got nothing; try `git checkout -- {file}` or "
                "`python -m train face_check`."
            )
        data = file.read_bytes()
        self.threshold = float(json.loads(bytes(read_metadata(data)[KEY]))["threshold"])
        self._session = open_session(data, 1, file)

    def __call__(self, image: np.ndarray, faces: Sequence[Face | None]) -> np.ndarray:
        """Return scores of faces in a picture, float32 (N,), from 0 (no face) to 1.

        Args:
            image: RGB uint8 (H, W, 3).
            faces: as detected; None is the picture as a whole.
        """
        if not faces:
            return np.zeros(0, np.float32)
        crops = np.stack([crop_face(image, face, INPUT) for face in faces])
        return self.score(crops)

    def score(self, crops: np.ndarray) -> np.ndarray:
        """Return scores of crops, uint8 (N, 48, 48, 1); see `__call__`."""
        logits = np.asarray(self._session.run(["face"], {"image": to_input(crops, INPUT)})[0])
        scores: np.ndarray = 1 / (1 + np.exp(-logits[:, 0]))
        return scores

    def reason_to_refuse(
        self, score: float, face: Face, shape: tuple[int, ...], *, is_turned: bool = False
    ) -> str | None:
        """Return why a detection is not taken for a whole face, for the person who shows it.

        Args:
            score: of this check.
            face: in pixels of a picture of the shape `shape`.
            shape: of the picture, (H, W, ...).
            is_turned: the picture was turned to find it.
        """
        limit = max(self.threshold, MIN_TURNED_FACE) if is_turned else self.threshold
        min_score = MIN_TURNED_SCORE if is_turned else MIN_SCORE
        if score < limit or (face.landmarks is not None and face.score < min_score):
            return "no whole, upright face: show all of it, or turn the picture"
        return "cut off: show the whole face" if is_cut_off(face, shape) else None


def is_cut_off(face: Face, shape: tuple[int, ...]) -> bool:
    """Return whether the picture's border cuts a face.

    Then its box reaches far outside, or touches the border and is too narrow or too flat.
    """
    x, y, w, h = face.box
    height, width = shape[:2]
    inside = max(0.0, min(x + w, width) - max(x, 0)) * max(0.0, min(y + h, height) - max(y, 0))
    if inside < (1 - MAX_OUTSIDE) * w * h:
        return True
    margin = BORDER * max(w, h)
    touches = x < margin or y < margin or x + w > width - margin or y + h > height - margin
    low, high = USUAL_RATIOS
    return touches and not low <= w / h <= high
