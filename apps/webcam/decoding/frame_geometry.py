"""A decoded video frame as it is meant to be seen: turned, mirrored, with square pixels."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

MAX_PIXEL_ASPECT = 8.0
"""A pixel that is said to be wider or narrower than this is taken to be square."""


def upright_rgb(
    frame: VideoFrame,
    max_side: int,
    pixel_aspect: Fraction | None,
    reformatter: VideoReformatter,
) -> np.ndarray:
    """Return a frame as a player shows it.

    Args:
        frame: as decoded.
        max_side: long side of the result in pixels; larger frames are scaled down.
        pixel_aspect: width of a pixel divided by its height; None or 0 where the file says nothing.
        reformatter: the same for all frames of a video. Each frame's own starts threads, whose
            stacks fill the memory that a decoding process may take within 60 frames.

    Returns:
        RGB uint8 (H, W, 3), H and W even, as H.264 needs them.
    """
    aspect = float(pixel_aspect or 1)
    if not 1 / MAX_PIXEL_ASPECT <= aspect <= MAX_PIXEL_ASPECT:
        aspect = 1.0
    shown_width = frame.width * aspect
    factor = min(1.0, max_side / max(shown_width, frame.height))
    width, height = (max(2, round(v * factor) // 2 * 2) for v in (shown_width, frame.height))
    rgb = reformatter.reformat(frame, width, height, "rgb24", threads=1).to_ndarray()
    return np.ascontiguousarray(displayed(rgb, display_matrix(frame)))


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Return a, b, c, d of the frame's display matrix: x' = a x + c y, y' = b x + d y.

    It is the identity where the file has none. (PyAV's `rotation` is an angle alone, which a mirror
    image does not have.)
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, SideData):
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5]  # type: ignore[call-overload]  # a buffer
    return int(a), int(b), int(c), int(d)


def displayed(rgb: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Return a picture turned by quarters and mirrored as a display matrix says.

    Args:
        rgb: (H, W, ...).
        matrix: a, b, c, d, see `display_matrix`; only their signs and which pair is larger count.

    Returns:
        A view of `rgb`, (H, W, ...) or (W, H, ...).
    """
    a, b, c, d = matrix
    if abs(a) + abs(d) >= abs(b) + abs(c):
        x_sign, y_sign = a, d
    else:
        rgb, x_sign, y_sign = rgb.swapaxes(0, 1), c, b
    return rgb[:: -1 if y_sign < 0 else 1, :: -1 if x_sign < 0 else 1]
