"""One image with any number of faces, for the page and as JSON for programs."""

from __future__ import annotations

import traceback
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import cv2
import numpy as np

from apps.webcam import image_io
from apps.webcam.image_io import ImagePayload, ShownImage
from apps.webcam.monitoring.monitor import Monitor
from apps.webcam.tracking.tracker import numbered
from apps.webcam.ui import overlay, panel, texts
from core import image
from core.errors import UserError
from core.pipeline import Pipeline, Reading

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.jpg"))
"""Public-domain and drawn images only; `examples/README.md` names their sources."""
MAX_SHOWN_SIDE_PX = 1600
"""Long side of the image that goes back to the page."""
SHOWN_JPEG_QUALITY = 90


class ImageTabUpdate(NamedTuple):
    """New values of the tab's components, in the order of the listener's outputs."""

    image: ShownImage | None
    cards: str
    readout: str


def process_upload(
    pipeline: Pipeline, payload: ImagePayload | None, monitor: Monitor | None = None
) -> ImageTabUpdate:
    """Predict on a visitor's image and count it; a refused one becomes a message."""
    try:
        rgb, reading = _read(pipeline, payload, monitor)
        return _shown(rgb, reading)
    except UserError as error:
        return ImageTabUpdate(None, panel.problem(str(error)), "")
    except Exception:  # a fault of ours: whoever runs the server gets it, the page a sentence
        traceback.print_exc()
        return ImageTabUpdate(None, panel.problem(texts.SERVER_FAULT), "")


def process_example(pipeline: Pipeline, index: int) -> ImageTabUpdate:
    """Predict on one of `EXAMPLES`."""
    return process_image(pipeline, image.load(EXAMPLES[index]))


def process_image(pipeline: Pipeline, rgb: np.ndarray) -> ImageTabUpdate:
    """Predict on an image, RGB uint8 (H, W, 3), without counting it."""
    return _shown(rgb, pipeline(rgb))


def _read(
    pipeline: Pipeline, payload: ImagePayload | None, monitor: Monitor | None
) -> tuple[np.ndarray, Reading]:
    """Return a visitor's image, RGB uint8 (H, W, 3), and its reading, which is counted.

    Raises:
        UserError: The image cannot be read.
    """
    start = perf_counter()
    rgb = image_io.decode_still(payload)
    reading = pipeline(rgb)
    if monitor is not None:
        monitor.count_still(reading, 1000 * (perf_counter() - start))
    return rgb, reading


def _shown(rgb: np.ndarray, reading: Reading) -> ImageTabUpdate:
    """Return what the page shows of an image; faces are numbered from the left."""
    height, width = rgb.shape[:2]
    faces = numbered(reading)
    no_face_text = (
        f"No face found in this image of {width} × {height} pixels. Faces need about 24 pixels and"
        " should look towards the camera."
    )
    annotated = _shrink(overlay.draw(rgb, faces))
    return ImageTabUpdate(
        image_io.encode(annotated, quality=SHOWN_JPEG_QUALITY),
        panel.faces(faces, no_face_text, (width, height)),
        panel.readout(reading.timing_ms, None),
    )


def _shrink(rgb: np.ndarray) -> np.ndarray:
    """Scale an image down to the size that is shown."""
    height, width = rgb.shape[:2]
    factor = MAX_SHOWN_SIDE_PX / max(height, width)
    if factor >= 1:
        return rgb
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def predict_json(
    pipeline: Pipeline, payload: ImagePayload | None, monitor: Monitor | None = None
) -> list[dict[str, object]]:
    """Return the result of the API's `predict`, see `core.pipeline.Reading.to_json`.

    Raises:
        UserError: The image cannot be read.
    """
    return _read(pipeline, payload, monitor)[1].to_json()
