"""Decode a picture, or read its size.

Pillow decodes, but its format classes are called directly instead of `Image.open`: no other plugin
is run, no limit or warning filter of the process is touched (both are shared by all threads), and
the size is known before a pixel is decoded. Colour profiles, gamma and XMP are ignored.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import ImageError
from core.image import gif, jpeg, pixels, png, webp
from core.image.exif import orientation
from core.image.limits import MAX_BYTES, MAX_PIXELS, Essential, check_size
from core.image.source import read

Source = bytes | bytearray | memoryview | str | os.PathLike[str] | Image.Image | np.ndarray

RUN_LENGTH_ENCODINGS = (1, 2)
"""RLE8 and RLE4 of a BMP: Pillow's decoder is pure Python, and one jump in a small file can ask for
12 GB.
"""
_PARSERS: dict[str, Callable[[bytes, str], Essential]] = {
    "JPEG": jpeg.essential,
    "PNG": png.essential,
    "WEBP": webp.essential,
    "GIF": gif.essential,
}
_CLASSES: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
}


def load(source: Source, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Return an image as RGB uint8 (H, W, 3), C-contiguous and writable.

    It is always a new array, so drawing on it never changes `source`.

    Files: JPEG (baseline and progressive), PNG, WebP, BMP (not run-length encoded) and GIF; of
    several frames the first. PIL pictures: every mode that Pillow turns into RGB without clipping,
    so neither "I" nor "F". Arrays: uint8 (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA. The
    EXIF orientation is applied, also that in a PIL picture's `info["exif"]`; damaged EXIF counts as
    upright. Transparency is composited on white. 16-bit samples keep their high byte (0..65535
    becomes 0..255).

    Raises:
        ImageError: anything else, a damaged or truncated file, one of more than `max_bytes` bytes
            (looked up before a path is read), or a picture of more than `max_pixels` pixels or
            beyond `core.image.limits` (read from the header, before decoding).
    """
    if isinstance(source, np.ndarray):
        return pixels.from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        image, exif, name = source, source.info.get("exif"), "the PIL picture"
        check_size(image.size, name, max_pixels)
    else:
        data, name = read(source, max_bytes)
        image, exif = _open(data, name, max_pixels)
        del data
    try:
        return pixels.from_image(image, orientation(exif), name)
    except ImageError:
        raise
    except Exception as error:  # Pillow raises almost any type on damaged files
        raise _damaged(name, image.format or image.mode, error) from error


def probe(source: bytes | str | os.PathLike[str]) -> tuple[str, int, int]:
    """Return format, width and height from the header alone.

    Returns:
        JPEG, PNG, WEBP, BMP or GIF, and the size in pixels that `load` would return.

    Raises:
        ImageError: as `load`, save for damage that only decoding shows.
    """
    data, name = read(source, MAX_BYTES)
    image, exif = _open(data, name, MAX_PIXELS)
    width, height = image.size
    if orientation(exif) in pixels.SIDEWAYS:
        width, height = height, width
    return image.format or "", width, height


def _kind(data: bytes, name: str) -> str:
    """Return the format that a file's first bytes announce."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(png.SIGNATURE):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"BM"):
        return "BMP"
    got = f"a file that starts with the bytes {data[:12].hex(' ')}" if data else "no data"
    raise ImageError(
        f"Expected {name} to be a JPEG, PNG, WebP, BMP or GIF picture, got {got}; try converting "
        "it to PNG or JPEG."
    )


def _open(data: bytes, name: str, max_pixels: int) -> tuple[ImageFile, bytes]:
    """Return Pillow's picture, its header read and size checked, nothing decoded; and its EXIF."""
    kind = _kind(data, name)
    try:
        if kind in _PARSERS:
            parts = _PARSERS[kind](data, name)
            check_size(parts.size, name, max_pixels, parts.bytes_per_pixel)
            data, exif = parts.data, parts.exif
        else:
            exif = b""
        image = _CLASSES[kind](BytesIO(data))
    except ImageError:
        raise
    except Exception as error:  # Pillow raises almost any type on damaged files
        raise _damaged(name, kind, error) from error
    if kind == "BMP" and image.info.get("compression") in RUN_LENGTH_ENCODINGS:
        raise ImageError(
            f"Expected {name} to be a plain BMP, got a run-length encoded one; try saving it as "
            "PNG."
        )
    check_size(image.size, name, max_pixels)
    return image, exif


def _damaged(name: str, kind: str, error: Exception) -> ImageError:
    return ImageError(
        f"Expected {name} to be a whole {kind} picture, got damaged data ({error}); try opening "
        "and saving it again."
    )
