"""core.image: what it accepts, and the pixels that come out."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.image import load, probe
from tests.core.image.picture_files import (
    BLUE,
    FORMATS,
    GREY,
    RED,
    chunk,
    close,
    encode,
    exif,
    png,
    quarters,
    refused,
)


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}, 6),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 6),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 6),
        ("BMP", {}, 0),
        ("GIF", {}, 0),
    ],
)
def test_formats_from_bytes_and_path(
    tmp_path: Path, kind: str, options: dict, tolerance: int
) -> None:
    data = encode(quarters(), kind, **options)
    file = tmp_path / "picture.dat"  # the content decides, not the name
    file.write_bytes(data)
    for source in (data, bytearray(data), memoryview(data), file, str(file)):
        close(load(source), quarters(), tolerance)
    assert probe(data) == probe(file) == (kind, 64, 48)


@pytest.mark.parametrize("kind", FORMATS)
def test_grey_files(kind: str) -> None:
    grey = quarters()[..., 0]
    close(load(encode(grey, kind)), np.stack([grey] * 3, -1), 6)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_one_bit_files(kind: str) -> None:
    bits = quarters()[..., 0] > 100
    close(load(encode(Image.fromarray(bits), kind)), np.stack([bits * np.uint8(255)] * 3, -1), 0)


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bit_grey_is_scaled_not_clipped(order: str) -> None:
    wide = np.array([[0, 255, 256, 32768, 65535]], order)
    expected = np.repeat(np.array([[0, 0, 1, 128, 255]], np.uint8)[..., None], 3, 2)
    close(load(Image.fromarray(wide)), expected, 0)
    close(load(png(5, 1, 16, 0, b"\0" + wide.astype(">u2").tobytes())), expected, 0)


def test_sixteen_bit_colour_and_alpha() -> None:
    assert load(png(1, 1, 16, 2, struct.pack(">B3H", 0, 0x1234, 0xFFFF, 0x80FF))).tolist() == [
        [[0x12, 0xFF, 0x80]]
    ]
    assert load(
        png(1, 1, 16, 6, struct.pack(">B4H", 0, 0x1234, 0xFFFF, 0x80FF, 0xFFFF))
    ).tolist() == [[[0x12, 0xFF, 0x80]]]
    assert load(png(1, 1, 16, 4, struct.pack(">B2H", 0, 0x1234, 0))).tolist() == [[[255] * 3]]


def test_transparent_colour_key() -> None:
    wide = png(2, 1, 16, 0, struct.pack(">B2H", 0, 7, 0x4000), chunk(b"tRNS", struct.pack(">H", 7)))
    assert load(wide).tolist() == [[[255] * 3, [64] * 3]]
    assert load(
        png(2, 1, 8, 2, bytes([0, *RED, *BLUE]), chunk(b"tRNS", struct.pack(">3H", *RED)))
    ).tolist() == [[[255] * 3, [*BLUE]]]
    assert load(
        png(2, 1, 8, 0, bytes([0, 9, 8]), chunk(b"tRNS", struct.pack(">H", 9)))
    ).tolist() == [[[255] * 3, [8] * 3]]


@pytest.mark.parametrize("alpha", [0, 1, 100, 128, 254, 255])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_composited_on_white(mode: str, alpha: int) -> None:
    colour = np.array(RED if mode == "RGBA" else GREY)
    pixel = Image.new(mode, (3, 2), (*RED, alpha) if mode == "RGBA" else (GREY[0], alpha))
    expected = np.broadcast_to(np.rint((colour * alpha + 255 * (255 - alpha)) / 255), (2, 3, 3))
    close(load(pixel), expected, 0)
    close(load(encode(pixel, "PNG")), expected, 0)
    if mode == "RGBA":
        close(load(np.asarray(pixel)), expected, 0)
        close(load(encode(pixel, "WEBP", lossless=True, exact=True)), expected, 0)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_palette(kind: str) -> None:
    close(load(encode(Image.fromarray(quarters()).quantize(4), kind)), quarters(), 0)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_a_transparent_colour(kind: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    assert load(encode(image, kind)).tolist() == [[[*RED], [*BLUE]]]
    assert load(encode(image, kind, transparency=1)).tolist() == [[[*RED], [255, 255, 255]]]


def test_palette_with_partial_transparency() -> None:
    image = Image.new("P", (1, 1))
    image.putpalette([0, 0, 0])
    assert load(encode(image, "PNG", transparency=bytes([51]))).tolist() == [[[204] * 3]]


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "I;16"],
)
def test_pil_modes(mode: str) -> None:
    white = Image.new("RGB", (5, 4), "white")
    image = (
        Image.new(mode, (5, 4), 65535)
        if mode == "I;16"
        else (white.convert("RGBA") if mode == "RGBa" else white).convert(mode)
    )
    assert image.mode == mode
    close(load(image), np.full((4, 5, 3), 255, np.uint8), 0)


def test_cmyk_jpeg() -> None:
    close(
        load(
            encode(Image.fromarray(quarters()).convert("CMYK"), "JPEG", quality=95, subsampling=0)
        ),
        quarters(),
        8,
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation(kind: str) -> None:
    first, second = Image.fromarray(quarters()), Image.fromarray(quarters()[::-1])
    data = encode(
        first,
        kind,
        save_all=True,
        append_images=[second],
        **({"lossless": True} if kind == "WEBP" else {}),
    )
    with Image.open(io.BytesIO(data)) as check:
        assert getattr(check, "n_frames", 1) == 2
    close(load(data), quarters(), 0)


def test_gif_whose_frame_is_smaller_or_larger_than_its_screen() -> None:
    data = encode(quarters(), "GIF")
    assert load(data[:6] + struct.pack("<HH", 70, 50) + data[10:]).shape == (50, 70, 3)
    assert load(data[:6] + struct.pack("<HH", 1, 1) + data[10:]).shape == (48, 64, 3)


# EXIF.

TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind: str, orientation: int) -> None:
    data = encode(
        quarters(), kind, exif=exif(orientation), **({"lossless": True} if kind == "WEBP" else {})
    )
    expected = TURNED[orientation](quarters())
    close(load(data), expected, 8 if kind == "JPEG" else 0)
    assert probe(data) == (kind, expected.shape[1], expected.shape[0])
    with Image.open(io.BytesIO(data)) as image:
        assert (load(image) == load(data)).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "code"), [(3, "H"), (4, "I")])
def test_exif_byte_orders_and_types(order: str, kind: int, code: str) -> None:
    tiff = struct.pack(
        order + "2sHIHHHI" + code, b"II" if order == "<" else b"MM", 42, 8, 1, 274, kind, 1, 3
    ).ljust(26, b"\0")
    assert (
        load(encode(quarters(), "PNG", exif=b"Exif\0\0" + tiff)) == quarters()[::-1, ::-1]
    ).all()


@pytest.mark.parametrize("broken", ["cut", "offset", "count", "value", "text", "header"])
def test_broken_exif_counts_as_upright(broken: str) -> None:
    block = exif(6).tobytes()  # Exif\0\0, byte order, 42, offset 8, count, entry
    assert load(encode(quarters(), "JPEG", exif=block)).shape == (64, 48, 3)
    order = "<" if block[6:8] == b"II" else ">"
    data = {
        "cut": block[:18],
        "offset": block[:10] + b"\xff\xff\xff\xff" + block[14:],
        "count": block[:14] + b"\xff\xff" + b"\1" * 30,
        "value": block[:24] + struct.pack(order + "H", 99) + block[26:],
        "text": b"Exif\0\0" + b"not a TIFF header",
        "header": b"Exif\0\0",
    }[broken]
    for kind in ("JPEG", "PNG", "WEBP"):
        assert load(encode(quarters(), kind, exif=data)).shape == (48, 64, 3)


# Arrays.


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)])
def test_arrays(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    result = load(array)
    close(result, np.broadcast_to(array if array.ndim == 3 else array[..., None], (4, 5, 3)), 0)
    result[:] = 77
    assert array.tolist() == np.arange(np.prod(shape)).reshape(shape).tolist()


def test_strided_and_read_only_arrays() -> None:
    flipped = quarters()[::-2, ::3, ::-1]
    close(load(flipped), flipped, 0)
    frozen = quarters()
    frozen.flags.writeable = False
    close(load(frozen), frozen, 0)


def test_pil_picture_is_neither_changed_nor_shared() -> None:
    image = Image.fromarray(quarters())
    result = load(image)
    result[:] = 0
    assert (np.asarray(image) == quarters()).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4), bool),
        np.zeros((4, 4), np.uint16),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0), np.uint8),
        np.zeros((4, 4, 0), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.array(3, np.uint8),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    refused(array, match="the array")
