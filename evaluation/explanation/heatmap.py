"""Maps of what an answer rests on, drawn over the face: one panel per answer, with a legend that
says what its colours mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from evaluation.report.thumbnails import COARSE

SIDE, MARGIN, LEGEND = 288, 12, 64
"""Sides of a panel's picture, of what is left free around it, and height of the texts under it,
pixels.
"""
STRENGTH = 0.6
"""Share of the map's colour in the mixture."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """One answer and what it rests on.

    answer: in words. heat: float64 (S, S), by pixel of the crop; about: what its numbers are, with
    their unit. signed: whether a negative number is evidence too, as where a region makes a face
    look younger.
    """

    task: str
    answer: str
    heat: np.ndarray
    about: str
    signed: bool = False


def panel(crop: np.ndarray, found: Explanation, *, blur: bool = True) -> np.ndarray:
    """uint8 crop (S, S, 1 or 3) -> RGB uint8 panel. From 0 (black) to the map's own maximum
    (yellow), which the legend names.
    """
    face = np.repeat(crop, 3, axis=2) if crop.shape[2] == 1 else crop
    if blur:
        face = cv2.resize(face, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    face = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    heat = np.abs(found.heat) if found.signed else np.maximum(found.heat, 0)
    top = float(heat.max())
    levels = (
        np.rint(255 * heat / top).astype(np.uint8) if top > 0 else np.zeros(heat.shape, np.uint8)
    )
    colours = _inferno(cv2.resize(levels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))
    mixed = cv2.addWeighted(colours, STRENGTH, face, 1 - STRENGTH, 0)
    sheet = Image.new("RGB", (SIDE + 2 * MARGIN, SIDE + 3 * MARGIN + LEGEND), "white")
    draw, small = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((MARGIN, 6), found.answer, "black", ImageFont.load_default(15))
    sheet.paste(Image.fromarray(mixed), (MARGIN, 2 * MARGIN + 6))
    y = SIDE + 3 * MARGIN
    bar = np.repeat(np.linspace(0, 255, SIDE).astype(np.uint8)[None], 12, axis=0)  # (12, SIDE)
    sheet.paste(Image.fromarray(_inferno(bar)), (MARGIN, y))
    draw.text((MARGIN, y + 14), "0", "black", small)
    draw.text((MARGIN + SIDE, y + 14), f"{top:.2g}", "black", small, anchor="ra")
    draw.text((MARGIN, y + 30), found.about, "black", small)
    return np.asarray(sheet)


def _inferno(levels: np.ndarray) -> np.ndarray:
    """uint8 (H, W) -> RGB uint8 (H, W, 3)."""
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def save(path: Path, crop: np.ndarray, found: Sequence[Explanation], *, blur: bool = True) -> None:
    """Writes the panels side by side as a PNG."""
    Image.fromarray(np.concatenate([panel(crop, one, blur=blur) for one in found], axis=1)).save(
        path, "PNG"
    )
