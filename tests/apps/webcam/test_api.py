"""The JSON API of a running demo, and what it must not do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.webcam.ui import http_api
from core.faces import STILL_SIDE
from core.pipeline import Pipeline
from tests.apps.webcam.conftest import ROOT, Server, start


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[object]:
    from gradio_client import Client

    opened = Client(server.url, verbose=False, analytics_enabled=False)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def png(tmp_path_factory, portrait: np.ndarray) -> Path:
    """PNG, so that both sides see the same pixels."""
    path = tmp_path_factory.mktemp("api") / "portrait.png"
    Image.fromarray(portrait).save(path)
    return path


def predict(client, path: Path) -> list[dict]:
    from gradio_client import handle_file

    return client.predict(handle_file(str(path)), api_name="/predict")


def without_time(faces: list[dict]) -> list[dict]:
    return [{k: v for k, v in face.items() if k != "timing_ms"} for face in faces]


def test_the_api_returns_what_python_does(client, png, portrait, pipeline: Pipeline):
    faces = predict(client, png)
    assert list(faces[0]) == [
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
    ]
    assert len(faces[0]["emotion"]) == 8
    assert without_time(faces) == without_time(
        json.loads(json.dumps(pipeline(portrait, STILL_SIDE).to_json()))
    )


@pytest.mark.parametrize("language", ["python", "batch", "curl"])
def test_the_examples_of_page_and_document_run(
    server: Server, tmp_path: Path, portrait: np.ndarray, language: str
):
    example = {"python": http_api.PYTHON, "batch": http_api.BATCH, "curl": http_api.CURL}[language]
    assert example in (ROOT / "docs/demo.md").read_text("utf-8")
    assert example in http_api.guide(2)
    for name in ("portrait.jpg", "a.jpg", "b.jpg"):
        Image.fromarray(portrait).save(tmp_path / name)
    if language == "curl" and not shutil.which("curl"):
        pytest.skip("no curl")
    program = ["sh"] if language == "curl" else [sys.executable, "-"]
    done = subprocess.run(
        program,
        input=example.replace(http_api.ADDRESS, server.url),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    expected = {
        "python": "'happiness'",
        "batch": "1 faces\n1 faces\n",
        "curl": '"happiness"',
    }
    assert expected[language] in done.stdout, done.stderr


def test_no_face_is_an_empty_list(client, tmp_path):
    Image.new("RGB", (300, 200), "white").save(tmp_path / "white.png")
    Image.new("RGB", (1, 1), "white").save(tmp_path / "one.png")
    assert predict(client, tmp_path / "white.png") == []
    assert predict(client, tmp_path / "one.png") == []


@pytest.mark.parametrize("content", [b"hello", b"\xff\xd8\xff\xe0 cut short", b"GIF89a"])
def test_a_file_that_is_no_image_is_refused_with_a_message(client, tmp_path, content):
    from gradio_client.exceptions import AppError

    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(AppError, match="Expected the picture"):
        predict(client, tmp_path / "x.jpg")


def test_many_at_once_with_the_same_file(client, png):
    """They share one upload; none may delete it while another uses it."""
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: without_time(predict(client, png)), range(24)))
    assert all(r == results[0] for r in results)
    assert len(results[0]) == 1


def test_uploads_are_deleted(client, png, server: Server):
    predict(client, png)
    for _ in range(160):
        if not server.files():
            return
        time.sleep(0.1)
    pytest.fail(f"left: {server.files()}")


def post(server: Server, path: str, body: dict) -> tuple[int, str]:
    request = urllib.request.Request(
        server.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_a_file_of_the_server_cannot_be_named(server: Server, meta):
    secret = ROOT / "apps/webcam/examples/astronaut.jpg"
    status, text = post(
        server, "/gradio_api/call/predict", {"data": [{"path": str(secret), **meta}]}
    )
    if status == 200:
        event = json.loads(text)["event_id"]
        with urllib.request.urlopen(
            f"{server.url}/gradio_api/call/predict/{event}", timeout=30
        ) as answer:
            text = answer.read().decode()
    assert '"box"' not in text
    assert "error" in text or "detail" in text


def test_only_predict_is_public(server: Server):
    with urllib.request.urlopen(server.url + "/gradio_api/info", timeout=30) as answer:
        info = json.load(answer)
    assert list(info["named_endpoints"]) == ["/predict"]
    assert info["unnamed_endpoints"] == {}


def test_nothing_counts_or_records_visitors(server: Server):
    with urllib.request.urlopen(server.url + "/config", timeout=30) as answer:
        config = json.load(answer)
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False
    assert "googleapis" not in json.dumps(config)
    assert "http" not in " ".join(config.get("stylesheets") or [])
    for path in ("/monitoring", "/gradio_api/monitoring"):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(server.url + path, timeout=30)


def test_starts_as_a_file_from_the_root_as_spaces_do(shipped_model, tmp_path):
    process, url = start([sys.executable, "apps/webcam/app.py"], tmp_path, SPACE_ID="someone/mien")
    try:
        with urllib.request.urlopen(url + "/config", timeout=30) as answer:
            assert json.load(answer)["title"] == "Mien"
    finally:
        process.terminate()
        log = process.communicate(timeout=20)[0]
    assert "Face detector:" in log


def test_a_taken_port_is_reported(server: Server, model):
    port = server.url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "apps.webcam", "--model", str(model), "--port", port],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert port in done.stderr
    assert "Traceback" not in done.stderr
