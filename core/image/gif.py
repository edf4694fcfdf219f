"""What one picture needs of a GIF file (GIF89a, CompuServe)."""

from __future__ import annotations

from struct import unpack_from

from core.image.limits import BlockCounter, Essential

BYTES_PER_PIXEL = 4
EXTENSION, GRAPHIC_CONTROL = 0x21, 0xF9


def essential(data: bytes, name: str) -> Essential:
    """Return the file without comments before its first frame; Pillow reads no further frame.

    Raises:
        ImageError: too many sub-blocks.
        IndexError, struct.error: damaged.
    """
    blocks = BlockCounter(name)
    width, height, flags = unpack_from("<HHB", data, 6)
    start = at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    control = b""
    while data[at] == EXTENSION:
        end = at + 2
        while data[end]:
            blocks.add()
            end += data[end] + 1
        end += 1
        blocks.add()
        if data[at + 1] == GRAPHIC_CONTROL:  # holds the transparent colour
            control = data[at:end]
        at = end
    left, top, frame_width, frame_height = unpack_from("<4H", data, at + 1)
    size = max(width, left + frame_width), max(height, top + frame_height)
    return Essential(b"".join([data[:start], control, data[at:]]), size, BYTES_PER_PIXEL)
