"""Pictures and files that the tests of core.image share, and what they ask of every answer."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageError
from core.image import load

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
RED, GREEN, BLUE, GREY = (200, 30, 40), (20, 180, 60), (30, 50, 210), (128, 128, 128)


def quarters() -> np.ndarray:
    """(48, 64, 3): four plain colours, so that a turn, a flip or swapped channels show; blocks of 8
    survive lossy formats.
    """
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32], picture[24:, 32:] = (
        RED,
        GREEN,
        BLUE,
        GREY,
    )
    return picture


def encode(image: Image.Image | np.ndarray, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(
        stream, kind, **options
    )
    return stream.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG of the given header, whatever `rows` (filter bytes included) hold."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[274] = orientation
    return tags


def close(actual: np.ndarray, expected: np.ndarray, tolerance: int) -> None:
    """Equal within `tolerance`; where that is above 0, away from the seams, whose colours a lossy
    format mixes.
    """
    assert actual.dtype == np.uint8 and actual.flags.c_contiguous and actual.flags.writeable
    assert actual.shape == expected.shape
    distance = np.abs(actual.astype(int) - expected)
    assert int((distance[4::8, 4::8] if tolerance else distance).max()) <= tolerance


def refused(source: object, *, match: str, **limits: int) -> None:
    with pytest.raises(ImageError, match=match) as caught:
        load(source, **limits)
    assert re.match(r"(?s)Expected .+, got .+; try .+", str(caught.value)), str(caught.value)
