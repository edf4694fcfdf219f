"""What one picture needs of a WebP file (RFC 9649)."""

from __future__ import annotations

from struct import pack, unpack_from

from core.image.limits import BlockCounter, Essential

BYTES_PER_PIXEL = 8
"""libwebp's decoder of animations, which Pillow uses for stills too, holds two canvases."""
METADATA_FLAGS = 0x20 | 0x08 | 0x04
"""Bits of the extended header: a profile, EXIF and XMP follow."""


def essential(data: bytes, name: str) -> Essential:
    """Return the file without metadata, and of an animation only the first frame.

    Raises:
        ImageError: too many chunks.
        ValueError, struct.error: damaged.
    """
    view, blocks = memoryview(data), BlockCounter(name)
    first: dict[bytes, memoryview] = {}
    at, end_of_file = 12, min(len(data), 8 + int(unpack_from("<I", data, 4)[0]))
    while at + 8 <= end_of_file:
        blocks.add()
        kind, length = unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            raise ValueError("a chunk is cut off")
        first.setdefault(kind, view[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    kinds = [b"VP8X", b"ANIM", b"ANMF"] if b"ANMF" in first else [b"VP8X", b"ALPH"]
    if b"ANMF" not in first:
        kinds.append(b"VP8L" if b"VP8L" in first and b"VP8 " not in first else b"VP8 ")
    body = b"".join(_chunk(kind, first[kind]) for kind in kinds if kind in first)
    return Essential(
        b"RIFF" + pack("<I", 4 + len(body)) + b"WEBP" + body,
        _size(first),
        BYTES_PER_PIXEL,
        bytes(first.get(b"EXIF", b"")),
    )


def _chunk(kind: bytes, content: memoryview) -> bytes:
    body = bytes(content)
    if kind == b"VP8X" and body:
        body = bytes([body[0] & ~METADATA_FLAGS]) + body[1:]
    return kind + pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _size(first: dict[bytes, memoryview]) -> tuple[int, int]:
    """Return the width and height of the canvas, from whichever header there is."""
    if b"VP8X" in first:
        low, high, more = unpack_from("<HHH", first[b"VP8X"], 4)  # two numbers of 24 bits
        return 1 + (low | (high & 0xFF) << 16), 1 + (high >> 8 | more << 8)
    if b"VP8 " in first:
        width, height = unpack_from("<HH", first[b"VP8 "], 6)
        return width & 0x3FFF, height & 0x3FFF
    if b"VP8L" in first:
        bits = int(unpack_from("<I", first[b"VP8L"], 1)[0])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise ValueError("it has no picture")
