"""A video is no picture, and the message says what reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import image
from core.errors import ImageError
from core.image.video import container_format


def test_container_format() -> None:
    assert container_format(b"\x00\x00\x00\x20ftypmp42") == "mp4"
    assert container_format(b"RIFF\x00\x00\x00\x00AVI LIST") == "avi"
    assert container_format(b"RIFF\x00\x00\x00\x00WAVE") is None
    assert container_format(b"\x00\x00\x00\x20ftypheic") is None, "a still picture of a phone"


@pytest.mark.parametrize("size", [100, image.MAX_BYTES + 1])
@pytest.mark.parametrize("head", [b"\x00\x00\x00\x20ftypmp42", b"\x1aE\xdf\xa3", b"RIFF....AVI "])
def test_a_video_is_refused_with_the_way_to_read_it(tmp_path: Path, head: bytes, size: int) -> None:
    path = tmp_path / "clip"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    with pytest.raises(ImageError, match=r"got a video; try `python -m apps\.webcam\.read`"):
        image.load(path)
    with pytest.raises(ImageError, match="read_video"):
        image.load(head + bytes(100))
