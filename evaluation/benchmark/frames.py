"""Frames to measure with: a camera's JPEG with one face or with five."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core import image as images
from core.system import ROOT

EXAMPLE = ROOT / "apps" / "webcam" / "examples" / "astronaut.jpg"
WIDTH, HEIGHT = 640, 480
HEAD = (slice(0, 270), slice(105, 345))
"""Rows and columns of the portrait's head; as wide for its height as a sixth of a frame."""


def portrait() -> NDArray[np.uint8]:
    """Return a public-domain portrait (Eileen Collins, NASA), RGB uint8 (512, 512, 3).

    It is the demo's example.
    """
    return images.load(EXAMPLE)


def one_face() -> NDArray[np.uint8]:
    """Return the portrait with its sides continued, RGB uint8 (HEIGHT, WIDTH, 3)."""
    side = cv2.resize(portrait(), (HEIGHT, HEIGHT), interpolation=cv2.INTER_AREA)
    left = (WIDTH - HEIGHT) // 2
    right = WIDTH - HEIGHT - left
    frame = cv2.copyMakeBorder(side, 0, 0, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(frame, np.uint8)


def five_faces() -> NDArray[np.uint8]:
    """Return the portrait's head in five of six fields, RGB uint8 (HEIGHT, WIDTH, 3).

    Every other one is mirrored; the faces are about 80 pixels wide.
    """
    frame = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for k in range(5):
        top, left, right = HEIGHT // 2 * (k // 3), WIDTH * (k % 3) // 3, WIDTH * (k % 3 + 1) // 3
        head = cv2.resize(
            portrait()[HEAD], (right - left, HEIGHT // 2), interpolation=cv2.INTER_AREA
        )
        frame[top : top + HEIGHT // 2, left:right] = head[:, ::-1] if k % 2 else head
    return frame


SCENES = {1: one_face, 5: five_faces}
"""Number of faces -> the function that draws the frame."""


def jpeg(frame: NDArray[np.uint8]) -> bytes:
    """Return an RGB uint8 frame (H, W, 3) as JPEG."""
    return cv2.imencode(
        ".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95]
    )[1].tobytes()
