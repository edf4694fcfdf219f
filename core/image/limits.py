"""What a picture may ask for, checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import ImageError

MAX_BYTES = 32 * 2**20
"""Largest file, in bytes."""
MAX_PIXELS = 25_000_000
"""Largest picture, width times height: what cameras and phones deliver by default."""
MAX_DECODED_BYTES = 100_000_000
"""What a format's decoder may hold of a picture, in bytes. A progressive JPEG, a PNG of 16 bits and
a WebP hold several times what the picture takes, so their pictures have to be smaller.
"""
MAX_BLOCKS = 100_000
"""Largest number of blocks in a file: segments, chunks or sub-blocks, by format. Each costs about a
microsecond, and takes two bytes of file at least.
"""
MAX_SCANS = 100
"""Largest number of passes in a JPEG; encoders use about ten."""
MAX_SCANNED_PIXELS = 500_000_000
"""Largest number of passes times pixels in a JPEG. A pass costs a walk over all pixels, but may
take only ten bytes of file.
"""


@dataclass(frozen=True, slots=True)
class Essential:
    """What one picture needs of a file.

    Attributes:
        data: a file of the same format without metadata, comments and further frames.
        size: width and height in pixels.
        bytes_per_pixel: what the format's decoder holds of each pixel.
        exif: the first EXIF block, empty where there is none.
    """

    data: bytes
    size: tuple[int, int]
    bytes_per_pixel: float
    exif: bytes = b""


class BlockCounter:
    """Counts a file's blocks and refuses too many."""

    def __init__(self, name: str) -> None:
        self._name, self._left = name, MAX_BLOCKS

    def add(self) -> None:
        """Count one block.

        Raises:
            ImageError: it is one too many.
        """
        self._left -= 1
        if self._left < 0:
            raise ImageError(
                f"Expected {self._name} to have at most {MAX_BLOCKS} blocks of data, got more; try "
                "opening and saving it again."
            )


def check_bytes(size: int, name: str, max_bytes: int) -> None:
    """Refuse a large file.

    Raises:
        ImageError: it has more than `max_bytes` bytes.
    """
    if size > max_bytes:
        raise ImageError(
            f"Expected {name} to have at most {max_bytes} bytes, got {size}; try a smaller or more "
            "compressed picture."
        )


def check_size(
    size: tuple[int, ...], name: str, max_pixels: int, bytes_per_pixel: float = 1
) -> None:
    """Refuse an empty or a large picture.

    Args:
        size: width and height, pixels.
        name: what messages call the picture.
        max_pixels: limit of width times height.
        bytes_per_pixel: what its decoder holds of each pixel; see MAX_DECODED_BYTES.

    Raises:
        ImageError: it has no pixels, or more than either limit allows.
    """
    width, height = size
    limit = min(max_pixels, int(MAX_DECODED_BYTES / bytes_per_pixel))
    if not 0 < width * height <= limit:
        raise ImageError(
            f"Expected {name} to have 1 to {limit} pixels, got {width} x {height}; try resizing it."
        )
