"""core.image: no file makes it crash or hang, nothing but pictures comes out, and nothing outside
changes.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from core.errors import ImageError
from core.image import load
from tests.core.image.picture_files import FORMATS, encode, exif, quarters, refused

SEEDS = {
    **{kind: encode(quarters()[::3, ::3], kind) for kind in FORMATS},
    "progressive": encode(quarters(), "JPEG", progressive=True, exif=exif(6)),
    "CMYK": encode(Image.fromarray(quarters()).convert("CMYK"), "JPEG"),
    "palette": encode(
        Image.fromarray(quarters()).quantize(4), "PNG", transparency=bytes([0, 128]), exif=exif(8)
    ),
    "RGBA": encode(Image.fromarray(quarters()[:8, :8]).convert("RGBA"), "PNG"),
    "16": encode(Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8)), "PNG"),
    "WEBP alpha": encode(
        Image.new("RGBA", (9, 7), (9, 8, 7, 6)),
        "WEBP",
        save_all=True,
        append_images=[Image.new("RGBA", (9, 7))],
    ),
    "GIF animation": encode(
        quarters()[::4],
        "GIF",
        save_all=True,
        append_images=[Image.fromarray(quarters()[1::4])],
        transparency=1,
    ),
}
MAGIC = (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 ", b"GIF89a", b"BM")


def decodes_or_refuses(data: bytes) -> None:
    try:
        result = load(data, max_pixels=10**6)
    except ImageError as error:
        assert str(error).startswith("Expected ")
    else:
        assert (
            result.dtype == np.uint8
            and result.ndim == 3
            and result.shape[2] == 3
            and result.size > 0
            and result.flags.c_contiguous
        )


@settings(max_examples=400, deadline=None)
@given(start=st.sampled_from(MAGIC), rest=st.binary(max_size=300))
def test_fuzz_random_bytes(start: bytes, rest: bytes) -> None:
    decodes_or_refuses(start + rest)


@pytest.mark.parametrize("seed", SEEDS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_fuzz_damaged_files(seed: str, data: st.DataObject) -> None:
    content = bytearray(SEEDS[seed])
    # Most positions are pixels: half of the flips go to the header, where the decisions are made.
    position = st.one_of(
        st.integers(0, min(200, len(content) - 1)), st.integers(0, len(content) - 1)
    )
    for at, value in data.draw(st.lists(st.tuples(position, st.integers(0, 255)), max_size=8)):
        content[at] = value
    decodes_or_refuses(
        bytes(content[: data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))])
    )


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
        "print([m for m in sys.modules if m in ('torch', 'cv2', 'PIL.TiffImagePlugin', "
        "'PIL.EpsImagePlugin', 'PIL.PsdImagePlugin')])"
    )
    root = Path(__file__).parents[3]
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
