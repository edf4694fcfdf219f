from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.faces import Haar, best_detector
from core.labels import FERPLUS8, GENDER2
from core.pipeline import Pipeline
from core.predictor import Predictor


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
        "abstained",
        "timing_ms",
    }
    assert tuple(face["emotion"]) == FERPLUS8.labels and sum(
        face["emotion"].values()
    ) == pytest.approx(1)
    assert set(face["gender"]) == set(GENDER2.labels)
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
    import cv2

    pipeline = Pipeline(tiny_bundle, best_detector()[0])
    dark = pipeline((portrait * 0.12).astype(np.uint8))
    assert all("dark" in (f.abstained or "") for f in dark.faces)
    small = cv2.resize(portrait, (110, 110), interpolation=cv2.INTER_AREA)
    canvas = np.full((240, 320, 3), 128, np.uint8)
    canvas[60:170, 100:210] = small
    readings = pipeline(canvas).faces
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
