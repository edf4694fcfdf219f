"""The form of a data set's images (size, colour, crop), and conversion of others to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from core import image as images
from core.errors import DataError, ImageError
from core.faces import STILL_SIDE, Detector
from evaluation.quality.dataset import AuditDataset

MAX_GREY_COLOUR = 2.0
"""Mean distance of an image's channels, in grey levels, below which it shows no colour."""
MIN_GREY_SHARE = 0.95
"""Share of grey images above which a data set is grey."""
FACE_MARGIN = 0.3
"""By how much of its width a face's box is widened on all sides where a face has to be cut out of
a photograph.
"""


@dataclass(frozen=True, slots=True)
class ImageForm:
    """Form of the images of a data set.

    Attributes:
        size: (width, height), None where they differ.
        grey: whether they are without colour.
        tight: whether they are cropped to the face, see `Samples`.
    """

    size: tuple[int, int] | None
    grey: bool
    tight: bool

    def __str__(self) -> str:
        size = "x".join(map(str, self.size)) if self.size else "any size"
        return f"{size} {'grey' if self.grey else 'colour'}"


def form_of(dataset: AuditDataset) -> ImageForm:
    """Return the form that most images of a data set have.

    Raises:
        DataError: no image can be read.
    """
    records = dataset.features.images
    records = records[records["readable"]]
    if not len(records):
        raise DataError(f"Expected pictures in {dataset.samples.root} that can be read, got none.")
    sizes = Counter(zip(records["width"].tolist(), records["height"].tolist(), strict=True))
    size, count = min(sizes.items(), key=lambda s: (-s[1], s[0]))
    return ImageForm(
        size if 2 * count >= len(records) else None,
        float((records["colour"] < MAX_GREY_COLOUR).mean()) > MIN_GREY_SHARE,
        dataset.samples.tight,
    )


def convert_image(path: Path, form: ImageForm, detector: Detector | None = None) -> bytes | None:
    """Return an image as a PNG file of a form; None where it cannot be read or shows no face.

    Args:
        path: of the image.
        form: to bring it to.
        detector: where one is given, the best face is cut out.
    """
    try:
        pixels = images.load(path)
    except ImageError:
        return None
    if detector is not None:
        faces = detector(pixels, STILL_SIDE)
        if not faces:
            return None
        pixels = _cut_square(pixels, faces[0].box)
    if form.size is not None:
        pixels = _fit(pixels, form.size)
    encoded = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if form.grey else pixels[..., ::-1]
    data: bytes = cv2.imencode(".png", encoded)[1].tobytes()
    return data


def _cut_square(pixels: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """Return a square around a face's box (left, top, width, height), widened by FACE_MARGIN.

    The border of the image is repeated where the square reaches outside.
    """
    left, top, width, height = box
    side = max(1, round(max(width, height) * (1 + 2 * FACE_MARGIN)))
    x, y = round(left + width / 2 - side / 2), round(top + height / 2 - side / 2)
    padded = cv2.copyMakeBorder(pixels, side, side, side, side, cv2.BORDER_REPLICATE)
    return np.asarray(padded[max(y + side, 0) : y + 2 * side, max(x + side, 0) : x + 2 * side])


def _fit(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return an image cut at the centre to the proportions of `size`, then resized to it."""
    height, width = pixels.shape[:2]
    scale = min(width / size[0], height / size[1])
    w, h = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    x, y = (width - w) // 2, (height - h) // 2
    return cv2.resize(
        pixels[y : y + h, x : x + w],
        size,
        interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC,
    )
