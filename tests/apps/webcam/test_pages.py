"""The work behind the tabs without a server: frames, images, uploads, start-up."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import replace
from functools import partial
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from apps.webcam import image_io, uploads
from apps.webcam.__main__ import main
from apps.webcam.tabs import image as image_tab
from apps.webcam.tabs import video, webcam
from apps.webcam.ui import texts
from core import image
from core.errors import UserError
from core.faces import STILL_SIDE
from core.pipeline import Pipeline
from tests.apps.webcam.conftest import ROOT


def data_url(rgb: np.ndarray, kind: str = "PNG") -> dict:
    out = BytesIO()
    Image.fromarray(rgb).save(out, kind)
    return {"url": f"data:image/{kind.lower()};base64," + base64.b64encode(out.getvalue()).decode()}


@pytest.fixture
def upload_dir(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "upload_folder", lambda: tmp_path / "up")
    (tmp_path / "up" / "abc").mkdir(parents=True)
    return tmp_path / "up" / "abc"


def test_serving_never_imports_torch():
    code = (
        "import sys, apps.webcam.serve, apps.webcam.__main__; "
        "banned = {'torch', 'timm', 'streamlit', 'skimage', 'sklearn', 'matplotlib'}; "
        "assert not banned & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_the_frame_is_predicted_unmirrored_and_shown_mirrored(
    pipeline: Pipeline, frame: np.ndarray
):
    pictures = []

    class Spy:
        def read_frame(self, picture, *args):
            pictures.append(picture.copy())
            return pipeline.read_frame(picture, *args)

    annotated, cards, readout = asyncio.run(
        webcam.process_frame(
            Spy(), data_url(np.ascontiguousarray(frame[:, ::-1])), webcam.VisitorState()
        )
    )
    assert (pictures[0] == frame).all()
    jpeg = cv2.imdecode(
        np.frombuffer(base64.b64decode(annotated["url"].split(",")[1]), np.uint8), cv2.IMREAD_COLOR
    )
    assert np.abs(jpeg[470, ::-1, ::-1].astype(int) - frame[470]).mean() < 12, (
        "far from the box, it is the mirrored frame"
    )
    assert "data-face='1'" in cards
    for step in ("decode", "detect", "align", "net", "draw", "total"):
        assert f"<dt>{step}</dt>" in readout


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_turned_camera_s_box_is_drawn_where_the_visitor_sees_the_face(
    pipeline: Pipeline, frame: np.ndarray, quarter: int
):
    (upright,) = pipeline(frame).faces
    x, y, w, h = (round(v) for v in upright.face.box)
    outline = cv2.rectangle(np.zeros_like(frame), (x, y), (x + w, y + h), (255, 255, 255), 2)
    turned, outline = (
        np.ascontiguousarray(np.rot90(picture, quarter)[:, ::-1]) for picture in (frame, outline)
    )
    visitor = webcam.VisitorState()
    annotated, cards, _ = asyncio.run(webcam.process_frame(pipeline, data_url(turned), visitor))
    assert "no whole" not in cards and "data-face='1'" in cards
    data = np.frombuffer(base64.b64decode(annotated["url"].split(",")[1]), np.uint8)
    shown = cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1]
    is_changed = np.abs(shown.astype(int) - turned).max(axis=2) > 40
    assert is_changed[outline[:, :, 0] > 0].mean() > 0.6 > 10 * is_changed.mean()


def test_a_visitor_keeps_the_face_and_gets_a_rate(pipeline: Pipeline, frame: np.ndarray):
    visitor, payload = webcam.VisitorState(), data_url(frame, "JPEG")
    pages = [asyncio.run(webcam.process_frame(pipeline, payload, visitor)) for _ in range(4)]
    assert all("data-face='1'" in cards for _, cards, _ in pages)
    assert 0 < visitor.frame_rate(visitor.frame_times[-1] + 0.01) < 1000
    deepcopy(webcam.VisitorState())  # Gradio copies the state's initial value


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"url": "data:image/jpeg;base64,!!"},
        {"url": "data:image/jpeg;base64,AAAA"},
        {"url": "http://x/y"},
    ],
)
def test_a_bad_frame_is_a_message(pipeline: Pipeline, payload):
    annotated, cards, _ = asyncio.run(
        webcam.process_frame(pipeline, payload, webcam.VisitorState())
    )
    assert annotated is None
    assert "role='alert'" in cards


def test_too_large_a_frame_is_refused(pipeline: Pipeline):
    _, cards, _ = asyncio.run(
        webcam.process_frame(
            pipeline, data_url(np.zeros((2000, 2000, 3), np.uint8)), webcam.VisitorState()
        )
    )
    assert "2000 x 2000" in cards


def test_only_uploads_are_read(upload_dir, tmp_path, portrait):
    secret = tmp_path / "secret.png"
    Image.fromarray(portrait).save(secret)
    for path in (secret, upload_dir / ".." / ".." / "secret.png"):
        with pytest.raises(UserError, match="outside the upload folder"):
            image_io.decode_still({"path": str(path)})
    (upload_dir / "link.png").symlink_to(secret)
    with pytest.raises(UserError, match="outside the upload folder"):
        image_io.decode_still({"path": str(upload_dir / "link.png")})


def test_an_upload_is_read_and_then_deleted(upload_dir, portrait, monkeypatch):
    monkeypatch.setattr(uploads, "delete_later", partial(uploads.delete_later, delay_s=0.2))
    Image.fromarray(portrait).save(upload_dir / "a.png")
    assert (image_io.decode_still({"path": str(upload_dir / "a.png")}) == portrait).all()
    for _ in range(100):
        if not upload_dir.exists():
            return
        time.sleep(0.05)
    pytest.fail("still there")


def test_uploading_again_postpones_the_deletion(upload_dir):
    file = upload_dir / "a.bin"
    file.write_bytes(b"1")
    uploads.delete_later(file, 1.2)
    time.sleep(0.8)
    file.write_bytes(b"1")  # another visitor, same content, same place
    time.sleep(0.7)
    assert file.exists()
    time.sleep(1.5)
    assert not file.exists()


def test_messages_do_not_show_paths_of_the_server(upload_dir, pipeline: Pipeline):
    (upload_dir / "x.jpg").write_text("hello")
    annotated, cards, _ = image_tab.process_upload(pipeline, {"path": str(upload_dir / "x.jpg")})
    assert annotated is None
    assert "Expected the picture to be a JPEG" in cards
    assert str(upload_dir) not in cards
    _, cards, _ = image_tab.process_upload(pipeline, {"path": str(upload_dir / "gone.jpg")})
    assert "upload it again" in cards
    assert str(upload_dir) not in cards


def test_one_pixel_and_no_face_are_no_errors(pipeline: Pipeline):
    for shape in ((1, 1, 3), (300, 400, 3)):
        annotated, cards, _ = image_tab.process_image(pipeline, np.full(shape, 128, np.uint8))
        assert annotated is not None
        assert f"No face found in this image of {shape[1]} × {shape[0]}" in cards


def test_a_group_is_numbered_from_the_left(pipeline: Pipeline, portrait: np.ndarray):
    group = np.concatenate([portrait] * 3, axis=1)
    _, cards, _ = image_tab.process_image(pipeline, group)
    assert cards.count("<section") == 3
    assert (
        cards.index("data-face='1'") < cards.index("data-face='2'") < cards.index("data-face='3'")
    )


def test_every_example_has_a_face_and_a_source(pipeline: Pipeline):
    sources = (ROOT / "apps/webcam/examples/README.md").read_text("utf-8")
    assert len(image_tab.EXAMPLES) >= 4
    assert f"`{video.EXAMPLE.name}`" in sources
    for index, path in enumerate(image_tab.EXAMPLES):
        assert f"`{path.name}`" in sources
        assert "data-face='1'" in image_tab.process_example(pipeline, index)[1]


def test_predict_json_is_the_pipelines_prediction(pipeline: Pipeline, portrait: np.ndarray):
    faces, expected = (
        image_tab.predict_json(pipeline, data_url(portrait)),
        pipeline(portrait, STILL_SIDE).to_json(),
    )
    for face in [*faces, *expected]:
        assert set(face.pop("timing_ms")) == {"detect", "align", "net", "total"}
    assert faces == expected


def test_about_has_the_card_and_the_rules(pipeline: Pipeline):
    text = texts.about(pipeline, 2)
    for part in (
        "at work or in education",
        "perceived gender",
        "agreed",
        pipeline.detector.name,
        "api_name",
    ):
        assert part.lower() in text.lower()
    assert pipeline.predictor.card.name in texts.card_markdown(pipeline.predictor.card)


def test_about_has_the_model_s_own_thresholds(pipeline: Pipeline):
    card = replace(
        pipeline.predictor.card, thresholds={"emotion": 0.643, "gender": 0.6, "age": 23.0}
    )
    text = texts.confidence_bands(card)
    assert "| low | under 64 % |" in text and "| medium | 64 % to 90 % |" in text
    assert (
        "an emotion under 64.3 %; a perceived gender under 60.0 %" in text
        and "wider than 23 years" in text
    )
    none = texts.confidence_bands(replace(card, thresholds={}))
    assert "| low | under 70 % |" in none and "no thresholds of its own" in none
    never = texts.confidence_bands(replace(card, thresholds={"emotion": 1.0, "gender": 0.95}))
    assert "an emotion always" in never and "| high |" not in never and "| low | any |" in never


def test_a_missing_model_is_exit_status_2_with_a_way_out(tmp_path, capsys):
    assert main(["--model", str(tmp_path / "none"), "--port", "0"]) == 2
    assert "train export" in capsys.readouterr().err


def test_image_decoding_is_core_image_alone(portrait):
    assert (image_io.decode_still(data_url(portrait)) == image.load(portrait)).all()
