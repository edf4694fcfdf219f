"""The project's only decoder: bytes, a path, a PIL picture or an array -> RGB uint8 (H, W, 3).

Pillow decodes, but its format classes are called directly instead of `Image.open`: no other plugin
can wake up, no limit or warning filter of the process is touched (both are shared by all threads),
and the size is known before a pixel is decoded. Colour profiles, gamma and XMP are ignored.
"""

from __future__ import annotations

import os
import re
import stat
from io import BytesIO
from pathlib import Path
from struct import error as StructError
from struct import unpack_from

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import ImageError

MAX_BYTES = 32 * 2**20
"""Largest file, in bytes."""
MAX_PIXELS = 50_000_000
"""Largest picture, width times height."""
MAX_SCANS = 100
"""Largest number of passes in a JPEG. Encoders use about ten; each costs a walk over all pixels and
may take ten bytes of file.
"""

Source = bytes | bytearray | memoryview | str | os.PathLike[str] | Image.Image | np.ndarray

_PNG_CHUNKS = (b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
_JPEG_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load(source: Source, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Return an image as RGB uint8 (H, W, 3), C-contiguous and writable.

    It is always a new array, so drawing on it never changes `source`.

    Files: JPEG, PNG, WebP, BMP (not run-length encoded) and GIF; of several frames the first. PIL
    pictures: every mode that Pillow turns into RGB without clipping, so neither "I" nor "F".
        Arrays:
    uint8 (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA. The EXIF orientation is applied, also
    that in a PIL picture's `info["exif"]`; damaged EXIF counts as upright. Transparency is
    composited on white. 16-bit samples keep their high byte (0..65535 becomes 0..255).

    Raises:
        ImageError: anything else, a damaged or truncated file, one of more than `max_bytes` bytes
            (looked up before a path is read), or a picture of more than `max_pixels` pixels (read
            from the header, before decoding).
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        image, name = source, "the PIL picture"
        _check_size(image.size, name, max_pixels)
    else:
        data, name = _read(source, max_bytes)
        image = _open(data, name, max_pixels)
    try:
        rgb = _to_rgb(image, name)
        turn = _TURNS.get(_orientation(image.info.get("exif")))
        return np.array(rgb if turn is None else rgb.transpose(turn))
    except ImageError:
        raise
    except Exception as error:  # Pillow raises almost any type on damaged files
        raise _damaged(name, image.format or image.mode, error) from error


def probe(
    source: bytes | str | os.PathLike[str],
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
) -> tuple[str, int, int]:
    """Return format, width and height from the header alone.

    Returns:
        JPEG, PNG, WEBP, BMP or GIF, and the size in pixels that `load` would return.

    Raises:
        ImageError: as `load`, save for damage that only decoding shows.
    """
    data, name = _read(source, max_bytes)
    image = _open(data, name, max_pixels)
    width, height = image.size
    return (
        (image.format or "", height, width)
        if _orientation(image.info.get("exif")) >= 5
        else (image.format or "", width, height)
    )


def _read(source: object, max_bytes: int) -> tuple[bytes, str]:
    """A file's bytes and what messages call it."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        _check_bytes(memoryview(source).nbytes, "the picture", max_bytes)
        return bytes(source), "the picture"
    if not isinstance(source, (str, os.PathLike)):
        raise ImageError(
            "Expected a picture as bytes, path, PIL picture or array, got "
            f"{type(source).__name__}; try its path."
        )
    name = str(source)
    try:
        path = Path(source)
        status = path.stat()
    except (
        OSError,
        TypeError,
        ValueError,
    ) as error:  # TypeError: a path of bytes; ValueError: a null character in it
        raise ImageError(
            f"Expected {name!r} to be a picture file, got {error}; try another path."
        ) from error
    if not stat.S_ISREG(status.st_mode):  # a FIFO or a device could block or never end
        raise ImageError(
            f"Expected {name} to be a picture file, got a folder or special file; try the path of "
            "a file."
        )
    _check_bytes(status.st_size, name, max_bytes)
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ImageError(
            f"Expected to read {name}, got {error}; try to check its permissions."
        ) from error
    _check_bytes(len(data), name, max_bytes)  # the file may have grown since
    return data, name


def _check_bytes(size: int, name: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise ImageError(
            f"Expected {name} to have at most {max_bytes} bytes, got {size}; try a smaller or more "
            "compressed picture."
        )


def _open(data: bytes, name: str, max_pixels: int) -> ImageFile:
    """Pillow's picture with its header read and its size checked, nothing decoded."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            kind = "JPEG"
            image: ImageFile = _Jpeg(BytesIO(data))
            _check_scans(data, name)
        elif data.startswith(b"\x89PNG\r\n\x1a\n"):
            kind = "PNG"
            _check_size(unpack_from(">II", data, 16), name, max_pixels)
            image = PngImageFile(BytesIO(_still_png(data)))
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            kind = "WebP"
            image = WebPImageFile(BytesIO(data))
        elif data.startswith((b"GIF87a", b"GIF89a")):
            kind = "GIF"
            data, size = _still_gif(data)
            _check_size(size, name, max_pixels)
            image = GifImageFile(BytesIO(data))
        elif data.startswith(b"BM"):
            kind = "BMP"
            image = BmpImageFile(BytesIO(data))
            if image.info.get("compression") in (1, 2):
                # RLE8 and RLE4: Pillow's decoder is pure Python, and one jump in a small file can
                # ask for 12 GB.
                raise ImageError(
                    f"Expected {name} to be a plain BMP, got a run-length encoded one; try saving "
                    "it as PNG."
                )
        else:
            got = f"a file that starts with {data[:12]!r}" if data else "no data"
            raise ImageError(
                f"Expected {name} to be a JPEG, PNG, WebP, BMP or GIF picture, got {got}; try "
                "converting it to PNG or JPEG."
            )
    except ImageError:
        raise
    except Exception as error:  # Pillow raises almost any type on damaged files
        raise _damaged(name, kind, error) from error
    _check_size(image.size, name, max_pixels)
    return image


class _Jpeg(JpegImageFile):
    def getexif(self) -> Image.Exif:
        """Return nothing: Pillow asks only for the resolution, and warns where EXIF is damaged."""
        return Image.Exif()


def _still_png(data: bytes) -> bytes:
    """Return only the chunks that one frame needs.

    Pillow would inflate profiles and texts, and allocate animation frames, while opening.
    """
    chunks, at = [data[:8]], 8
    while at + 8 <= len(data):
        length, kind = unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind in _PNG_CHUNKS or (
            kind == b"IHDR" and at == 8
        ):  # a second header could change the size that was checked
            chunks.append(data[at:end])
        at = end
    return b"".join(chunks)


def _still_gif(data: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return the file without comments before its first frame, and the resulting width and height.

    Pillow joins those comments in quadratic time.
    """
    width, height, flags = unpack_from("<HHB", data, 6)
    start = at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    control = b""
    while data[at] == 0x21:
        end = at + 2
        while data[end]:
            end += data[end] + 1
        end += 1
        if data[at + 1] == 0xF9:  # holds the transparent colour
            control = data[at:end]
        at = end
    left, top, frame_width, frame_height = unpack_from("<4H", data, at + 1)
    return data[:start] + control + data[at:], (
        max(width, left + frame_width),
        max(height, top + frame_height),
    )


def _check_scans(data: bytes, name: str) -> None:
    """Refuse a JPEG that would take hours.

    libjpeg walks over all pixels once per scan, however short the scan is.
    """
    # Quick, and never too low; too high where something is embedded or appended, so then the
    # markers are followed to the picture's end.
    if data.count(b"\xff\xda") <= MAX_SCANS:
        return
    scans, at = 0, 2
    while scans <= MAX_SCANS:
        marker = _JPEG_MARKER.search(data, at)
        if marker is None or marker[0] == b"\xff\xd9" or len(data) < marker.end() + 2:
            return
        scans += marker[0] == b"\xff\xda"
        at = marker.end() + unpack_from(">H", data, marker.end())[0]
    raise ImageError(
        f"Expected {name} to be a JPEG of at most {MAX_SCANS} scans, got more; try saving it as a "
        "baseline JPEG."
    )


def _check_size(size: tuple[int, ...], name: str, max_pixels: int) -> None:
    width, height = size
    if not 0 < width * height <= max_pixels:
        raise ImageError(
            f"Expected {name} to have 1 to {max_pixels} pixels, got {width} x {height}; try "
            "resizing it."
        )


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    clear = image.info.get("transparency")
    if image.mode in ("I", "F"):
        raise ImageError(
            f"Expected {name} to have samples of known range, got mode {image.mode!r}; try scaling "
            "it to 8 bits."
        )
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255
        grey = np.asarray(image)
        high = (grey >> 8).astype(np.uint8)
        return Image.fromarray(
            high if clear is None else np.where(grey == clear, np.uint8(255), high)
        ).convert("RGB")
    if clear is not None or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        return _on_white(image.convert("RGBA"))
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(rgba: Image.Image) -> Image.Image:
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba)
    return white


def _from_array(array: np.ndarray, max_pixels: int) -> np.ndarray:
    grey = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
    if array.dtype != np.uint8 or not (grey or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(
            "Expected the array to be uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got "
            f"{array.dtype} {array.shape}; "
            "try scaling it to 0..255 and `.astype(numpy.uint8)`."
        )
    _check_size((array.shape[1], array.shape[0]), "the array", max_pixels)
    if grey:
        return np.repeat(
            array.reshape(*array.shape[:2], 1), 3, axis=2
        )  # (H, W) or (H, W, 1) -> (H, W, 3)
    if array.shape[2] == 4:
        return np.array(_on_white(Image.fromarray(np.ascontiguousarray(array))))
    return np.array(array, order="C", subok=False)


def _orientation(exif: object) -> int:
    """Return EXIF tag 274 of the first directory, 1 (upright) where there is none to read."""
    if not isinstance(exif, bytes):
        return 1
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (at,) = unpack_from(order + "I", tiff, 4)
        for entry in range(at + 2, at + 2 + 12 * unpack_from(order + "H", tiff, at)[0], 12):
            tag, kind = unpack_from(order + "HH", tiff, entry)
            if tag == 274:
                return int(unpack_from(order + {3: "H", 4: "I"}.get(kind, "H"), tiff, entry + 8)[0])
    except StructError:
        pass  # broken EXIF is common and says nothing about the pixels
    return 1


def _damaged(name: str, kind: str, error: Exception) -> ImageError:
    return ImageError(
        f"Expected {name} to be a whole {kind} picture, got damaged data ({error}); try opening "
        "and saving it again."
    )
