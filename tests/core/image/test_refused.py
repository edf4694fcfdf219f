"""core.image: what it refuses and how, and files that ask for more than they are worth."""

import io
import os
import re
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageError
from core.image import MAX_SCANS, load, probe
from tests.core.image.picture_files import FORMATS, chunk, close, encode, png, quarters, refused


@pytest.mark.parametrize(
    "source", [None, 3, [1, 2], io.BytesIO(b"x")], ids=lambda s: type(s).__name__
)
def test_other_types_are_refused(source: object) -> None:
    refused(source, match=type(source).__name__)


@pytest.mark.parametrize("kind", FORMATS)
def test_truncated_files(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encode(noise, kind)
    assert load(data).shape == (64, 64, 3)
    file = tmp_path / "cut.jpg"
    for length in (1, 5, 13, 20, 30, len(data) // 2, len(data) * 9 // 10):
        refused(data[:length], match="the picture")
        file.write_bytes(data[:length])
        refused(file, match=re.escape(str(file)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"this is text, renamed",
        b"\0" * 100,
        b"BM",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"RIFF\0\0\0\0WEBP",
    ],
)
def test_not_a_picture(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "text.jpg"
    file.write_bytes(data)
    refused(file, match=re.escape(str(file)))
    refused(data, match="the picture")


@pytest.mark.parametrize(
    "kind", ["TIFF", "PPM", "ICO", "TGA", "EPS", "PDF", "JPEG2000", "AVIF", "DDS", "SGI", "PCX"]
)
def test_other_formats_are_not_opened(kind: str) -> None:
    if kind not in Image.SAVE:
        Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"Pillow is built without {kind}")
    refused(encode(quarters(), kind), match="JPEG, PNG, WebP, BMP or GIF")


def test_svg_and_psd_are_not_opened() -> None:
    refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>", match="JPEG, PNG, WebP, BMP or GIF")
    refused(b"8BPS\0\1" + bytes(40), match="JPEG, PNG, WebP, BMP or GIF")


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pil_modes_without_a_known_range(mode: str) -> None:
    refused(Image.new(mode, (4, 4)), match=f"mode '{mode}'")


def test_closed_and_empty_pil_pictures() -> None:
    image = Image.open(io.BytesIO(encode(quarters(), "PNG")))
    image.close()
    refused(image, match="PIL picture")
    refused(Image.new("RGB", (0, 3)), match="0 x 3")


def test_missing_folder_and_impossible_paths(tmp_path: Path) -> None:
    refused(tmp_path / "none.jpg", match="none.jpg")
    refused(tmp_path, match="folder")
    refused("", match="folder")
    refused("a\0b.jpg", match="null")
    refused("x" * 5000, match="too long")
    with os.scandir(os.fsencode(tmp_path.parent)) as entries:
        refused(next(entries), match="bytes")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_fifo_does_not_hang(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.jpg"
    os.mkfifo(fifo)
    thread = threading.Thread(
        target=refused, args=(fifo,), kwargs={"match": "special"}, daemon=True
    )
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    refused("/dev/zero", match="special")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(tmp_path: Path) -> None:
    file = tmp_path / "secret.png"
    file.write_bytes(encode(quarters(), "PNG"))
    file.chmod(0)
    refused(file, match="permissions")


def test_byte_limit_is_looked_up_before_reading(tmp_path: Path) -> None:
    data = encode(quarters(), "PNG")
    assert load(data, max_bytes=len(data)).shape == (48, 64, 3)
    refused(data, match="bytes", max_bytes=len(data) - 1)
    sparse = tmp_path / "large.png"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte on paper: reading it would not end in time
    refused(sparse, match=str(1 << 40))


@pytest.mark.parametrize("kind", FORMATS)
def test_pixel_limit(kind: str) -> None:
    data = encode(quarters(), kind)
    assert load(data, max_pixels=64 * 48).shape == (48, 64, 3)
    for source in (data, quarters(), Image.fromarray(quarters())):
        refused(source, match="64 x 48", max_pixels=64 * 48 - 1)


def bombs() -> dict[str, bytes]:
    """Small files that ask for gigabytes."""
    jpeg, gif, bmp = (bytearray(encode(quarters(), kind)) for kind in ("JPEG", "GIF", "BMP"))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = struct.pack(">HH", 65500, 65500)
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    frame = bytearray(encode(quarters(), "GIF"))
    start = frame.index(b",", 13 + (3 << (frame[10] & 7) + 1))
    frame[start + 5 : start + 9] = struct.pack("<HH", 65535, 65535)
    bmp[18:26] = struct.pack("<ii", 100_000, 100_000)
    animation = Image.new("RGBA", (8, 8))
    webp = bytearray(
        encode(animation, "WEBP", save_all=True, append_images=[Image.new("RGBA", (8, 8), "red")])
    )
    webp[24:30] = (60_000).to_bytes(3, "little") * 2
    animated = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(
        b"fcTL", struct.pack(">IIIIIHHBB", 0, 60_000, 60_000, 0, 0, 1, 1, 1, 0)
    )
    return {
        "png": png(60_000, 60_000, 8, 6, bytes(1000)),
        "animated png": png(60_000, 60_000, 8, 6, bytes(1000), animated),
        "jpeg": bytes(jpeg),
        "gif": bytes(gif),
        "gif frame": bytes(frame),
        "bmp": bytes(bmp),
        "webp": bytes(webp),
    }


@pytest.mark.parametrize("name", bombs())
def test_decompression_bombs(name: str) -> None:
    data = bombs()[name]
    assert len(data) < 20_000
    refused(data, match=r"\d{5,} x \d{5,}")
    with pytest.raises(ImageError, match="pixels"):
        probe(data)


def test_second_png_header_cannot_change_the_checked_size() -> None:
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    assert load(png(2, 1, 8, 0, b"\0\5\6", second)).tolist() == [[[5] * 3, [6] * 3]]


def test_pictures_that_pillow_alone_warns_about() -> None:
    # Warnings are errors here: Pillow's own limit warns from 89 megapixels on, and a second acTL
    # chunk as well.
    refused(png(10_000, 10_000, 1, 0, b""), match="10000 x 10000")
    refused(Image.new("1", (10_000, 10_000)), match="10000 x 10000")
    with pytest.raises(ImageError, match="damaged"):
        load(png(10_000, 10_000, 1, 0, b""), max_pixels=10**8)
    twice = chunk(b"acTL", struct.pack(">II", 1, 0)) * 2
    assert load(png(1, 1, 8, 0, b"\0\7", twice)).tolist() == [[[7] * 3]]


def test_jpeg_of_too_many_scans() -> None:
    data = encode(quarters(), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert load(data[:-2] + scan * 20 + data[-2:]).shape == (48, 64, 3)
    refused(data[:-2] + scan * MAX_SCANS + data[-2:], match="scans")
    # A film appended after the picture's end holds the two bytes by chance, and so does an embedded
    # thumbnail.
    assert load(data + b"\0\2" + b"\xff\xda\0\2" * 1000).shape == (48, 64, 3)
    assert load(data[:2] + b"\xff\xe5\x0f\xa2" + b"\xff\xda" * 2000 + data[2:]).shape == (48, 64, 3)


def test_gif_comments_take_no_quadratic_time() -> None:
    data = encode(quarters(), "GIF")
    at = 13 + (3 << (data[10] & 7) + 1)
    long = (
        data[:at] + b"!\xfe" + (b"\xff" + b"a" * 255) * 80_000 + b"\0" + data[at:]
    )  # 20 MB; Pillow alone takes minutes
    close(load(long), quarters(), 0)


def test_run_length_bmp_is_refused() -> None:
    data = bytearray(encode(quarters()[..., 0], "BMP"))
    data[30:34] = struct.pack("<I", 1)
    refused(bytes(data), match="run-length")
