"""What stands behind the pages, without a server: frames, pictures, uploads, start-up."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import replace
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from apps.webcam import image_io
from apps.webcam import uploads as leftovers
from apps.webcam.__main__ import main
from apps.webcam.tabs import image as still
from apps.webcam.tabs import video, webcam
from apps.webcam.tabs.video import Files
from apps.webcam.ui import texts
from core import image
from core.errors import UserError
from core.faces import STILL_SIDE
from core.pipeline import Pipeline
from tests.apps.webcam.conftest import ROOT
from tests.apps.webcam.test_video_io import film


def data_url(rgb: np.ndarray, kind: str = "PNG") -> dict:
    out = BytesIO()
    Image.fromarray(rgb).save(out, kind)
    return {"url": f"data:image/{kind.lower()};base64," + base64.b64encode(out.getvalue()).decode()}


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "up"))
    (tmp_path / "up" / "abc").mkdir(parents=True)
    return tmp_path / "up" / "abc"


def test_serving_never_imports_torch():
    code = (
        "import sys, apps.webcam.serve, apps.webcam.__main__; "
        "assert not {'torch', 'timm', 'streamlit', 'skimage', 'sklearn', 'matplotlib'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_the_frame_is_read_unmirrored_and_shown_mirrored(pipeline: Pipeline, frame: np.ndarray):
    seen = []

    class Spy:
        def __call__(self, picture, *args):
            seen.append(picture.copy())
            return pipeline(picture, *args)

    shown, cards, readout = webcam.step(
        Spy(), data_url(np.ascontiguousarray(frame[:, ::-1])), webcam.Visitor()
    )
    assert (seen[0] == frame).all()
    jpeg = cv2.imdecode(
        np.frombuffer(base64.b64decode(shown["url"].split(",")[1]), np.uint8), cv2.IMREAD_COLOR
    )
    assert np.abs(jpeg[470, ::-1, ::-1].astype(int) - frame[470]).mean() < 12, (
        "far from the box, it is the mirrored frame"
    )
    assert "data-face='1'" in cards
    for stage in ("decode", "detect", "align", "net", "draw", "total"):
        assert f"<dt>{stage}</dt>" in readout


def test_a_visitor_keeps_the_face_and_gets_a_rate(pipeline: Pipeline, frame: np.ndarray):
    visitor, payload = webcam.Visitor(), data_url(frame, "JPEG")
    pages = [webcam.step(pipeline, payload, visitor) for _ in range(4)]
    assert all("data-face='1'" in cards for _, cards, _ in pages)
    assert 0 < visitor.rate(visitor.times[-1] + 0.01) < 1000
    deepcopy(webcam.Visitor())  # Gradio copies the state's initial value


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
    shown, cards, _ = webcam.step(pipeline, payload, webcam.Visitor())
    assert shown is None
    assert "role='alert'" in cards


def test_too_large_a_frame_is_refused(pipeline: Pipeline):
    _, cards, _ = webcam.step(
        pipeline, data_url(np.zeros((2000, 2000, 3), np.uint8)), webcam.Visitor()
    )
    assert "2000 x 2000" in cards


def test_only_uploads_are_read(uploads, tmp_path, portrait):
    secret = tmp_path / "secret.png"
    Image.fromarray(portrait).save(secret)
    for path in (secret, uploads / ".." / ".." / "secret.png"):
        with pytest.raises(UserError, match="outside the upload folder"):
            image_io.decode({"path": str(path)})
    (uploads / "link.png").symlink_to(secret)
    with pytest.raises(UserError, match="outside the upload folder"):
        image_io.decode({"path": str(uploads / "link.png")})


def test_an_upload_is_read_and_then_deleted(uploads, portrait, monkeypatch):
    monkeypatch.setattr(leftovers, "GRACE_S", 0.2)
    monkeypatch.setattr(leftovers.forget, "__defaults__", (0.2,))
    Image.fromarray(portrait).save(uploads / "a.png")
    assert (image_io.decode({"path": str(uploads / "a.png")}) == portrait).all()
    for _ in range(100):
        if not uploads.exists():
            return
        time.sleep(0.05)
    pytest.fail("still there")


def test_uploading_again_postpones_the_deletion(uploads):
    file = uploads / "a.bin"
    file.write_bytes(b"1")
    leftovers.forget(file, 1.2)
    time.sleep(0.8)
    file.write_bytes(b"1")  # another visitor, same content, same place
    time.sleep(0.7)
    assert file.exists()
    time.sleep(1.5)
    assert not file.exists()


def test_messages_do_not_show_paths_of_the_server(uploads, pipeline: Pipeline):
    (uploads / "x.jpg").write_text("hello")
    shown, cards, _ = still.upload(pipeline, {"path": str(uploads / "x.jpg")})
    assert shown is None
    assert "Expected the picture to be a JPEG" in cards
    assert str(uploads) not in cards
    _, cards, _ = still.upload(pipeline, {"path": str(uploads / "gone.jpg")})
    assert "upload it again" in cards
    assert str(uploads) not in cards


def test_one_pixel_and_no_face_are_answers(pipeline: Pipeline):
    for shape in ((1, 1, 3), (300, 400, 3)):
        shown, cards, _ = still.read(pipeline, np.full(shape, 128, np.uint8))
        assert shown is not None
        assert f"No face found in this picture of {shape[1]} × {shape[0]}" in cards


def test_a_group_is_numbered_from_the_left(pipeline: Pipeline, portrait: np.ndarray):
    group = np.concatenate([portrait] * 3, axis=1)
    _, cards, _ = still.read(pipeline, group)
    assert cards.count("<section") == 3
    assert (
        cards.index("data-face='1'") < cards.index("data-face='2'") < cards.index("data-face='3'")
    )


def test_every_example_has_a_face_and_a_source(pipeline: Pipeline):
    sources = (ROOT / "apps/webcam/examples/README.md").read_text("utf-8")
    assert still.EXAMPLES
    for index, path in enumerate(still.EXAMPLES):
        assert f"`{path.name}`" in sources
        assert "data-face='1'" in still.example(pipeline, index)[1]


def test_as_json_is_the_pipelines_answer(pipeline: Pipeline, portrait: np.ndarray):
    got, expected = (
        still.as_json(pipeline, data_url(portrait)),
        pipeline(portrait, STILL_SIDE).to_json(),
    )
    for face in [*got, *expected]:
        assert set(face.pop("timing_ms")) == {"detect", "align", "net", "total"}
    assert got == expected


def test_about_has_the_card_and_the_rules(pipeline: Pipeline):
    text = texts.about(pipeline)
    for part in (
        "at work or in education",
        "perceived gender",
        "agreed",
        pipeline.detector.name,
        "api_name",
    ):
        assert part.lower() in text.lower()
    assert pipeline.predictor.card.name in texts.from_bundle(pipeline.predictor.card)


def test_about_tells_the_model_s_own_limits(pipeline: Pipeline):
    card = replace(
        pipeline.predictor.card, thresholds={"emotion": 0.643, "gender": 0.6, "age": 33.0}
    )
    text = texts.how_sure(card)
    assert "| low | under 64 % |" in text and "| medium | 64 % to 90 % |" in text
    assert (
        "an emotion under 64.3 %; a perceived gender under 60.0 %" in text
        and "wider than 33 years" in text
    )
    none = texts.how_sure(replace(card, thresholds={}))
    assert "| low | under 70 % |" in none and "no limits of its own" in none
    never = texts.how_sure(replace(card, thresholds={"emotion": 1.0, "gender": 0.95}))
    assert "an emotion always" in never and "| high |" not in never and "| low | any |" in never


def test_files_of_a_visitor_are_theirs_alone_and_go(uploads):
    mine, other = Files(), Files()
    folder = mine.fresh()
    assert folder.stat().st_mode & 0o077 == 0
    assert folder != other.fresh()
    (folder / "x").write_text("x")
    assert not mine.fresh().joinpath("x").exists()
    assert not folder.exists()
    mine.delete()
    mine.delete()


def test_a_stopped_video_says_so_last_and_leaves_nothing(uploads, pipeline, frame, monkeypatch):
    monkeypatch.setattr(video, "TELL_S", 0.0)
    source = film(uploads / "long.mp4", [frame] * 20)
    files = Files()
    told = video.run(pipeline, {"path": str(source)}, files)
    texts_so_far = [next(told)[1], next(told)[1]]
    assert "Opening" in texts_so_far[0] and "of video read" in texts_so_far[1]
    files.stop()
    (*_, last) = told
    assert "Stopped" in last[1]
    assert files.folder is None and not list(
        uploads.parent.rglob("mien.mp4")
    )  # the upload itself goes a second later
    again = video.run(
        pipeline, {"path": str(film(uploads / "short.mp4", [frame] * 2))}, files
    )  # an old wish does not stop the next
    (*_, last) = again
    assert "2 frames read" in last[1]
    files.delete()


def test_a_missing_model_is_exit_status_2_and_says_what_to_do(tmp_path, capsys):
    assert main(["--model", str(tmp_path / "none"), "--port", "0"]) == 2
    assert "train export" in capsys.readouterr().err


def test_image_decoding_is_core_image_alone(portrait):
    assert (image_io.decode(data_url(portrait)) == image.load(portrait)).all()
