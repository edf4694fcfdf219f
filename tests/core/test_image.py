"""core.image: what it accepts and with which pixels, what it refuses and how, and that no file makes it crash or hang."""

import io
import os
import re
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from core.errors import ImageError
from core.image import MAX_SCANS, load, probe

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
RED, GREEN, BLUE, GREY = (200, 30, 40), (20, 180, 60), (30, 50, 210), (128, 128, 128)


def quarters() -> np.ndarray:
    """(48, 64, 3): four plain colours, so that a turn, a flip or swapped channels show; blocks of 8 survive lossy formats."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32], picture[24:, 32:] = RED, GREEN, BLUE, GREY
    return picture


def encode(image: Image.Image | np.ndarray, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(stream, kind, **options)
    return stream.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG of the given header, whatever `rows` (filter bytes included) hold."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[274] = orientation
    return tags


def close(actual: np.ndarray, expected: np.ndarray, tolerance: int) -> None:
    """Equal within `tolerance`; where that is above 0, away from the seams, whose colours a lossy format mixes."""
    assert actual.dtype == np.uint8 and actual.flags.c_contiguous and actual.flags.writeable
    assert actual.shape == expected.shape
    distance = np.abs(actual.astype(int) - expected)
    assert int((distance[4::8, 4::8] if tolerance else distance).max()) <= tolerance


def refused(source: object, *, match: str, **limits: int) -> None:
    with pytest.raises(ImageError, match=match) as caught:
        load(source, **limits)  # type: ignore[arg-type]
    assert re.match(r"(?s)Expected .+, got .+; try .+", str(caught.value)), str(caught.value)


# What is accepted, and the pixels that come out.


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
def test_formats_from_bytes_and_path(tmp_path: Path, kind: str, options: dict, tolerance: int) -> None:
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
    assert load(png(1, 1, 16, 2, struct.pack(">B3H", 0, 0x1234, 0xFFFF, 0x80FF))).tolist() == [[[0x12, 0xFF, 0x80]]]
    assert load(png(1, 1, 16, 6, struct.pack(">B4H", 0, 0x1234, 0xFFFF, 0x80FF, 0xFFFF))).tolist() == [[[0x12, 0xFF, 0x80]]]
    assert load(png(1, 1, 16, 4, struct.pack(">B2H", 0, 0x1234, 0))).tolist() == [[[255] * 3]]


def test_transparent_colour_key() -> None:
    wide = png(2, 1, 16, 0, struct.pack(">B2H", 0, 7, 0x4000), chunk(b"tRNS", struct.pack(">H", 7)))
    assert load(wide).tolist() == [[[255] * 3, [64] * 3]]
    assert load(png(2, 1, 8, 2, bytes([0, *RED, *BLUE]), chunk(b"tRNS", struct.pack(">3H", *RED)))).tolist() == [[[255] * 3, [*BLUE]]]
    assert load(png(2, 1, 8, 0, bytes([0, 9, 8]), chunk(b"tRNS", struct.pack(">H", 9)))).tolist() == [[[255] * 3, [8] * 3]]


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


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "I;16"])
def test_pil_modes(mode: str) -> None:
    white = Image.new("RGB", (5, 4), "white")
    image = Image.new(mode, (5, 4), 65535) if mode == "I;16" else (white.convert("RGBA") if mode == "RGBa" else white).convert(mode)
    assert image.mode == mode
    close(load(image), np.full((4, 5, 3), 255, np.uint8), 0)


def test_cmyk_jpeg() -> None:
    close(load(encode(Image.fromarray(quarters()).convert("CMYK"), "JPEG", quality=95, subsampling=0)), quarters(), 8)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation(kind: str) -> None:
    first, second = Image.fromarray(quarters()), Image.fromarray(quarters()[::-1])
    data = encode(first, kind, save_all=True, append_images=[second], **({"lossless": True} if kind == "WEBP" else {}))
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
    data = encode(quarters(), kind, exif=exif(orientation), **({"lossless": True} if kind == "WEBP" else {}))
    expected = TURNED[orientation](quarters())
    close(load(data), expected, 8 if kind == "JPEG" else 0)
    assert probe(data) == (kind, expected.shape[1], expected.shape[0])
    with Image.open(io.BytesIO(data)) as image:
        assert (load(image) == load(data)).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "code"), [(3, "H"), (4, "I")])
def test_exif_byte_orders_and_types(order: str, kind: int, code: str) -> None:
    tiff = struct.pack(order + "2sHIHHHI" + code, b"II" if order == "<" else b"MM", 42, 8, 1, 274, kind, 1, 3).ljust(26, b"\0")
    assert (load(encode(quarters(), "PNG", exif=b"Exif\0\0" + tiff)) == quarters()[::-1, ::-1]).all()


@pytest.mark.parametrize("broken", ["cut", "offset", "count", "value", "text", "header"])
def test_broken_exif_counts_as_upright(broken: str) -> None:
    whole = exif(6).tobytes()  # Exif\0\0, byte order, 42, offset 8, count, entry
    assert load(encode(quarters(), "JPEG", exif=whole)).shape == (64, 48, 3)
    order = "<" if whole[6:8] == b"II" else ">"
    data = {
        "cut": whole[:18],
        "offset": whole[:10] + b"\xff\xff\xff\xff" + whole[14:],
        "count": whole[:14] + b"\xff\xff" + b"\1" * 30,
        "value": whole[:24] + struct.pack(order + "H", 99) + whole[26:],
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


# What is refused.


@pytest.mark.parametrize("source", [None, 3, [1, 2], io.BytesIO(b"x")], ids=lambda s: type(s).__name__)
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


@pytest.mark.parametrize("data", [b"", b"this is text, renamed", b"\0" * 100, b"BM", b"GIF89a", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"])
def test_not_a_picture(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "text.jpg"
    file.write_bytes(data)
    refused(file, match=re.escape(str(file)))
    refused(data, match="the picture")


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "ICO", "TGA", "EPS", "PDF", "JPEG2000", "AVIF", "DDS", "SGI", "PCX"])
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
    thread = threading.Thread(target=refused, args=(fifo,), kwargs={"match": "special"}, daemon=True)
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
    webp = bytearray(encode(animation, "WEBP", save_all=True, append_images=[Image.new("RGBA", (8, 8), "red")]))
    webp[24:30] = (60_000).to_bytes(3, "little") * 2
    animated = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 60_000, 60_000, 0, 0, 1, 1, 1, 0))
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
    # Warnings are errors here: Pillow's own limit warns from 89 megapixels on, and a second acTL chunk as well.
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
    # A film appended after the picture's end holds the two bytes by chance, and so does an embedded thumbnail.
    assert load(data + b"\0\2" + b"\xff\xda\0\2" * 1000).shape == (48, 64, 3)
    assert load(data[:2] + b"\xff\xe5\x0f\xa2" + b"\xff\xda" * 2000 + data[2:]).shape == (48, 64, 3)


def test_gif_comments_take_no_quadratic_time() -> None:
    data = encode(quarters(), "GIF")
    at = 13 + (3 << (data[10] & 7) + 1)
    long = data[:at] + b"!\xfe" + (b"\xff" + b"a" * 255) * 80_000 + b"\0" + data[at:]  # 20 MB; Pillow alone takes minutes
    close(load(long), quarters(), 0)


def test_run_length_bmp_is_refused() -> None:
    data = bytearray(encode(quarters()[..., 0], "BMP"))
    data[30:34] = struct.pack("<I", 1)
    refused(bytes(data), match="run-length")


# Nothing else comes out, and nothing outside changes.

SEEDS = {
    **{kind: encode(quarters()[::3, ::3], kind) for kind in FORMATS},
    "progressive": encode(quarters(), "JPEG", progressive=True, exif=exif(6)),
    "CMYK": encode(Image.fromarray(quarters()).convert("CMYK"), "JPEG"),
    "palette": encode(Image.fromarray(quarters()).quantize(4), "PNG", transparency=bytes([0, 128]), exif=exif(8)),
    "RGBA": encode(Image.fromarray(quarters()[:8, :8]).convert("RGBA"), "PNG"),
    "16": encode(Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8)), "PNG"),
    "WEBP alpha": encode(Image.new("RGBA", (9, 7), (9, 8, 7, 6)), "WEBP", save_all=True, append_images=[Image.new("RGBA", (9, 7))]),
    "GIF animation": encode(quarters()[::4], "GIF", save_all=True, append_images=[Image.fromarray(quarters()[1::4])], transparency=1),
}
MAGIC = (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 ", b"GIF89a", b"BM")


def decodes_or_refuses(data: bytes) -> None:
    try:
        result = load(data, max_pixels=10**6)
    except ImageError as error:
        assert str(error).startswith("Expected ")
    else:
        assert result.dtype == np.uint8 and result.ndim == 3 and result.shape[2] == 3 and result.size > 0 and result.flags.c_contiguous


@settings(max_examples=400, deadline=None)
@given(start=st.sampled_from(MAGIC), rest=st.binary(max_size=300))
def test_fuzz_random_bytes(start: bytes, rest: bytes) -> None:
    decodes_or_refuses(start + rest)


@pytest.mark.parametrize("seed", SEEDS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_fuzz_damaged_files(seed: str, data: st.DataObject) -> None:
    whole = bytearray(SEEDS[seed])
    # Most positions are pixels: half of the flips go to the header, where the decisions are made.
    position = st.one_of(st.integers(0, min(200, len(whole) - 1)), st.integers(0, len(whole) - 1))
    for at, value in data.draw(st.lists(st.tuples(position, st.integers(0, 255)), max_size=8)):
        whole[at] = value
    decodes_or_refuses(bytes(whole[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))]))


@pytest.mark.parametrize("seed", SEEDS)
def test_fuzz_seeds_are_valid(seed: str) -> None:
    assert load(SEEDS[seed]).size > 0


def test_pillow_settings_stay() -> None:
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    load(SEEDS["JPEG"])
    refused(b"no", match="Expected")
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_import_wakes_neither_torch_nor_other_plugins() -> None:
    code = (
        "import sys, numpy, core.image; core.image.load(numpy.zeros((2, 2, 4), numpy.uint8));"
        "print([m for m in sys.modules if m in ('torch', 'cv2', 'PIL.TiffImagePlugin', 'PIL.EpsImagePlugin', 'PIL.PsdImagePlugin')])"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout.strip() == "[]"
