"""`train fetch`, against a server on this machine and a stub with kagglehub's cache layout."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from core import registry
from core.data import utkface
from core.errors import DataError
from tests.core.data import picture_files, trees
from train.__main__ import main
from train.downloads import resumable, sources
from train.downloads.sources import SOURCES, DownloadSource, RemoteFile

CONTENT = bytes(range(256)) * 8192  # 2 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `content`; closes the connection after `cut` bytes of a response."""

    content, etag, cut, ranges = CONTENT, '"1"', None, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        server.requests.append(asked)
        same = self.headers.get("If-Range") == server.etag
        start = int(asked[6:-1]) if asked and same and server.ranges else 0
        if start and start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        body = server.content[start:]
        self.send_header("Content-Length", str(len(body)))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        self.wfile.write(body if server.cut is None else body[: server.cut])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_download_appears_when_it_is_complete(tmp_path: Path, server: Server) -> None:
    target = tmp_path / "inner" / "file.bin"
    assert resumable.download(server.url, target, SHA256).read_bytes() == CONTENT
    assert [p.name for p in target.parent.iterdir()] == ["file.bin"]
    resumable.download(server.url, target, SHA256)
    assert len(server.requests) == 1, "a complete file is not asked for again"


@pytest.mark.parametrize("cut", [1, 70_000, len(CONTENT) - 1])
def test_an_interrupted_download_goes_on(tmp_path: Path, server: Server, cut: int) -> None:
    target = tmp_path / "file.bin"
    server.cut = cut
    with pytest.raises(DataError, match="the same command goes on"):
        resumable.download(server.url, target, SHA256)
    assert not target.exists()
    server.cut = None
    assert resumable.download(server.url, target, SHA256).read_bytes() == CONTENT
    assert server.requests == [None, f"bytes={cut}-"]


def test_more_bytes_than_the_file_has_are_not_taken_for_it(tmp_path: Path, server: Server) -> None:
    server.cut = 5000
    with pytest.raises(DataError):
        resumable.download(server.url, tmp_path / "file")
    server.cut, server.content = None, CONTENT[:3000]
    assert resumable.download(server.url, tmp_path / "file").read_bytes() == CONTENT[:3000]


@pytest.mark.parametrize("change", ["etag", "no etag", "no ranges"])
def test_another_version_is_downloaded_from_its_beginning(
    tmp_path: Path, server: Server, change: str
) -> None:
    server.cut, server.etag = 5000, "" if change == "no etag" else '"1"'
    with pytest.raises(DataError):
        resumable.download(server.url, tmp_path / "file", "")
    server.cut, server.content = None, CONTENT[::-1]
    server.ranges = change != "no ranges"
    server.etag = '"2"' if change == "etag" else server.etag
    assert resumable.download(server.url, tmp_path / "file").read_bytes() == CONTENT[::-1]


def test_other_bytes_than_the_known_ones_are_removed(tmp_path: Path, server: Server) -> None:
    server.content = CONTENT + b"!"
    with pytest.raises(DataError, match=f"SHA-256 {SHA256[:16]}"):
        resumable.download(server.url, tmp_path / "file", SHA256)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_only_web_addresses_are_opened(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match="http or https"):
        resumable.download(url, tmp_path / "file")


def archive(kind: str, picture: bytes) -> bytes:
    """An archive with UTKFace in a folder of its own."""
    buffer = io.BytesIO()
    names = [f"deep/{i}_0_1_2017010922{i:06d}.png" for i in range(20, 40)]
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as file:
            for name in names:
                file.writestr(name, picture)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(picture)
            tar.addfile(info, io.BytesIO(picture))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_what_is_fetched_from_a_publisher_can_be_trained_on(
    tmp_path: Path,
    server: Server,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    server.content = archive(kind, picture_files.picture(tmp_path / "one.png").read_bytes())
    sha256 = hashlib.sha256(server.content).hexdigest()
    file = RemoteFile(server.url, f"faces.{kind}", sha256, unpack=True)
    monkeypatch.setitem(
        SOURCES, "utkface", DownloadSource("https://example.org/terms", files=(file,))
    )
    assert main(["fetch", "utkface", "--out", str(tmp_path), "--yes"]) == 0
    output = capsys.readouterr()
    assert f"--data {tmp_path}" in output.out
    assert "https://example.org/terms" in output.err and "non-commercial research" in output.err
    assert len(utkface.load(tmp_path, "all")) == 20


def test_an_archive_that_leads_outside_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("../outside.txt"))
    with pytest.raises(DataError, match="Expected to unpack"):
        resumable.unpack(tmp_path / "a.tar")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(DataError, match="Expected to unpack"):
        resumable.unpack(tmp_path / "b.zip")


def test_kagglehub_has_a_cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache" / "datasets" / "jangedoo" / "utkface-new" / "versions" / "1"
    trees.utkface(cache / "UTKFace")
    handles: list[str] = []

    def dataset_download(handle: str) -> str:
        handles.append(handle)
        return str(cache)

    stub = SimpleNamespace(dataset_download=dataset_download)
    monkeypatch.setitem(sys.modules, "kagglehub", stub)
    for _ in range(2):  # a second time it finds everything there
        assert main(["fetch", "utkface", "--out", str(tmp_path / "data"), "--yes"]) == 0
    assert handles == ["jangedoo/utkface-new"] * 2
    assert len(utkface.load(tmp_path / "data", "all")) == 79


def test_without_kagglehub_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    assert main(["fetch", "fer2013", "--out", str(tmp_path), "--yes"]) == 2
    assert "pip install kagglehub==" in capsys.readouterr().err


@pytest.mark.parametrize("dataset", sorted(name for name, s in SOURCES.items() if s.agreement))
def test_what_needs_an_agreement_says_where_to_ask(
    tmp_path: Path, dataset: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["fetch", dataset, "--out", str(tmp_path / "data"), "--yes"]) == 2
    error = capsys.readouterr().err
    assert f"signed agreement; ask at {SOURCES[dataset].page}" in error
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("dataset", sorted(SOURCES))
def test_nothing_is_downloaded_before_the_terms_are_accepted(
    tmp_path: Path, dataset: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # no terminal: nobody is asked
    assert main(["fetch", dataset, "--out", str(tmp_path / "data")]) == 2
    error = capsys.readouterr().err
    assert SOURCES[dataset].page in error and sources.origin_of(dataset).licence in error
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("YES\n", 0), ("n\n", 2), ("", 2)])
def test_on_a_terminal_the_terms_are_asked_for(
    tmp_path: Path, server: Server, answer: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    file = RemoteFile(server.url, "label.csv", SHA256)
    monkeypatch.setitem(SOURCES, "ferplus", replace(SOURCES["ferplus"], files=(file,)))
    assert main(["fetch", "ferplus", "--out", str(tmp_path)]) == status
    assert (tmp_path / "ferplus" / "label.csv").is_file() == (status == 0)


def test_every_data_set_that_somebody_published_has_a_source() -> None:
    own = {"any_pictures", "image_folder", "manifest", "synthetic", "synthetic_noisy"}
    assert set(registry.names("core.data")) - own == set(SOURCES)


def test_an_unknown_data_set_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["fetch", "faces", "--out", str(tmp_path)]) == 2
    assert "Expected one of affectnet, " in capsys.readouterr().err
