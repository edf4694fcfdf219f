"""Picture files that ask for much: many blocks, many passes, many pixels, large metadata.

Each maker takes random numbers and returns a file of at most `core.image.MAX_BYTES`.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import cache
from struct import pack

import numpy as np
from PIL import Image

from core.image.limits import MAX_BYTES, MAX_PIXELS

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@cache
def seed(kind: str, mode: str = "RGB", side: int = 64, **options: int) -> bytes:
    """Return a small valid file with some texture."""
    noise = np.random.default_rng(0).integers(0, 256, (side // 4, side // 4, 3), np.uint8)
    image = Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC).convert(mode)
    more = [image.transpose(Image.Transpose.ROTATE_90)] * 3 if options.pop("frames", 0) else []
    out = io.BytesIO()
    image.save(out, kind, **options, **({"save_all": True, "append_images": more} if more else {}))
    return out.getvalue()


@cache
def large(kind: str, mode: str = "RGB", pixels: int = MAX_PIXELS, **options: int) -> bytes:
    """Return a flat picture of `pixels` pixels, which is a small file."""
    width = int(pixels**0.5)
    out = io.BytesIO()
    Image.new(mode, (width, pixels // width)).save(out, kind, **options)
    return out.getvalue()


def _count(rng: np.random.Generator, bytes_each: int) -> int:
    """Return a number of blocks of a size: at most as many as fit into a file."""
    return int(10 ** rng.uniform(2, np.log10((MAX_BYTES - 4096) // max(1, bytes_each))))


def _segment(kind: int, body: bytes) -> bytes:
    return bytes([0xFF, kind]) + pack(">H", len(body) + 2) + body


def jpeg_segments(rng: np.random.Generator) -> bytes:
    """Return many segments before a picture: applications, comments, tables, profiles, fill."""
    data = seed("JPEG", progressive=int(rng.integers(2)))
    quantisation = data[data.index(b"\xff\xdb") :][:69]
    block = [
        _segment(0xE1, b""),
        _segment(0xE1, b"Exif\0\0" + rng.bytes(int(rng.integers(40)))),
        _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(int(rng.integers(60_000)))),
        _segment(0xE2, b"ICC_PROFILE\0" + bytes([1, 255]) + bytes(int(rng.integers(60_000)))),
        _segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\1\0\0\0\0\0\0" * int(rng.integers(4000))),
        _segment(0xFE, bytes(int(rng.integers(3)))),
        _segment(0xDD, b"\0\0"),
        quantisation,
        b"\xff",
        b"\xff\xd0",
        b"\0",
        b"\xff\x00",
    ][int(rng.integers(12))]
    return data[:2] + block * _count(rng, len(block)) + data[2:]


def jpeg_scans(rng: np.random.Generator) -> bytes:
    """Return a progressive picture whose last scan comes again and again."""
    is_large = bool(rng.integers(2))
    data = large("JPEG", progressive=1) if is_large else seed("JPEG", progressive=1)
    scan = data[data.rindex(b"\xff\xda") : -2]
    if is_large:
        return data[:-2] + scan[:12] * int(rng.integers(1, 120)) + data[-2:]
    return data[:-2] + scan * min(5000, _count(rng, len(scan))) + data[-2:]


def jpeg_large(rng: np.random.Generator) -> bytes:
    """Return as many pixels as are allowed, or a few more, in different codings."""
    options = [{}, {"progressive": 1}, {"subsampling": 0, "progressive": 1}][int(rng.integers(3))]
    pixels = MAX_PIXELS * 2 // 3 if rng.integers(2) else MAX_PIXELS
    return large("JPEG", ["RGB", "L", "CMYK"][int(rng.integers(3))], pixels, **options)


def jpeg_noise(rng: np.random.Generator) -> bytes:
    """Return a header of many pixels and noise for its data, with or without restart markers."""
    data = bytearray(large("JPEG", progressive=int(rng.integers(2))))
    start = data.index(b"\xff\xda") + 14
    noise = rng.bytes(int(10 ** rng.uniform(3, np.log10(MAX_BYTES - 4096))))
    if rng.integers(2):
        noise = noise.replace(b"\xff", b"\xfe")
    return bytes(data[:start]) + noise + b"\xff\xd9"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))


def png_chunks(rng: np.random.Generator) -> bytes:
    """Return many chunks around or within the pixels; texts and profiles that unpack to much."""
    data = seed("PNG", "P" if rng.integers(2) else "RGB")
    kinds = (
        b"PLTE",
        b"tRNS",
        b"eXIf",
        b"iTXt",
        b"tEXt",
        b"zTXt",
        b"iCCP",
        b"IDAT",
        b"fcTL",
        b"abCd",
    )
    kind = kinds[int(rng.integers(len(kinds)))]
    body = [b"", rng.bytes(3), b"k\0\0" + zlib.compress(bytes(2 * 10**6))][int(rng.integers(3))]
    block = _chunk(kind, body)
    at = 33 if rng.integers(2) else data.index(b"IEND") - 4
    return data[:at] + block * _count(rng, len(block)) + data[at:]


def png_large(rng: np.random.Generator) -> bytes:
    """Return few bytes that are many pixels, of any depth, interlaced or not."""
    depth, colour, samples = ((1, 0, 1), (8, 2, 3), (8, 6, 4), (16, 6, 4), (16, 4, 2), (8, 3, 1))[
        int(rng.integers(6))
    ]
    pixels = int(10 ** rng.uniform(6, 8.5))
    width = int(pixels**0.5)
    header = pack(">IIBBBBB", width, width, depth, colour, 0, 0, int(rng.integers(2)))
    packer = zlib.compressobj(1)
    size = min(width * (width * samples * depth // 8 + 1) + 16 * width, 320 * 10**6)
    filters = bytes([int(rng.integers(5))]) + bytes(2**20 - 1)
    rows = [packer.compress(filters) for _ in range(size >> 20)]
    pixels_packed = b"".join([*rows, packer.compress(bytes(2**20)), packer.flush()])
    palette = _chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    transparent = _chunk(b"tRNS", bytes(256 if colour == 3 else 2 * samples)) if colour < 4 else b""
    body = palette + transparent + _chunk(b"IDAT", pixels_packed) + _chunk(b"IEND", b"")
    return PNG_SIGNATURE + _chunk(b"IHDR", header) + body


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp_chunks(rng: np.random.Generator) -> bytes:
    """Return many chunks: metadata, unknown ones, frames of an animation."""
    data = seed("WEBP", "RGBA", frames=1)
    start = data.index(b"ANMF")
    frame = data[start : start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")]
    frame += b"\0" * (len(frame) % 2)
    block = [_riff(b"EXIF", b""), _riff(b"XMP ", bytes(9)), _riff(b"abcd", b""), frame][
        int(rng.integers(4))
    ]
    at = start if rng.integers(2) else len(data)
    body = data[8:at] + block * _count(rng, len(block)) + data[at:]
    return b"RIFF" + pack("<I", len(body)) + body


def webp_large(rng: np.random.Generator) -> bytes:
    """Return as many pixels as are allowed, or twice as many, lossless or not, alpha or not."""
    pixels = (MAX_PIXELS // 2, MAX_PIXELS * 2 // 3, MAX_PIXELS)[int(rng.integers(3))]
    mode = ("RGB", "RGBA")[int(rng.integers(2))]
    return large("WEBP", mode, pixels, lossless=int(rng.integers(2)), method=0, quality=10)


def gif_blocks(rng: np.random.Generator) -> bytes:
    """Return many extensions, sub-blocks or frames."""
    data = seed("GIF", "P", frames=1)
    at = 13 + (3 << (data[10] & 7) + 1)
    block = [b"!\xfe\0", b"!\xf9\4\0\0\0\0\0", b"!\xfe\1a\0", b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0"][
        int(rng.integers(4))
    ]
    kind = rng.integers(3)
    if kind == 0:
        return data[:at] + block * _count(rng, len(block)) + data[at:]
    if kind == 1:
        return data[:at] + b"!\xfe" + b"\1a" * _count(rng, 2) + b"\0" + data[at:]
    frame = data[data.index(b",") : -1]
    return data[:-1] + frame * _count(rng, len(frame)) + data[-1:]


def gif_large(rng: np.random.Generator) -> bytes:
    """Return a flat canvas, or one-byte sub-blocks of noise for one."""
    data = large("GIF", "P", MAX_PIXELS if rng.integers(2) else MAX_PIXELS // 2)
    if rng.integers(2):
        return data
    start = data.index(b",", 13 + (3 << (data[10] & 7) + 1)) + 10
    noise = np.ones(2 * _count(rng, 2), np.uint8)
    noise[1::2] = rng.integers(0, 256, len(noise) // 2)
    return data[: start + 1] + noise.tobytes() + b"\0;"


def bmp_large(rng: np.random.Generator) -> bytes:
    """Return a picture of any depth, of sizes that its data have and that they lack."""
    data = bytearray(seed("BMP", ("1", "L", "RGB", "RGBA")[int(rng.integers(4))]))
    data[18:26] = pack("<ii", int(rng.integers(1, 20_000)), int(rng.integers(-20_000, 20_000)))
    data[28:30] = pack("<H", (1, 4, 8, 16, 24, 32)[int(rng.integers(6))])
    data[30:34] = pack("<I", int(rng.integers(5)))
    return bytes(data) + bytes(int(10 ** rng.uniform(3, np.log10(MAX_BYTES - 2**20))))


def tiff_directories(rng: np.random.Generator) -> bytes:
    """Return a TIFF of very many directories."""
    n = _count(rng, 18)
    at = 8 + 18 * np.arange(n, dtype=np.int64)
    directory = np.zeros((n, 18), np.uint8)
    directory[:, 0] = 1
    directory[:, 2:14] = np.frombuffer(pack("<HHII", 254, 4, 1, 0), np.uint8)
    directory[:, 14:18] = (at + 18).astype("<u4").view(np.uint8).reshape(n, 4)
    return b"II*\0\x08\0\0\0" + directory.tobytes() + b"\0\0"


MAKERS: tuple[Callable[[np.random.Generator], bytes], ...] = (
    jpeg_segments,
    jpeg_scans,
    jpeg_large,
    jpeg_noise,
    png_chunks,
    png_large,
    webp_chunks,
    webp_large,
    gif_blocks,
    gif_large,
    bmp_large,
    tiff_directories,
)
