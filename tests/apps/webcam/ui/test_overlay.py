"""Drawing: on a copy, readable, and never a crash wherever a face is."""

from __future__ import annotations

import numpy as np
import pytest

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import labels, overlay
from apps.webcam.ui.overlay import (
    COLOURS,
    TEXT_PX,
    cached_label,
    draw,
    draw_on,
    render_label,
)
from core.types import UNCLEAR_AGE_YEARS
from tests.apps.webcam.conftest import reading


@pytest.fixture
def grey() -> np.ndarray:
    picture = np.full((480, 640, 3), 128, np.uint8)
    picture.setflags(write=False)
    return picture


def test_draws_on_a_copy(grey):
    out = draw(grey, [TrackedFace(1, reading())])
    assert out.shape == grey.shape
    assert out.dtype == np.uint8
    assert (grey == 128).all()
    assert (out != 128).any()
    assert out.flags.writeable


def test_no_face_no_ink(grey):
    assert (draw(grey, []) == grey).all()


def test_labels_of_a_camera_are_cached_and_those_of_a_photograph_are_not(grey):
    cached_label.cache_clear()
    draw(grey, [TrackedFace(1, reading(box=(200, 200, 100, 120)))])
    assert cached_label.cache_info().currsize == 1
    photo = draw(
        np.full((2400, 3200, 3), 128, np.uint8), [TrackedFace(2, reading(box=(900, 900, 600, 700)))]
    )
    assert (photo != 128).any()
    assert cached_label.cache_info().currsize == 1


@pytest.mark.parametrize("p, band", [(0.95, "high"), (0.8, "medium"), (0.5, "low")])
def test_the_box_has_the_colour_of_its_band(grey, p, band):
    out = draw(grey, [TrackedFace(1, reading(p=p, box=(200, 200, 100, 120)))])
    assert tuple(out[260, 200]) == COLOURS[band]


@pytest.mark.parametrize(
    "p, text, band",
    [(0.62, "1 afraid? 30", "low"), (0.66, "1 afraid 30", "medium"), (0.92, "1 afraid 30", "high")],
)
def test_uncertain_is_below_the_model_s_own_threshold(grey, p, text, band):
    face = reading("fear", p, limits={"emotion": 0.643}, box=(200, 200, 100, 120))
    assert labels.tag(1, face) == text
    out = draw(grey, [TrackedFace(1, face)])
    assert tuple(out[260, 200]) == COLOURS[band]
    chip = render_label(text, COLOURS[band], TEXT_PX)
    h, w = chip.shape[:2]
    region = out[200 - 3 - h : 200 - 3, 200 : 200 + w]
    assert np.abs(region.astype(int) - chip).max() <= 30, (
        "the picture carries these words, laid on with 88 % of their colour"
    )


@pytest.mark.parametrize(
    "female, text",
    [
        (0.5, "uncertain"),
        (0.59, "uncertain"),
        (0.61, "female 61 %"),
        (0.41, "uncertain"),
        (0.39, "male 61 %"),
    ],
)
def test_perceived_gender_near_even_is_uncertain_whatever_the_emotion(female, text):
    face = reading("happiness", 0.99, female=female, limits={"gender": 0.6})
    assert labels.emotion(face.prediction.emotion) == "happiness 99 %"
    assert labels.gender(face.prediction) == f"perceived gender: {text}"


def test_an_age_is_uncertain_above_the_model_s_width_and_unclear_above_a_third_of_a_life():
    limits = {"age": 20.0}
    narrow, wide, unclear = (
        reading(age=40, width=width, limits=limits) for width in (20, 22, UNCLEAR_AGE_YEARS + 1)
    )
    assert labels.age(narrow.prediction.age) == "30–50 years"
    assert labels.age(wide.prediction.age) == "age uncertain, 29–51 years"
    assert labels.age(unclear.prediction.age) == "age unclear"
    assert labels.tag(1, narrow) == "1 neutral 40"
    assert labels.tag(1, wide) == "1 neutral"
    assert labels.tag(1, unclear) == "1 neutral, age unclear"
    assert labels.sentence(1, unclear).endswith("age unclear.")
    assert labels.lines(unclear.prediction)[-1] == "age unclear"
    assert labels.age(reading(age=50, width=30).prediction.age) == "35–65 years", (
        "without a limit of the model only an unclear age is uncertain"
    )


def test_a_threshold_of_one_means_always_uncertain():
    face = reading("happiness", 0.9999, female=1.0, limits={"emotion": 1.0, "gender": 1.0})
    assert labels.emotion(face.prediction.emotion) == "uncertain, perhaps happiness"
    assert labels.gender(face.prediction) == "perceived gender: uncertain"
    assert face.band == "low"


def test_abstention_has_its_own_colour_and_words(grey):
    face = reading(box=(200, 200, 100, 120), abstained="too dark: more light on the face helps")
    assert tuple(draw(grey, [TrackedFace(1, face)])[260, 200]) == COLOURS[None]
    assert labels.tag(1, face) == "1 too dark"


def test_on_a_mirrored_picture_boxes_are_mirrored_and_the_writing_is_not():
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[:, :320] = 100
    face = TrackedFace(1, reading(box=(100, 200, 100, 120)))
    plain, mirrored = draw(picture, [face]), np.ascontiguousarray(picture[:, ::-1])
    draw_on(mirrored, [face], is_mirrored=True)
    assert mirrored[400, 600, 0] == 100
    assert mirrored[400, 10, 0] == 0
    assert tuple(mirrored[260, 640 - 100]) == tuple(plain[260, 100]) == COLOURS["medium"]
    chip = render_label(labels.tag(1, face.reading), COLOURS["medium"], TEXT_PX)
    ink = (chip == 255).all(axis=2)

    def written(canvas):
        h, w = ink.shape
        windows = np.lib.stride_tricks.sliding_window_view(
            (canvas > 225).all(axis=2)[100:260], (h, w)
        )[::1, ::1]
        return (windows & ink).sum(axis=(2, 3)).max() == ink.sum()

    assert written(plain)
    assert written(mirrored)


@pytest.mark.parametrize(
    "box",
    [
        (-50, -60, 100, 120),
        (600, 440, 100, 120),
        (0, 0, 640, 480),
        (-1e9, 5, 2e9, 9),
        (10, 10, 0.5, 0.5),
    ],
)
@pytest.mark.parametrize("shape", [(480, 640), (1, 1), (12, 20), (2000, 3000)])
def test_any_box_on_any_picture(box, shape):
    out = draw(np.zeros((*shape, 3), np.uint8), [TrackedFace(12, reading(box=box))])
    assert out.shape == (*shape, 3)


def test_every_face_of_a_crowd_has_its_number(monkeypatch, grey):
    """Twelve faces in rows, with room between them for a small number of two digits at most."""
    tags = []
    monkeypatch.setattr(overlay, "_paste", lambda canvas, chip, *_: tags.append(chip.shape))
    boxes = [(5.0 + 160 * (k % 4), 4.0 + 160 * (k // 4), 112.0, 148.0) for k in range(12)]
    draw(grey, [TrackedFace(i, reading(box=box)) for i, box in enumerate(boxes, 1)])
    assert len(tags) == 12
    assert len({height for height, *_ in tags}) == 2, "some of them are small"


def test_words():
    prediction = reading("happiness", 0.834, age=32, width=9, female=0.97).prediction
    assert labels.emotion(prediction.emotion) == "happiness 83 %"
    assert labels.gender(prediction) == "perceived gender: female 97 %"
    assert labels.age(prediction.age) == "28–36 years"
    assert labels.emotion(reading("fear", 0.6).prediction.emotion) == "uncertain, perhaps fear"
    assert labels.gender(reading(female=0.4).prediction) == "perceived gender: uncertain"
    assert labels.percent(0.9999) == "99 %"
    assert labels.sentence(2, reading("happiness", 0.9, age=32, width=8)) == (
        "Face 2: happiness, perceived gender female, 28–36 years."
    )
    assert labels.sentence(3, reading(abstained="too dark: more light helps")) == (
        "Face 3: no prediction, too dark: more light helps."
    )
