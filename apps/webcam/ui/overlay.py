"""Boxes and labels drawn on an image, after all predictions were made on its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import labels
from apps.webcam.ui.tag_layout import PlacedTag, TagLayout
from core.face_quality import Band
from core.types import Box

Colour = tuple[int, int, int]
"""RGB, 0 to 255."""

COLOURS: dict[Band | None, Colour] = {
    "high": (52, 211, 153),
    "medium": (251, 191, 36),
    "low": (203, 213, 225),
    None: (248, 113, 113),  # abstention
}
"""By confidence band. The words say the same, so nobody has to tell colours apart."""
TEXT_COLOUR, LABEL_COLOUR = (255, 255, 255), (15, 23, 42)
UNIT_SIDE_PX = 640
"""Long side of the image for which the sizes below are meant; other images scale them."""
MIN_UNIT = 0.5
MIN_LABELLED_SIDE_PX = 40
"""Smaller faces get their number only; the cards have the rest."""
TEXT_PX, SMALL_TEXT_PX = 24, 17
"""On a phone the image is shown at half its size or less. The second is that of a number which else
would have no room.
"""
GAP_PX = 3
MAX_CACHED_TEXT_PX = 26
"""Tags up to this text size, that of a camera, are cached at 10 to 30 KB each; those of a
photograph can take 1 MB.
"""
LABEL_OPACITY = 0.88
MAX_COORDINATE_PX = 30_000
"""OpenCV's drawing overflows far outside the image."""


def draw(image: np.ndarray, faces: Sequence[TrackedFace]) -> np.ndarray:
    """Return a copy of the image with boxes and labels.

    Args:
        image: RGB uint8, shape (H, W, 3).
        faces: Their boxes are in pixels of the image.

    Returns:
        RGB uint8, shape (H, W, 3).
    """
    canvas = image.copy()
    draw_on(canvas, faces)
    return canvas


def draw_on(canvas: np.ndarray, faces: Sequence[TrackedFace], *, is_mirrored: bool = False) -> None:
    """Draw boxes and labels on an image.

    Args:
        canvas: RGB uint8, shape (H, W, 3).
        faces: Their boxes are in pixels of the image.
        is_mirrored: The image is mirrored, the boxes are those of the one that is not.
    """
    height, width = canvas.shape[:2]
    unit = max(MIN_UNIT, max(height, width) / UNIT_SIDE_PX)
    boxes = [
        (width - x - w, y, w, h) if is_mirrored else (x, y, w, h)
        for x, y, w, h in (f.reading.face.box for f in faces)
    ]
    for face, box in zip(faces, boxes, strict=True):
        _draw_box(canvas, box, _colour(face), unit)
    # Tags come after all boxes, so that none crosses a tag.
    layout = TagLayout(width, height, boxes, round(GAP_PX * unit))
    size, small_size = round(TEXT_PX * unit), round(SMALL_TEXT_PX * unit)
    render = cached_label if size <= MAX_CACHED_TEXT_PX else render_label
    for face, box in zip(faces, boxes, strict=True):
        is_small = min(box[2:]) < MIN_LABELLED_SIDE_PX * unit
        number = str(face.id)
        # Rather its number alone, or a small one, than a line through others or no tag.
        tries = [(labels.tag(face.id, face.reading), size, False)] * (not is_small)
        tries += [(number, size, False), (number, small_size, False), (number, small_size, True)]
        for text, text_size, may_cross in tries:
            chip = render(text, _colour(face), text_size)
            placed = layout.place(box, chip.shape[1], chip.shape[0], may_cross=may_cross)
            if placed is not None:
                _paste(canvas, chip, placed, _colour(face), unit)
                break


def _colour(face: TrackedFace) -> Colour:
    return COLOURS[None if face.reading.abstained else face.reading.band]


def _draw_box(canvas: np.ndarray, box: Box, colour: Colour, unit: float) -> None:
    x, y, w, h = (int(np.clip(v, -MAX_COORDINATE_PX, MAX_COORDINATE_PX)) for v in box)
    for thickness, line_colour in ((round(4 * unit), LABEL_COLOUR), (round(2 * unit), colour)):
        cv2.rectangle(canvas, (x, y), (x + w, y + h), line_colour, max(1, thickness), cv2.LINE_AA)


def render_label(text: str, colour: Colour, size: int) -> np.ndarray:
    """Return a line of text on a dark ground.

    Args:
        text: The tag.
        colour: Of the bar on the left.
        size: Of the text, in pixels.

    Returns:
        RGB uint8, shape (h, w, 3), read-only, because it may be cached.
    """
    # Pillow's own font, so that the image looks the same on every machine.
    font = ImageFont.load_default(size)
    padding, bar = round(size * 0.35), round(size * 0.22)
    width = round(font.getlength(text)) + 2 * padding + bar
    chip = Image.new("RGB", (width, round(size * 1.45)), LABEL_COLOUR)
    pen = ImageDraw.Draw(chip)
    pen.rectangle((0, 0, bar, chip.height), fill=colour)
    pen.text((padding + bar, round(size * 0.1)), text, fill=TEXT_COLOUR, font=font)
    pixels = np.asarray(chip).copy()
    pixels.setflags(write=False)
    return pixels


cached_label = lru_cache(maxsize=256)(render_label)
"""`render_label` with a cache, as most labels stay the same from frame to frame."""


def _paste(
    canvas: np.ndarray, chip: np.ndarray, placed: PlacedTag, colour: Colour, unit: float
) -> None:
    """Lay a tag on the image, with a line to its face where it is not beside it."""
    if placed.leader is not None:
        for thickness, line_colour in ((round(4 * unit), LABEL_COLOUR), (round(2 * unit), colour)):
            cv2.line(canvas, *placed.leader, line_colour, max(1, thickness), cv2.LINE_AA)
    left, top, right, bottom = placed.area
    region = canvas[top:bottom, left:right]
    region[:] = cv2.addWeighted(chip, LABEL_OPACITY, region, 1 - LABEL_OPACITY, 0)
