"""The orientation that a camera wrote into EXIF."""

from __future__ import annotations

from struct import error as StructError
from struct import unpack_from

UPRIGHT = 1
ORIENTATIONS = range(1, 9)
ORIENTATION_TAG = 274


def orientation(exif: object) -> int:
    """Return EXIF tag 274 of the first directory, 1 to 8.

    Returns:
        1 (upright) where there is none to read, or a value that EXIF does not define.
    """
    value = _value(exif) if isinstance(exif, bytes) else UPRIGHT
    return value if value in ORIENTATIONS else UPRIGHT


def _value(exif: bytes) -> int:
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return UPRIGHT
    try:
        (at,) = unpack_from(order + "I", tiff, 4)
        for entry in range(at + 2, at + 2 + 12 * unpack_from(order + "H", tiff, at)[0], 12):
            tag, kind = unpack_from(order + "HH", tiff, entry)
            if tag == ORIENTATION_TAG:
                return int(unpack_from(order + {3: "H", 4: "I"}.get(kind, "H"), tiff, entry + 8)[0])
    except StructError:
        pass  # broken EXIF is common and says nothing about the pixels
    return UPRIGHT
