"""From a picture to readings: form, several faces, abstention, turned, dark and blurred faces."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.errors import ImageError
from core.faces import Haar, best_detector
from core.labels import FERPLUS8, GENDER2
from core.pipeline import Pipeline
from core.predictor import Predictor
from tests.core.artifacts.test_bundle import with_card


def test_the_answer_has_the_promised_form(tiny_bundle: Path, portrait: np.ndarray) -> None:
    kept = portrait.copy()
    reading = Pipeline(tiny_bundle)(portrait)
    assert np.array_equal(portrait, kept)
    (face,) = json.loads(json.dumps(reading.to_json()))
    assert set(face) == {
        "box",
        "score",
        "landmarks",
        "emotion",
        "gender",
        "age",
        "band",
        "uncertain",
        "not_given",
        "abstained",
        "turn",
        "searched_px",
        "timing_ms",
    }
    assert tuple(face["emotion"]) == FERPLUS8.labels and sum(
        face["emotion"].values()
    ) == pytest.approx(1)
    assert set(face["gender"]) == set(GENDER2.labels) and face["not_given"] == {}
    assert face["age"]["low"] <= face["age"]["value"] <= face["age"]["high"]
    assert set(face["timing_ms"]) == {"detect", "align", "net", "total"}
    assert face["timing_ms"]["total"] >= face["timing_ms"]["detect"] > 0


def test_no_face_gives_no_reading(tiny_bundle: Path) -> None:
    reading = Pipeline(tiny_bundle)(np.zeros((100, 100, 3), np.uint8))
    assert reading.faces == () and reading.to_json() == [] and reading.timing_ms["net"] >= 0


def test_several_faces_come_in_one_batch(tiny_bundle: Path, portrait: np.ndarray) -> None:
    two = np.concatenate([portrait, portrait], axis=1)
    reading = Pipeline(tiny_bundle)(two, long_side=1024)
    assert len(reading.faces) == 2
    a, b = sorted(reading.faces, key=lambda f: f.face.box[0])
    assert b.face.box[0] - a.face.box[0] == pytest.approx(512, abs=4)
    assert np.abs(a.prediction.emotion.p - b.prediction.emotion.p).max() < 0.05


def test_without_landmarks_it_works_too(tiny_bundle: Path, portrait: np.ndarray) -> None:
    face = Pipeline(tiny_bundle, Haar())(portrait).to_json()[0]
    assert face["landmarks"] is None and face["emotion"]


def test_a_dark_and_a_tiny_face_are_abstained_from(tiny_bundle: Path, portrait: np.ndarray) -> None:
    pipeline = Pipeline(tiny_bundle, best_detector()[0])
    dark = pipeline((portrait * 0.12).astype(np.uint8))
    assert all("dark" in (f.abstained or "") for f in dark.faces)
    small = cv2.resize(portrait, (110, 110), interpolation=cv2.INTER_AREA)
    canvas = np.full((240, 320, 3), 128, np.uint8)
    canvas[60:170, 100:210] = small
    readings = pipeline(canvas, 320).faces
    assert readings and all("small" in (f.abstained or "") for f in readings)


def test_the_shipped_model_reads_the_portrait(shipped_model: Path, portrait: np.ndarray) -> None:
    """Golden values of a public-domain portrait: a smiling woman of 36 years (Eileen Collins,
    1999).
    """
    predictor = Predictor(shipped_model)
    (face,) = Pipeline(predictor, best_detector()[0])(portrait).to_json()
    assert (
        max(face["emotion"], key=face["emotion"].get) == "happiness"
        and face["emotion"]["happiness"] > 0.8
    )
    assert face["gender"]["female"] > 0.8
    assert 22 < face["age"]["value"] < 48 and face["age"]["low"] < 40 < face["age"]["high"] + 12
    assert face["abstained"] is None


def test_a_path_bytes_and_a_picture_are_read_like_an_array(
    tiny_bundle: Path, portrait: np.ndarray, tmp_path: Path
) -> None:
    pipeline, path = Pipeline(tiny_bundle), tmp_path / "portrait.png"
    Image.fromarray(portrait).save(path)
    sources = [portrait, path, str(path), path.read_bytes(), Image.fromarray(portrait)]
    together = pipeline(sources)
    for source, reading in zip(sources, together, strict=True):
        (alone,), (batched,) = pipeline(source).faces, reading.faces
        assert alone.face == batched.face == together[0].faces[0].face
        assert alone.prediction.emotion.p == pytest.approx(batched.prediction.emotion.p, abs=1e-6)
    assert pipeline([]) == []


def test_pictures_of_a_list_keep_their_faces_apart(tiny_bundle: Path, portrait: np.ndarray) -> None:
    blank, two = np.zeros((100, 100, 3), np.uint8), np.concatenate([portrait, portrait], axis=1)
    readings = Pipeline(tiny_bundle)([two, blank, portrait])
    assert [len(r.faces) for r in readings] == [2, 0, 1]


@pytest.mark.parametrize(
    "picture", [None, 3, "", b"", np.zeros((9, 9), np.float64), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused_with_what_was_expected(
    tiny_bundle: Path, picture: object
) -> None:
    with pytest.raises(ImageError, match="Expected"):
        Pipeline(tiny_bundle)(picture)


def test_a_face_in_a_wide_photograph_is_found(shipped_model: Path, portrait: np.ndarray) -> None:
    panorama = np.full((900, 9000, 3), 127, np.uint8)
    panorama[200:712, 6500:7012] = portrait
    (face,) = Pipeline(shipped_model)(panorama).faces
    assert face.abstained is None and face.prediction.emotion.top == "happiness"


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_turned_portrait_is_read_as_the_upright_one(
    shipped_model: Path, portrait: np.ndarray, quarter: int
) -> None:
    pipeline = Pipeline(shipped_model)
    (upright,) = pipeline(portrait).faces
    (turned,) = pipeline(np.ascontiguousarray(np.rot90(portrait, quarter))).faces
    assert turned.abstained is None and turned.turn == 360 - 90 * quarter
    assert turned.prediction.emotion.top == upright.prediction.emotion.top
    assert turned.prediction.gender.top == upright.prediction.gender.top
    assert abs(turned.prediction.age.value - upright.prediction.age.value) < 3


@pytest.mark.parametrize("angle", [30, 45, 60, 75, 100, 200, 300])
def test_a_tilted_portrait_is_read_alike_or_not_at_all(
    shipped_model: Path, portrait: np.ndarray, angle: int
) -> None:
    tilted = np.asarray(Image.fromarray(portrait).rotate(angle, fillcolor=(128, 128, 128)))
    for face in Pipeline(shipped_model)(tilted).faces:
        assert face.abstained or face.prediction.emotion.top == "happiness"


def test_parts_of_a_face_are_not_read(shipped_model: Path, portrait: np.ndarray) -> None:
    pipeline = Pipeline(shipped_model)
    for part in (portrait[:120], portrait[:, :224], cv2.GaussianBlur(portrait, (0, 0), 10)):
        assert all(face.abstained for face in pipeline(part).faces)


def test_what_the_card_withholds_is_null_with_its_reason(
    tiny_bundle: Path, tmp_path: Path, portrait: np.ndarray
) -> None:
    adult = Pipeline(with_card(tiny_bundle, tmp_path, {"gender_from_age": 116.0}))
    (face,) = json.loads(json.dumps(adult(portrait).to_json()))
    assert face["gender"] is None and face["uncertain"]["gender"] is True
    assert face["not_given"] == {"gender": "of faces that look under 116 it is often wrong"}


@pytest.mark.parametrize("sigma", range(11))
def test_a_blurred_face_is_read_as_the_sharp_one_or_not_with_certainty(
    portrait: np.ndarray, sigma: int
) -> None:
    pipeline = Pipeline("assets/models/mien")
    (sharp,) = pipeline(portrait).faces
    blurred = cv2.GaussianBlur(portrait, (0, 0), sigma) if sigma else portrait
    faces = pipeline(blurred).faces
    assert sigma > 2 or len(faces) == 1
    for face in faces:
        emotion = face.prediction.emotion
        assert emotion is not None and sharp.prediction.emotion is not None
        is_read = face.abstained is None and not emotion.uncertain
        assert not is_read or emotion.top == sharp.prediction.emotion.top
        assert sigma > 2 or is_read, "a little blur is no reason to abstain"
