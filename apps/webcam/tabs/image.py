"""One picture with any number of faces: for the page, and as JSON for programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from apps.webcam import image_io
from apps.webcam.tracking.tracker import Tracked
from apps.webcam.ui import overlay, panel
from core import image
from core.errors import UserError
from core.faces import STILL_SIDE
from core.pipeline import Pipeline
from core.types import Prediction

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.jpg"))
"""Public-domain pictures only; `examples/README.md` names their sources."""
SHOWN_SIDE = 1600
"""Long side in pixels of the picture that goes back to the page."""

Answer = tuple[dict[str, str] | None, str, str]
"""Picture to show, cards, readout."""


def upload(pipeline: Pipeline, payload: dict[str, Any] | None) -> Answer:
    """A visitor's picture."""
    try:
        return read(pipeline, image_io.decode(payload))
    except UserError as error:
        return None, panel.problem(str(error)), ""


def example(pipeline: Pipeline, index: int) -> Answer:
    """One of EXAMPLES."""
    return read(pipeline, image.load(EXAMPLES[index]))


def read(pipeline: Pipeline, rgb: np.ndarray) -> Answer:
    """RGB uint8 (H, W, 3) -> the picture with its readings."""
    reading = pipeline(rgb, STILL_SIDE)
    height, width = rgb.shape[:2]
    ordered = sorted(
        reading.faces, key=lambda f: f.face.box[0]
    )  # numbered as one reads a group picture: from the left
    faces = [
        Tracked(i, f if f.abstained is None else replace(f, prediction=Prediction()))
        for i, f in enumerate(ordered, 1)
    ]
    nobody = f"No face found in this picture of {width} × {height} pixels. Faces need about 24 pixels and should look towards the camera."
    shown = overlay.draw(rgb, faces)
    if max(height, width) > SHOWN_SIDE:
        factor = SHOWN_SIDE / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        shown = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    return (
        image_io.encode(shown, quality=90),
        panel.faces(faces, nobody),
        panel.readout(reading.timing_ms, None),
    )


def as_json(pipeline: Pipeline, payload: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The API's `predict`: what `Pipeline(model)(picture, STILL_SIDE).to_json()` gives.

    Raises:
        UserError: the picture cannot be read.
    """
    return pipeline(image_io.decode(payload), STILL_SIDE).to_json()
