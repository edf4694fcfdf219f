"""What tells a video from a picture: the first bytes of its container."""

from __future__ import annotations

from core.errors import ImageError

HEAD_BYTES = 64
PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
"""Kinds of still pictures in the container of MP4: AVIF and HEIF."""


def container_format(head: bytes) -> str | None:
    """Return FFmpeg's name of the container that a file's first bytes announce, or None."""
    if head[4:8] == b"ftyp" and head[8:12] in PICTURE_BRANDS:
        return None
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    return "avi" if head.startswith(b"RIFF") and head[8:12] == b"AVI " else None


def check_is_no_video(head: bytes, name: str) -> None:
    """Refuse a video, with the way to read it.

    Args:
        head: a file's first bytes.
        name: what messages call it.

    Raises:
        ImageError: it is one.
    """
    if container_format(head):
        raise ImageError(
            f"Expected {name} to be a picture, got a video; try `python -m apps.webcam.read`, or "
            "`read_video` of apps.webcam.videos.reading."
        )
