"""Images between Gradio and `core.image`: file or data URL in, data URL out, pixels in memory only.

Gradio would decode with all of Pillow's plugins and write every image that it shows into a cache on
disk. The listeners therefore run with `preprocess=False, postprocess=False`: they get Gradio's own
dictionary, decode with `core.image`, and return `{"url": "data:..."}`, which the browser shows
directly.
"""

from __future__ import annotations

import base64
from typing import TypedDict

import cv2
import numpy as np

from apps.webcam import uploads
from apps.webcam.decoding.pictures import STILL_PICTURES
from core import image
from core.errors import ImageError

MAX_FRAME_BYTES, MAX_FRAME_PIXELS = 4 * 2**20, 1920 * 1440
"""Limits of one camera frame, well above what the page asks the camera for."""


class ImagePayload(TypedDict, total=False):
    """What Gradio sends for an image: a data URL (camera, clipboard) or the path of an upload."""

    url: str | None
    path: str | None


class ShownImage(TypedDict):
    """What a Gradio image component shows: a data URL."""

    url: str


def decode_frame(payload: ImagePayload | None) -> np.ndarray:
    """Decode a camera frame; it is small, so it needs no process of its own.

    Returns:
        RGB uint8, shape (H, W, 3).

    Raises:
        ImageError: There is no image in it, or `core.image` refuses it.
        UserError: The path is not an upload.
    """
    data = _content(payload)
    return image.load(data, max_bytes=MAX_FRAME_BYTES, max_pixels=MAX_FRAME_PIXELS)


def decode_still(payload: ImagePayload | None) -> np.ndarray:
    """Decode a still picture in a process of its own, so that it cannot hold up live streams.

    Returns:
        RGB uint8, shape (H, W, 3).

    Raises:
        ImageError: There is no image in it, or `core.image` refuses it.
        UserError: The path is not an upload.
    """
    return STILL_PICTURES.load(_content(payload))


def _content(payload: ImagePayload | None) -> bytes:
    """Return the file in Gradio's dictionary; an uploaded one is deleted shortly after.

    Args:
        payload: A data URL or the path of an uploaded file; the URL takes precedence.
    """
    url = (payload or {}).get("url") or ""
    if url.startswith("data:"):
        try:
            return base64.b64decode(url.partition(",")[2], validate=True)
        except ValueError as error:  # also binascii.Error
            raise ImageError(
                "Expected a base64 image, got other characters; try to reload the page."
            ) from error
    path = (payload or {}).get("path")
    if not path:
        raise ImageError("Expected an image, got nothing; try to choose a file.")
    file = uploads.resolve_upload(path)
    uploads.delete_later(file)
    try:
        # As bytes, so that messages do not show a path of the server. Gradio limits their size.
        return file.read_bytes()
    except OSError as error:
        raise ImageError(
            "Expected the uploaded image to be there, got no file; try to upload it again."
        ) from error


def encode(rgb: np.ndarray, quality: int = 80) -> ShownImage:
    """Encode an image as a JPEG data URL for a Gradio image component.

    Args:
        rgb: uint8, shape (H, W, 3).
        quality: Of the JPEG, 1 to 100. (WebP would take five times as long.)
    """
    is_encoded, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not is_encoded:
        raise RuntimeError(f"OpenCV could not encode an image of shape {rgb.shape}.")
    return {"url": "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")}
