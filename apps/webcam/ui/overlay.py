"""Draws readings on a copy of the picture: the last step, after every prediction was made on
untouched pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from apps.webcam.tracking.tracker import Tracked
from apps.webcam.ui import labels
from core.face_quality import Band
from core.types import Box

COLOURS: dict[Band | None, tuple[int, int, int]] = {
    "high": (52, 211, 153),
    "medium": (251, 191, 36),
    "low": (203, 213, 225),
    None: (248, 113, 113),  # no reading at all
}
"""RGB by band. The words say the same, so nobody has to tell colours apart."""
INK, PAPER = (255, 255, 255), (15, 23, 42)
SMALL = 48
"""Faces under this many pixels of the shown picture get their number only; the panel has the rest.
"""
KEPT = 26
"""Writing up to this many pixels high, a camera's 1280, is kept for the next frame, 25 to 100 KB a
label; that of a photo can be 4 MB.
"""


def draw(image: np.ndarray, faces: Sequence[Tracked], *, mirrored: bool = False) -> np.ndarray:
    """A copy of the RGB uint8 picture (H, W, 3) with boxes and labels; `mirrored` flips the picture
    but never the writing.
    """
    canvas = cv2.flip(image, 1) if mirrored else image.copy()
    height, width = canvas.shape[:2]
    unit = max(1.0, max(height, width) / 640)
    boxes = [
        (width - x - w, y, w, h) if mirrored else (x, y, w, h)
        for x, y, w, h in (f.reading.face.box for f in faces)
    ]
    for face, box in zip(faces, boxes, strict=True):
        _box(canvas, box, _colour(face), unit)
    for face, box in zip(
        faces, boxes, strict=True
    ):  # after all boxes, so that no box crosses a label
        small = min(box[2:]) < SMALL * unit
        text = (
            (str(face.id),)
            if small
            else (f"{face.id} · {labels.lines(face.reading)[0]}", *labels.lines(face.reading)[1:])
        )
        size = round((11 if small else 13) * unit)
        write = label if size <= KEPT else label.__wrapped__
        _paste(canvas, write(text, _colour(face), size), box, unit)
    return canvas


def _colour(face: Tracked) -> tuple[int, int, int]:
    return COLOURS[None if face.reading.abstained else face.reading.band]


def _box(canvas: np.ndarray, box: Box, colour: tuple[int, int, int], unit: float) -> None:
    x, y, w, h = (
        int(np.clip(v, -30_000, 30_000)) for v in box
    )  # OpenCV's drawing overflows far outside the picture
    for thickness, ink in ((round(4 * unit), PAPER), (round(2 * unit), colour)):
        cv2.rectangle(canvas, (x, y), (x + w, y + h), ink, thickness, cv2.LINE_AA)


@lru_cache(maxsize=128)
def label(lines: tuple[str, ...], colour: tuple[int, int, int], size: int) -> np.ndarray:
    """RGB uint8 (h, w, 3): lines of text, the first one bold by colour, `size` pixels high.
    Read-only, because it is cached.
    """
    font = ImageFont.load_default(
        size
    )  # comes with Pillow, so the picture looks the same on every machine; it has no en dash
    lines = tuple(line.replace("–", "-") for line in lines)
    pad, step = round(size * 0.45), round(size * 1.32)
    width = max(round(font.getlength(line)) for line in lines) + 2 * pad + round(size * 0.3)
    chip = Image.new("RGB", (width, step * len(lines) + pad), PAPER)
    pen = ImageDraw.Draw(chip)
    pen.rectangle((0, 0, round(size * 0.22), chip.height), fill=colour)
    for i, line in enumerate(lines):
        pen.text(
            (pad + round(size * 0.3), pad // 2 + i * step),
            line,
            fill=colour if i == 0 else INK,
            font=font,
        )
    pixels = np.asarray(chip).copy()
    pixels.setflags(write=False)
    return pixels


def _paste(canvas: np.ndarray, chip: np.ndarray, box: Box, unit: float) -> None:
    """Lays the label above the box, below it where there is no room, and always inside the picture;
    cut where the picture is smaller.
    """
    height, width = canvas.shape[:2]
    h, w = min(chip.shape[0], height), min(chip.shape[1], width)
    gap = round(3 * unit)
    above, below = box[1] - h - gap, box[1] + box[3] + gap
    top = above if above >= 0 else below if below + h <= height else 0
    left, top = int(np.clip(box[0], 0, width - w)), int(np.clip(top, 0, height - h))
    part = canvas[top : top + h, left : left + w]
    part[:] = cv2.addWeighted(chip[:h, :w], 0.88, part, 0.12, 0)
