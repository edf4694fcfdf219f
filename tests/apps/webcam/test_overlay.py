"""Drawing: on a copy, readable, and never a crash wherever a face is."""

from __future__ import annotations

import numpy as np
import pytest

from apps.webcam import words
from apps.webcam.overlay import COLOURS, draw, label
from apps.webcam.track import Tracked
from tests.apps.webcam.conftest import reading


@pytest.fixture
def grey() -> np.ndarray:
    picture = np.full((480, 640, 3), 128, np.uint8)
    picture.setflags(write=False)
    return picture


def test_draws_on_a_copy(grey):
    out = draw(grey, [Tracked(1, reading())])
    assert out.shape == grey.shape
    assert out.dtype == np.uint8
    assert (grey == 128).all()
    assert (out != 128).any()
    assert out.flags.writeable


def test_no_face_no_ink(grey):
    assert (draw(grey, []) == grey).all()


@pytest.mark.parametrize("p, band", [(0.95, "high"), (0.8, "medium"), (0.5, "low")])
def test_the_box_has_the_colour_of_its_band(grey, p, band):
    out = draw(grey, [Tracked(1, reading(p=p, box=(200, 200, 100, 120)))])
    assert tuple(out[260, 200]) == COLOURS[band]


def test_abstention_has_a_colour_and_words_of_its_own(grey):
    face = reading(box=(200, 200, 100, 120), abstained="too dark: more light on the face helps")
    assert tuple(draw(grey, [Tracked(1, face)])[260, 200]) == COLOURS[None]
    assert words.lines(face) == ("no reading", "too dark")


def test_mirrored_flips_the_picture_and_the_box_but_not_the_writing():
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[:, :320] = 100
    face = Tracked(1, reading(box=(100, 200, 100, 120)))
    plain, mirrored = draw(picture, [face]), draw(picture, [face], mirrored=True)
    assert mirrored[400, 600, 0] == 100
    assert mirrored[400, 10, 0] == 0
    assert tuple(mirrored[260, 640 - 100]) == tuple(plain[260, 100]) == COLOURS["medium"]
    chip = label((f"1 · {words.lines(face.reading)[0]}", *words.lines(face.reading)[1:]), COLOURS["medium"], 13)
    ink = (chip == 255).all(axis=2)

    def written(canvas):
        h, w = ink.shape
        windows = np.lib.stride_tricks.sliding_window_view((canvas > 225).all(axis=2)[100:260], (h, w))[::1, ::1]
        return (windows & ink).sum(axis=(2, 3)).max() == ink.sum()

    assert written(plain)
    assert written(mirrored)


@pytest.mark.parametrize("box", [(-50, -60, 100, 120), (600, 440, 100, 120), (0, 0, 640, 480), (-1e9, 5, 2e9, 9), (10, 10, 0.5, 0.5)])
@pytest.mark.parametrize("shape", [(480, 640), (1, 1), (12, 20), (2000, 3000)])
def test_any_box_on_any_picture(box, shape):
    out = draw(np.zeros((*shape, 3), np.uint8), [Tracked(12, reading(box=box))])
    assert out.shape == (*shape, 3)


def test_words():
    said = reading("happiness", 0.834, age=32, width=9, female=0.97).prediction
    assert words.emotion(said.emotion) == "happiness 83 %"
    assert words.gender(said.gender) == "perceived gender: female 97 %"
    assert words.age(said.age) == "28–36 years"
    assert words.emotion(reading("fear", 0.6).prediction.emotion) == "uncertain, perhaps fear"
    assert words.gender(reading(female=0.4).prediction.gender) == "perceived gender: uncertain"
    assert words.percent(0.9999) == "99 %"
    assert words.lines(reading())[1].startswith("perceived gender")
