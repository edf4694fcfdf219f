"""Pictures between Gradio and core: file or data URL in, data URL out. Visitors' pixels stay in
memory.

Gradio would decode with Pillow's open plugins and write every picture that it shows into a disk
cache. The listeners therefore run with `preprocess=False, postprocess=False`: they get Gradio's own
dictionary, decode with core.image, and return `{"url": "data:..."}`, which the browser shows as it
stands.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import cv2
import numpy as np

from apps.webcam import uploads
from core import image
from core.errors import ImageError

FRAME_BYTES, FRAME_PIXELS = 4 * 2**20, 1920 * 1440
"""Limits of one camera frame: well above what the page asks the camera for."""


def decode(payload: dict[str, Any] | None, **limits: int) -> np.ndarray:
    """Gradio's picture dictionary -> RGB uint8 (H, W, 3). An uploaded file is deleted shortly
    after.

    Raises:
        ImageError: nothing came, or core.image refuses it.
        UserError: the path is not an upload.
    """
    url = (payload or {}).get("url") or ""
    if url.startswith("data:"):
        try:
            return image.load(base64.b64decode(url.partition(",")[2], validate=True), **limits)
        except binascii.Error as error:
            raise ImageError(
                f"Expected a base64 picture, got {error}; try to reload the page."
            ) from error
    path = (payload or {}).get("path")
    if not path:
        raise ImageError("Expected a picture, got nothing; try to choose a file.")
    file = uploads.uploaded(path)
    uploads.forget(file)
    try:
        # at most the server's upload limit; as bytes, so that messages do not show a path of the
        # server
        data = file.read_bytes()
    except OSError as error:
        raise ImageError(
            f"Expected the uploaded picture to be there, got {error.strerror}; try to upload it again."
        ) from error
    return image.load(data, **limits)


def encode(rgb: np.ndarray, quality: int = 80) -> dict[str, str]:
    """RGB uint8 (H, W, 3) -> the dictionary that a Gradio image shows, holding a JPEG data URL
    (WebP takes five times as long).
    """
    done, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise RuntimeError(f"OpenCV could not encode a picture of shape {rgb.shape}.")
    return {"url": "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")}
