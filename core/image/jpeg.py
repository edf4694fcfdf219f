"""What one picture needs of a JPEG file (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
from struct import unpack_from

from core.errors import ImageError
from core.image.limits import MAX_SCANNED_PIXELS, MAX_SCANS, BlockCounter, Essential

BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""All kinds of frame headers (SOF)."""
TABLES = {0xC4, 0xDB, 0xDD}
"""Huffman tables, quantisation tables, restart interval."""
END, SCAN, APP0, APP1, APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
STANDALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a length."""
_HEADER_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_MARKER_AFTER_SCAN = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")


def essential(data: bytes, name: str) -> Essential:
    """Return the file without comments, profiles and what follows its end.

    Raises:
        ImageError: too many segments or scans, or a kind that cameras and browsers do not write.
        ValueError: damaged.
    """
    view, blocks = memoryview(data), BlockCounter(name)
    kept: list[bytes | memoryview] = [b"\xff\xd8"]
    colour_hints: set[int] = set()
    exif, frame, at = b"", b"", 2
    while True:
        blocks.add()
        marker = _HEADER_MARKER.search(data, at)
        kind = marker[1][0] if marker else END
        if marker is None or kind == END:
            raise ValueError("it ends before the picture begins")
        at = marker.end()
        if kind in STANDALONE:
            continue
        end = at + _length(data, at)
        body = view[at + 2 : end]
        if kind == SCAN:
            break
        if kind in FRAMES:
            frame = _frame(kind, bytes(body), name, is_first=not frame)
        elif kind == APP1 and not exif and body[:6].tobytes() == b"Exif\0\0":
            exif = bytes(body)
        if kind in FRAMES or kind in TABLES or _is_colour_hint(kind, body, colour_hints):
            kept += [bytes([0xFF, kind]), view[at:end]]
        at = end
    if not frame:
        raise ValueError("it has no frame header")
    scans, stop = _scans(data, end, blocks)
    kept.append(view[marker.start() : stop])
    height, width = unpack_from(">HH", frame, 2)
    _check_scans(scans, width * height, name)
    # libjpeg keeps coefficients of two bytes where it needs several passes
    bytes_per_sample = 2 if scans > 1 or frame[0] == PROGRESSIVE else 1
    bytes_per_pixel = bytes_per_sample * _samples_per_pixel(frame)
    return Essential(b"".join(kept), (width, height), bytes_per_pixel, exif)


def _length(data: bytes, at: int) -> int:
    length = int(unpack_from(">H", data, at)[0])
    if length < 2 or at + length > len(data):
        raise ValueError("a segment is cut off")
    return length


def _frame(kind: int, body: bytes, name: str, *, is_first: bool) -> bytes:
    """Return the kind of a frame and its header: precision, height, width, components."""
    if kind not in (BASELINE, EXTENDED, PROGRESSIVE):
        raise ImageError(
            f"Expected {name} to be a baseline or progressive JPEG, got an arithmetic-coded, "
            "lossless or hierarchical one; try saving it again."
        )
    if not is_first or len(body) < 6:
        raise ValueError("it has two frame headers, or one that is cut off")
    return bytes([kind]) + body


def _samples_per_pixel(frame: bytes) -> float:
    """Return how many samples a pixel takes: 3 in full colour, 1.5 with colours of half size."""
    factors = frame[8::3][: frame[6]]  # of each component: horizontal and vertical, four bits each
    samples = [(f >> 4) * (f & 15) for f in factors]
    largest = max((f >> 4 for f in factors), default=0) * max((f & 15 for f in factors), default=0)
    if not largest:
        raise ValueError("its frame header has no components")
    return sum(samples) / largest


def _is_colour_hint(kind: int, body: memoryview, colour_hints: set[int]) -> bool:
    """Return whether a segment is the first to say that colours are RGB, YCbCr, CMYK or YCCK."""
    signature = {APP0: b"JFIF\0", APP14: b"Adobe"}.get(kind)
    if signature is None or kind in colour_hints or body[:5].tobytes() != signature:
        return False
    colour_hints.add(kind)
    return True


def _scans(data: bytes, at: int, blocks: BlockCounter) -> tuple[int, int]:
    """Return the number of scans, and where the picture ends.

    Args:
        data: the file.
        at: where the pixels of the first scan begin.
        blocks: counts the segments.
    """
    scans = 1
    while marker := _MARKER_AFTER_SCAN.search(data, at):
        blocks.add()
        at, kind = marker.end(), marker[1][0]
        if kind == END:
            return scans, at
        scans += kind == SCAN
        if kind >= 0xC0 and kind not in STANDALONE and at + 2 <= len(data):
            at += int(unpack_from(">H", data, at)[0])
    return scans, len(data)


def _check_scans(scans: int, pixels: int, name: str) -> None:
    """Refuse a picture whose scans would take minutes: each is a walk over all pixels."""
    limit = min(MAX_SCANS, max(10, MAX_SCANNED_PIXELS // max(1, pixels)))
    if scans > limit:
        raise ImageError(
            f"Expected {name} to be a JPEG of at most {limit} scans, got {scans}; try saving it as "
            "a baseline JPEG."
        )
