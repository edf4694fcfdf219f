"""A running demo and a browser with a fake camera. The shipped model where it exists, else (never
in CI) one with random weights.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.face_quality import Conditions, band_of
from core.labels import FERPLUS8, GENDER2
from core.pipeline import FaceReading, Pipeline
from core.types import LIMIT, Age, Box, Distribution, Face, Prediction
from tests import browsers

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "assets" / "models" / "mien"
OTHER_NAME = "demo.test"
"""A name that the demo answers to, too; a page under it, without https, has no camera."""
FLAGS = [
    *browsers.FLAGS,
    "--disable-quic",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def reading(
    emotion: str = "neutral",
    p: float = 0.8,
    *,
    age: float = 30.0,
    width: float = 10.0,
    female: float = 0.8,
    box: Box = (100, 100, 80, 100),
    score: float = 0.9,
    abstained: str | None = None,
    limits: Mapping[str, float] | None = None,
    gender_from_age: float = 0.0,
) -> FaceReading:
    """A synthetic reading: `emotion` with probability `p`, the rest spread evenly.

    limits, gender_from_age: as of a card.
    """
    limits = limits or {}
    rest = (1 - p) / (len(FERPLUS8) - 1)
    emotions = np.array([p if label == emotion else rest for label in FERPLUS8.labels])
    prediction = Prediction(
        Distribution(FERPLUS8.labels, emotions, limits.get("emotion", LIMIT)),
        Distribution(GENDER2.labels, np.array([female, 1 - female]), limits.get("gender", LIMIT)),
        Age(age, age - width / 2, age + width / 2, limit=limits.get("age", inf)),
        gender_from_age,
    )
    return FaceReading(
        Face(box, score),
        prediction,
        Conditions(80, 0.1, 0.5, 0.2, None),
        band_of(prediction),
        abstained,
    )


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> Path:
    """The shipped model; where it is not made yet, the tiny one serves for the mechanics."""
    return (
        MODEL
        if os.environ.get("CI") or (MODEL / "model.onnx").exists()
        else request.getfixturevalue("tiny_bundle")
    )


@pytest.fixture(scope="session")
def pipeline(model: Path) -> Pipeline:
    """In this process: what the server must agree with."""
    return Pipeline(model)


@pytest.fixture(scope="session")
def frame(portrait: np.ndarray) -> np.ndarray:
    """RGB uint8 (480, 640, 3): the portrait as a camera would see it."""
    out = np.full((480, 640, 3), 90, np.uint8)
    out[:, 64:576] = portrait[:480]
    return out


@dataclass(frozen=True)
class Server:
    """A demo in a process of its own. `cache`: where Gradio puts uploads."""

    url: str
    cache: Path
    pid: int

    def files(self) -> list[Path]:
        """Everything in the cache but the shipped examples."""
        examples = {f.name for f in (ROOT / "apps/webcam/examples").iterdir()}
        return [f for f in self.cache.rglob("*") if f.is_file() and f.name not in examples]


def start(command: list[str], cache: Path, **env: str) -> tuple[subprocess.Popen[str], str]:
    """Starts the demo on a free port and waits until it answers."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("GRADIO_", "SPACE_"))}
    keep |= {"GRADIO_TEMP_DIR": str(cache), "GRADIO_SERVER_PORT": str(port), **env}
    process = subprocess.Popen(
        command, cwd=ROOT, env=keep, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(720):
        if process.poll() is not None:
            raise RuntimeError(
                f"The demo ended with {process.returncode}: {process.communicate()[0]}"
            )
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return process, url
        except OSError:
            time.sleep(0.25)
    process.kill()
    raise RuntimeError(f"The demo did not answer within three minutes: {process.communicate()[0]}")


@pytest.fixture(scope="session")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`python -m apps.webcam`, shared by all tests; it must end in order and without a traceback of
    ours.
    """
    cache = tmp_path_factory.mktemp("cache")
    command = [sys.executable, "-m", "apps.webcam", "--model", str(model)]
    process, url = start([*command, "--allow-host", OTHER_NAME], cache)
    yield Server(url, cache, process.pid)
    process.terminate()
    time.sleep(0.2)
    process.terminate()  # who waits for its end may ask for it again
    try:
        log = process.communicate(timeout=20)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert f'File "{ROOT / "apps"}' not in log, log
    assert f'File "{ROOT / "core"}' not in log, log
    assert process.returncode == 0, log


@pytest.fixture(scope="session")
def camera_file(frame: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake camera plays: the portrait, swaying a little. YUV4MPEG2 with C420jpeg, which
    Chromium wants.
    """
    path = tmp_path_factory.mktemp("camera") / "face.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n")
        for k in range(15):
            moved = np.roll(frame, round(8 * np.sin(2 * np.pi * k / 15)), axis=1)
            file.write(b"FRAME\n" + cv2.cvtColor(moved, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


def wait_until(is_true: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Poll until something is true; False if it does not become so in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_true():
            return True
        time.sleep(0.05)
    return False


@dataclass
class Visit:
    """One visitor's page, the hosts that it contacted, and its errors."""

    page: object
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser(request, playwright, camera_file: Path) -> Iterator[object]:
    """Chromium with the fake camera, the whole of it for a file with `WHOLE_BROWSER`."""
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera_file}"]
    is_whole = getattr(request.module, "WHOLE_BROWSER", False)
    chromium = browsers.launch(playwright, flags, is_whole=is_whole)
    yield chromium
    chromium.close()


@pytest.fixture
def visit(browser, server: Server) -> Iterator[Callable[..., Visit]]:
    """Opens the demo as a new visitor; afterwards no page may have asked any other host, nor have
    thrown an error.
    """
    visits, contexts = [], []

    def open_page(**options) -> Visit:
        context = browser.new_context(permissions=["camera"], **options)
        contexts.append(context)
        page = context.new_page()
        opened = Visit(page)
        visits.append(opened)
        context.on(
            "request",
            lambda r: (
                opened.hosts.add(r.url.split("/")[2]) if r.url.startswith(("http", "ws")) else None
            ),
        )
        page.on("websocket", lambda w: opened.hosts.add(w.url.split("/")[2]))
        page.on("pageerror", lambda e: opened.errors.append(str(e)))
        page.on("console", lambda m: opened.errors.append(m.text) if m.type == "error" else None)
        page.set_default_timeout(60_000)
        page.goto(server.url)
        page.get_by_role("tab", name="Webcam").wait_for()
        return opened

    yield open_page
    for context in contexts:
        context.close()
    for opened in visits:
        assert opened.hosts == {server.url.removeprefix("http://")}
        assert not opened.errors
