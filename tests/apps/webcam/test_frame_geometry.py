"""Frames as players show them: all eight display matrices, and pixels that are not square."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from apps.webcam.decoding.frame_geometry import display_matrix, displayed, upright_rgb

MATRICES = [
    *[(x, 0, 0, y) for x in (1, -1) for y in (1, -1)],
    *[(0, x, y, 0) for x in (1, -1) for y in (1, -1)],
]


def by_definition(rgb: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Each pixel moved by x' = a x + c y, y' = b x + d y, the result moved into view."""
    a, b, c, d = matrix
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width]
    new_x, new_y = a * x + c * y, b * x + d * y
    out = np.empty(((np.ptp(new_y) + 1), (np.ptp(new_x) + 1), 3), rgb.dtype)
    out[new_y - new_y.min(), new_x - new_x.min()] = rgb
    return out


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_matrix_moves_every_pixel_where_it_says(matrix: tuple[int, int, int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    scaled = tuple(65536 * v for v in matrix)
    assert np.array_equal(displayed(rgb, scaled), by_definition(rgb, matrix))


def film(path: Path, rgb: np.ndarray, aspect: Fraction | None, matrix: tuple[int, ...]) -> Path:
    """One second of a still picture, with a display matrix as phones write it."""
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=5, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd")
    at += 8 + (32 if data[at + 4] else 20) + 16
    a, b, c, d = (v << 16 for v in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("aspect", [None, Fraction(4, 3), Fraction(2)])
def test_a_video_is_shown_as_it_was_meant(
    tmp_path: Path, portrait: np.ndarray, matrix: tuple[int, int, int, int], aspect: Fraction | None
) -> None:
    meant = portrait[:480, :480]
    a, b, c, d = matrix
    stored = np.ascontiguousarray(displayed(meant, (a, c, b, d)))  # the inverse is the transpose
    width = round(480 / float(aspect or 1))
    stored = cv2.resize(stored, (width, 480), interpolation=cv2.INTER_AREA)
    path = film(tmp_path / "v.mp4", stored, aspect, matrix)
    with av.open(path) as reader:
        stream = reader.streams.video[0]
        frame = next(reader.decode(stream))
        shown = upright_rgb(frame, 1280, stream.sample_aspect_ratio, VideoReformatter())
        assert np.sign(display_matrix(frame)).tolist() == list(matrix)
    assert shown.shape == (480, 480, 3)
    difference = np.abs(shown.astype(int) - meant.astype(int)).mean()
    assert difference < 8, f"mean difference {difference:.1f} of 255"
