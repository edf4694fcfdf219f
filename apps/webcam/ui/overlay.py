"""Boxes and labels drawn on a copy of the image, after all predictions were made on its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import labels
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
"""Long side of the image for which the sizes below are meant; larger images scale them up."""
MIN_LABELLED_SIDE_PX = 48
"""Smaller faces get their number only; the cards have the rest."""
TEXT_PX, NUMBER_PX = 13, 11
MAX_CACHED_TEXT_PX = 26
"""Labels up to this text size, that of a 1280-pixel camera, are cached at 25 to 100 KB each; those
of a photograph can take 4 MB.
"""
LABEL_OPACITY = 0.88
MAX_COORDINATE_PX = 30_000
"""OpenCV's drawing overflows far outside the image."""


def draw(image: np.ndarray, faces: Sequence[TrackedFace], *, mirrored: bool = False) -> np.ndarray:
    """Return a copy of the image with boxes and labels.

    Args:
        image: RGB uint8, shape (H, W, 3); not changed.
        faces: Their boxes are in pixels of `image`.
        mirrored: Mirror the image and the boxes, but not the writing.
    """
    canvas = cv2.flip(image, 1) if mirrored else image.copy()
    height, width = canvas.shape[:2]
    unit = max(1.0, max(height, width) / UNIT_SIDE_PX)
    boxes = [
        (width - x - w, y, w, h) if mirrored else (x, y, w, h)
        for x, y, w, h in (f.reading.face.box for f in faces)
    ]
    for face, box in zip(faces, boxes, strict=True):
        _draw_box(canvas, box, _colour(face), unit)
    for face, box in zip(
        faces, boxes, strict=True
    ):  # after all boxes, so that none crosses a label
        is_small = min(box[2:]) < MIN_LABELLED_SIDE_PX * unit
        text = (str(face.id),) if is_small else _lines(face)
        size = round((NUMBER_PX if is_small else TEXT_PX) * unit)
        render = cached_label if size <= MAX_CACHED_TEXT_PX else render_label
        _paste(canvas, render(text, _colour(face), size), box, unit)
    return canvas


def _lines(face: TrackedFace) -> tuple[str, ...]:
    first, *rest = labels.lines(face.reading)
    return (f"{face.id} · {first}", *rest)


def _colour(face: TrackedFace) -> Colour:
    return COLOURS[None if face.reading.abstained else face.reading.band]


def _draw_box(canvas: np.ndarray, box: Box, colour: Colour, unit: float) -> None:
    x, y, w, h = (int(np.clip(v, -MAX_COORDINATE_PX, MAX_COORDINATE_PX)) for v in box)
    for thickness, line_colour in ((round(4 * unit), LABEL_COLOUR), (round(2 * unit), colour)):
        cv2.rectangle(canvas, (x, y), (x + w, y + h), line_colour, thickness, cv2.LINE_AA)


def render_label(lines: tuple[str, ...], colour: Colour, size: int) -> np.ndarray:
    """Return lines of text on a dark ground, the first one in `colour`.

    Args:
        lines: At least one.
        colour: Of the first line and of the bar on the left.
        size: Of the text, in pixels.

    Returns:
        RGB uint8, shape (h, w, 3), read-only, because it may be cached.
    """
    # Pillow's own font, so that the image looks the same on every machine. It has no en dash.
    font = ImageFont.load_default(size)
    lines = tuple(line.replace("–", "-") for line in lines)
    padding, line_height, bar = round(size * 0.45), round(size * 1.32), round(size * 0.3)
    width = max(round(font.getlength(line)) for line in lines) + 2 * padding + bar
    chip = Image.new("RGB", (width, line_height * len(lines) + padding), LABEL_COLOUR)
    pen = ImageDraw.Draw(chip)
    pen.rectangle((0, 0, round(size * 0.22), chip.height), fill=colour)
    for i, line in enumerate(lines):
        position = (padding + bar, padding // 2 + i * line_height)
        pen.text(position, line, fill=colour if i == 0 else TEXT_COLOUR, font=font)
    pixels = np.asarray(chip).copy()
    pixels.setflags(write=False)
    return pixels


cached_label = lru_cache(maxsize=128)(render_label)
"""`render_label` with a cache, as most labels stay the same from frame to frame."""


def _paste(canvas: np.ndarray, chip: np.ndarray, box: Box, unit: float) -> None:
    """Lay a label above its box, or below where there is no room, always inside the image.

    It is cut where the image is smaller than the label.
    """
    height, width = canvas.shape[:2]
    h, w = min(chip.shape[0], height), min(chip.shape[1], width)
    gap = round(3 * unit)
    above, below = box[1] - h - gap, box[1] + box[3] + gap
    top = above if above >= 0 else below if below + h <= height else 0
    left, top = int(np.clip(box[0], 0, width - w)), int(np.clip(top, 0, height - h))
    region = canvas[top : top + h, left : left + w]
    region[:] = cv2.addWeighted(chip[:h, :w], LABEL_OPACITY, region, 1 - LABEL_OPACITY, 0)
