"""A picture that Pillow decoded, or an array -> RGB uint8 (H, W, 3), turned upright.

In bands of rows, so that no second copy of a large picture exists beside the result.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.errors import ImageError
from core.image.limits import check_size

BAND_PIXELS = 2**20
"""Pixels that are converted at a time."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {5, 6, 7, 8}
"""Orientations that swap width and height."""
_FROM_THE_END = {3, 4, 6, 7}
"""Orientations that put the first rows of the file last."""


def from_image(image: Image.Image, orientation: int, name: str) -> np.ndarray:
    """Return a PIL picture as an array.

    Args:
        image: any mode but "I" and "F".
        orientation: as EXIF has it, 1 to 8.
        name: what messages call it.

    Returns:
        RGB uint8 (H, W, 3), the right way up.

    Raises:
        ImageError: the range of its samples is unknown.
        Exception: of almost any type, from Pillow, where the data are damaged.
    """
    if image.mode in ("I", "F"):
        raise ImageError(
            f"Expected {name} to have samples of known range, got mode {image.mode!r}; try scaling "
            "it to 8 bits."
        )
    image.load()
    width, height = image.size
    is_sideways = orientation in SIDEWAYS
    result = np.empty((width, height, 3) if is_sideways else (height, width, 3), np.uint8)
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        is_whole = bottom - top == height
        band = _to_rgb(image if is_whole else image.crop((0, top, width, bottom)))
        if orientation in _TURNS:
            band = band.transpose(_TURNS[orientation])
        at = slice(top, bottom)
        if orientation in _FROM_THE_END:
            at = slice(height - bottom, height - top)
        result[(slice(None), at) if is_sideways else at] = np.asarray(band)
    return result


def from_array(array: np.ndarray, max_pixels: int) -> np.ndarray:
    """Return a copy of an array as RGB.

    Args:
        array: uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        max_pixels: limit of H * W.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        ImageError: it has another type or shape, no pixels, or more than `max_pixels`.
    """
    grey = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
    if array.dtype != np.uint8 or not (grey or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(
            "Expected the array to be uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got "
            f"{array.dtype} {array.shape}; try scaling it to 0..255 and `.astype(numpy.uint8)`."
        )
    check_size((array.shape[1], array.shape[0]), "the array", max_pixels)
    if grey:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)  # (H, W, 3)
    if array.shape[2] == 4:
        return np.array(_on_white(Image.fromarray(np.ascontiguousarray(array))))
    return np.array(array, order="C", subok=False)


def _to_rgb(image: Image.Image) -> Image.Image:
    clear = image.info.get("transparency")
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255
        grey = np.asarray(image)
        high = (grey >> 8).astype(np.uint8)
        return Image.fromarray(
            high if clear is None else np.where(grey == clear, np.uint8(255), high)
        ).convert("RGB")
    if clear is not None or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        return _on_white(image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(rgba: Image.Image) -> Image.Image:
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba)
    return white
