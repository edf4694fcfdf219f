"""Pictures: nothing but pictures of the one folder leaves the disk."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apps.studio.serving import images
from apps.studio.serving.images import MAX_DECODING, THUMBNAIL_PIXELS, Faces, route


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`root/` with pictures, a text and links; `secret.png` beside it."""
    base = tmp_path_factory.mktemp("faces")
    root = base / "root"
    (root / "deep er").mkdir(parents=True)
    for path in (base / "secret.png", root / "a.png", root / "deep er" / "ä #1?.png"):
        path.write_bytes(cv2.imencode(".png", np.full((300, 200, 3), 99, np.uint8))[1].tobytes())
    (root / "notes.txt").write_text("private")
    (root / "fake.png").write_text("<script>alert(1)</script>")
    (root / "out.png").symlink_to(base / "secret.png")
    (root / "up").symlink_to(base)
    (root / "loop").symlink_to(root / "loop")
    (root / "in.png").symlink_to(root / "a.png")
    return root


@pytest.fixture(scope="module")
def faces(folder: Path) -> Faces:
    return Faces(folder)


@pytest.fixture(scope="module")
def client(faces: Faces, folder: Path) -> TestClient:
    routes = [route([Faces(folder.parent / "another"), faces])]
    return TestClient(Starlette(routes=routes), raise_server_exceptions=True)


@pytest.mark.parametrize("path", ["a.png", "deep er/ä #1?.png", "in.png", "./a.png"])
def test_pictures_of_the_folder(client: TestClient, faces: Faces, path: str) -> None:
    answer = client.get(faces.url(path))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert (
        answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["cross-origin-resource-policy"] == "same-origin"
    )
    shape = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR).shape
    assert max(shape[:2]) == THUMBNAIL_PIXELS and shape[0] > shape[1]


OUTSIDE = [
    "../secret.png",
    "deep er/../../secret.png",
    "..%2fsecret.png",
    "%2e%2e/secret.png",
    "%2e%2e%2fsecret.png",
    "..%5csecret.png",
    "..\\secret.png",
    "out.png",
    "up/secret.png",
    "up/root/a.png/../../secret.png",
    "loop",
    "loop/a.png",
    "notes.txt",
    "fake.png",
    "",
    ".",
    "deep er",
    "none.png",
    "a.png/x",
    "a.png%00.png",
    "%252e%252e/secret.png",
    "x" * 5000,
]


@pytest.mark.parametrize(
    "path", [p if len(p) < 100 else pytest.param(p, id="long") for p in OUTSIDE]
)
def test_nothing_else(client: TestClient, faces: Faces, folder: Path, path: str) -> None:
    base = f"/faces/{faces.token}/"
    for asked in (
        base + path,
        base + str(folder.parent / "secret.png"),
        base + "/" + str(folder / "a.png"),
        faces.url(path),
    ):
        answer = client.get(asked)
        assert answer.status_code == 404 and not answer.content.startswith(b"\xff\xd8"), asked
    assert faces.find(str(folder / "a.png")) is None, "an absolute path, even into the folder"


def test_the_token(client: TestClient, faces: Faces, folder: Path) -> None:
    assert client.get("/faces/guess/a.png").status_code == 404
    assert client.post(faces.url("a.png")).status_code == 405
    assert Faces(folder).token != faces.token


def test_what_a_table_calls_a_path() -> None:
    faces = Faces(Path("/nowhere"))
    for path in (None, "", "/etc/passwd", "../x", "a/../../x", "a\0b", "..\\x"):
        assert faces.find(path) is None
    assert (
        "#" not in faces.url("a #1?.png")
        and "?" not in faces.url("a #1?.png")
        and '"' not in faces.url('a".png')
    )


def test_few_pictures_are_decoded_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are asked for: a folder of large ones would fill the memory."""
    running, most, load = [0], [0], images.image.load

    def slow(path: Path) -> np.ndarray:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.01)
        running[0] -= 1
        return load(path)

    monkeypatch.setattr(images.image, "load", slow)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(images.thumbnail, [folder / "a.png"] * 24))
    assert most == [MAX_DECODING]
