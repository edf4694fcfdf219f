"""core.image: whatever a file is made of, it is decoded or refused in bounded time and memory."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from struct import pack, unpack_from

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import ImageError
from core.image import limits, load, probe
from core.image.decode import _PARSERS
from scripts.fuzz import pictures
from scripts.fuzz.case import run_case
from scripts.fuzz.targets import pictures as target
from tests.conftest import SLOWNESS
from tests.core.image.picture_files import FORMATS, chunk, encode, exif, quarters, refused

MAKERS = {maker.__name__: maker for maker in pictures.MAKERS}


@pytest.mark.parametrize("name", MAKERS)
def test_demanding_files_end_within_a_second_and_400_mb(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(target, "_mutated", lambda rng: MAKERS[name](rng))
    monkeypatch.setattr(target, "_demanding", lambda rng: MAKERS[name](rng))
    for case in range(4):
        result = run_case(target, name, 0, case, [], debug=True)
        assert result.seconds < SLOWNESS and result.memory_mb < 400, (case, result)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("CMYK", {"progressive": True}),
        ("RGB", {"progressive": True, "subsampling": 0}),
        ("RGB", {"progressive": True}),
        ("RGB", {}),
    ],
)
def test_the_decoders_memory_limits_the_pixels(mode: str, options: dict[str, int]) -> None:
    """More coefficients per pixel, fewer pixels; the largest that is accepted needs the limit."""
    data = bytearray(encode(Image.new(mode, (64, 64)), "JPEG", **options))
    start = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    cost = _PARSERS["JPEG"](bytes(data), "it").bytes_per_pixel
    assert cost == {4: 8 if mode == "CMYK" else 1}.get(data[start + 9], cost)
    side = int(min(limits.MAX_PIXELS, limits.MAX_DECODED_BYTES / cost) ** 0.5)
    for accepted in (side, side + 1):
        data[start + 5 : start + 9] = pack(">HH", accepted, accepted)
        if accepted == side:
            assert probe(bytes(data)) == ("JPEG", side, side)
        else:
            refused(bytes(data), match=f"{side + 1} x {side + 1}")


@pytest.mark.parametrize("kind", FORMATS)
@given(value=st.one_of(st.integers(0, 12), st.integers(0, 2**16 - 1)))
@settings(max_examples=40, deadline=None)
def test_probe_and_load_agree_on_every_orientation(kind: str, value: int) -> None:
    picture = Image.fromarray(quarters())
    options = {"exif": exif(value)} if kind in ("JPEG", "PNG", "WEBP") else {}
    data = encode(picture, kind, **options)
    _, width, height = probe(data)
    assert load(data).shape == (height, width, 3)
    assert (width < height) == (bool(options) and value in (5, 6, 7, 8))


@given(st.binary(max_size=64), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_metadata_changes_no_pixel(content: bytes, repeats: int) -> None:
    """What stands between the parts of a file that make the picture is left out."""
    jpeg, png, webp = (encode(quarters(), kind) for kind in ("JPEG", "PNG", "WEBP"))
    segment = b"\xff\xee" + pack(">H", len(content) + 2) + content
    fill = b"\xff" * len(content)
    block = b"abcd" + pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    riff = webp[8:] + block * repeats
    changed = {
        "JPEG": jpeg[:2] + (segment + fill) * repeats + jpeg[2:],
        "PNG": png[:33] + (chunk(b"abCd", content) + chunk(b"zTXt", content)) * repeats + png[33:],
        "WEBP": b"RIFF" + pack("<I", len(riff)) + riff,
    }
    if not content.startswith(b"Adobe"):  # which says how colours are stored
        assert (load(changed["JPEG"]) == load(jpeg)).all()
    assert (load(changed["PNG"]) == load(png)).all()
    assert (load(changed["WEBP"]) == load(webp)).all()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pixels_in_many_chunks(size: int) -> None:
    data = encode(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8), "PNG")
    start = data.index(b"IDAT")
    body = data[start + 4 : start + 4 + unpack_from(">I", data, start - 4)[0]]
    parts = b"".join(chunk(b"IDAT", body[i : i + size]) for i in range(0, len(body), size))
    assert (load(data[: start - 4] + parts + data[start + 8 + len(body) :]) == load(data)).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_what_is_passed_on_is_decoded_as_pillow_decodes_the_file(kind: str) -> None:
    image = Image.fromarray(quarters())
    options = (
        {"exif": exif(1), "icc_profile": bytes(300)} if kind != "GIF" else {"comment": "hello"}
    )
    data = encode(image, kind, **options)
    with Image.open(io.BytesIO(data)) as expected:
        assert (load(data) == np.asarray(expected.convert("RGB"))).all()
    assert len(_PARSERS[kind](data, "it").data) < len(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("rows", [1, 7, 48])
def test_bands_make_no_difference(
    orientation: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 4), np.uint8)
    image = Image.fromarray(noise)
    image.info["exif"] = exif(orientation).tobytes()
    expected = load(image)
    monkeypatch.setattr("core.image.pixels.BAND_PIXELS", 64 * rows)
    assert (load(image) == expected).all()


@pytest.mark.parametrize("kind", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_rare_codings_are_refused(kind: int) -> None:
    data = bytearray(encode(quarters(), "JPEG"))
    data[data.index(b"\xff\xc0") + 1] = kind
    refused(bytes(data), match="baseline or progressive")


def test_too_many_blocks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BLOCKS", 20)
    jpeg, png = encode(quarters(), "JPEG"), encode(quarters(), "PNG")
    assert load(jpeg).shape == load(png).shape == (48, 64, 3)
    refused(jpeg[:2] + b"\xff\xfe\0\2" * 20 + jpeg[2:], match="blocks")
    refused(png[:33] + chunk(b"tEXt", b"") * 20 + png[33:], match="blocks")
    with pytest.raises(ImageError, match="blocks"):
        probe(png[:33] + chunk(b"tEXt", b"") * 20 + png[33:])
