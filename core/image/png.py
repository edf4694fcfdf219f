"""What one picture needs of a PNG file (ISO/IEC 15948)."""

from __future__ import annotations

import zlib
from struct import pack, unpack_from

from core.image.limits import BlockCounter, Essential

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type -> samples per pixel."""


def essential(data: bytes, name: str) -> Essential:
    """Return the file without texts, profiles and animation frames, its pixels in one chunk.

    Raises:
        ImageError: too many chunks.
        ValueError, struct.error: damaged.
    """
    view, blocks = memoryview(data), BlockCounter(name)
    first: dict[bytes, memoryview] = {}
    pixels: list[memoryview] = []
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        blocks.add()
        length, kind = unpack_from(">I4s", data, at)
        body, end = view[at + 8 : at + 8 + length], at + 12 + length
        if kind == b"IDAT":
            pixels.append(body)
        elif kind in (b"IHDR", b"PLTE", b"tRNS"):  # whole, so that Pillow checks their sums
            first.setdefault(kind, view[at:end])
        elif kind == b"eXIf":
            first.setdefault(kind, body)
        elif kind == b"IEND":
            break
        at = end
    if data[12:16] != b"IHDR":
        raise ValueError("it does not begin with its header")
    width, height, depth, colour = unpack_from(">IIBB", data, 16)
    exif = bytes(first.pop(b"eXIf", b""))
    kept: list[bytes | memoryview] = [SIGNATURE]
    kept += [first[kind] for kind in (b"IHDR", b"PLTE", b"tRNS") if kind in first]
    bytes_per_pixel = max(1, depth // 8) * CHANNELS.get(colour, 4)
    return Essential(
        b"".join(kept + _chunk(b"IDAT", pixels) + _chunk(b"IEND", [])),
        (width, height),
        bytes_per_pixel,
        exif,
    )


def _chunk(kind: bytes, parts: list[memoryview]) -> list[bytes | memoryview]:
    checksum = zlib.crc32(kind)
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return [pack(">I", sum(map(len, parts))), kind, *parts, pack(">I", checksum)]
