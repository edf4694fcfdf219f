"""Heat maps over a face: one panel per prediction, with a legend of what its colours mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from evaluation.report.thumbnails import BLURRED_SIDE_PX

PANEL_SIDE_PX = 288
MARGIN_PX = 12
LEGEND_HEIGHT_PX = 64
HEAT_OPACITY = 0.6
"""Share of the map's colour in the mixture with the face."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A prediction and the parts of the image that it rests on.

    Attributes:
        task: what is predicted.
        prediction: in words.
        heat: (S, S), by pixel of the crop.
        about: what the values of `heat` are, with their unit.
        signed: whether a negative value is evidence too, as where a region makes a face look
            younger.
    """

    task: str
    prediction: str
    heat: NDArray[np.float64]
    about: str
    signed: bool = False


def panel(
    crop: NDArray[np.uint8], explanation: Explanation, *, blur: bool = True
) -> NDArray[np.uint8]:
    """Return the map drawn over its crop, with the prediction and a legend.

    Colours go from 0 (black) to the map's maximum (yellow), which the legend names.

    Args:
        crop: uint8 (S, S, 1 or 3).
        explanation: the map and what it explains.
        blur: whether the face is made unrecognisable.

    Returns:
        RGB uint8 (H, W, 3).
    """
    face: cv2.typing.MatLike = np.repeat(crop, 3, axis=2) if crop.shape[2] == 1 else crop
    if blur:
        face = cv2.resize(face, (BLURRED_SIDE_PX, BLURRED_SIDE_PX), interpolation=cv2.INTER_AREA)
    face = cv2.resize(face, (PANEL_SIDE_PX, PANEL_SIDE_PX), interpolation=cv2.INTER_CUBIC)
    heat = np.abs(explanation.heat) if explanation.signed else np.maximum(explanation.heat, 0)
    maximum = float(heat.max())
    levels: cv2.typing.MatLike = (
        np.rint(255 * heat / maximum).astype(np.uint8)
        if maximum > 0
        else np.zeros(heat.shape, np.uint8)
    )
    levels = cv2.resize(levels, (PANEL_SIDE_PX, PANEL_SIDE_PX), interpolation=cv2.INTER_LINEAR)
    mixed = cv2.addWeighted(_inferno(levels), HEAT_OPACITY, face, 1 - HEAT_OPACITY, 0)
    size = (PANEL_SIDE_PX + 2 * MARGIN_PX, PANEL_SIDE_PX + 3 * MARGIN_PX + LEGEND_HEIGHT_PX)
    sheet = Image.new("RGB", size, "white")
    draw, small = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((MARGIN_PX, 6), explanation.prediction, "black", ImageFont.load_default(15))
    sheet.paste(Image.fromarray(mixed), (MARGIN_PX, 2 * MARGIN_PX + 6))
    y = PANEL_SIDE_PX + 3 * MARGIN_PX
    # (12, PANEL_SIDE_PX)
    bar = np.repeat(np.linspace(0, 255, PANEL_SIDE_PX).astype(np.uint8)[None], 12, axis=0)
    sheet.paste(Image.fromarray(_inferno(bar)), (MARGIN_PX, y))
    draw.text((MARGIN_PX, y + 14), "0", "black", small)
    draw.text((MARGIN_PX + PANEL_SIDE_PX, y + 14), f"{maximum:.2g}", "black", small, anchor="ra")
    draw.text((MARGIN_PX, y + 30), explanation.about, "black", small)
    return np.asarray(sheet)


def save(
    path: Path,
    crop: NDArray[np.uint8],
    explanations: Sequence[Explanation],
    *,
    blur: bool = True,
) -> None:
    """Write the panels of a crop side by side as a PNG.

    Args:
        path: the file.
        crop: uint8 (S, S, 1 or 3).
        explanations: a panel each.
        blur: see `panel`.
    """
    panels = [panel(crop, explanation, blur=blur) for explanation in explanations]
    Image.fromarray(np.concatenate(panels, axis=1)).save(path, "PNG")


def _inferno(levels: cv2.typing.MatLike) -> cv2.typing.MatLike:
    """Return the colours of levels: (H, W) -> RGB (H, W, 3)."""
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
