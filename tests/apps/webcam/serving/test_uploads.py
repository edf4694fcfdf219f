"""Uploads: what breaks off is deleted, the total is limited, and nobody's folder outlives them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.webcam import process_folder, uploads
from apps.webcam.serving.bodies import BodyError, Reservations
from tests.apps.webcam.conftest import wait_until
from tests.apps.webcam.serving.conftest import QUOTA_BYTES, HostileDemo, silent_demo
from tests.conftest import ROOT

FORM = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'
KIND = {"content_type": "multipart/form-data; boundary=x"}
OWNER = """
import sys, time
from pathlib import Path
from apps.webcam import process_folder
print(process_folder.create(Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


def upload(demo: HostileDemo, content: bytes) -> int:
    body = FORM + content + b"\r\n--x--\r\n"
    return demo.request("POST", "/gradio_api/upload", body, **KIND)[0]


def begin_upload(demo: HostileDemo, length: int, sent: int) -> socket.socket:
    """Announce `length` bytes and send `sent` of them, then stay connected."""
    connection = socket.create_connection(("127.0.0.1", demo.port), timeout=30)
    head = (
        f"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    connection.sendall(head.encode() + FORM + b"a" * sent)
    return connection


@pytest.fixture(scope="module")
def demo(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileDemo]:
    """One of its own: results of other tests' videos may stay on the disk for half an hour."""
    yield from silent_demo(model, tmp_path_factory.mktemp("uploads"))


@pytest.mark.parametrize("folder", ["upload", "results-of-mine"])
def test_files_that_are_deleted_while_they_are_counted_do_not_count(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "upload_folder", lambda: tmp_path)
    monkeypatch.setattr(uploads, "_results_prefix", lambda client: "results-of-")
    for name in (folder, f"{folder}-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "face.jpg").write_bytes(b"a" * 2 * uploads.MIN_FILE_BYTES)
    list_folder = os.scandir

    def delete_first(path: str | Path | int) -> object:
        """List a folder that another thread has just deleted."""
        if not isinstance(path, int) and Path(path).name == folder:
            shutil.rmtree(path)
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", delete_first)
    if folder == "upload":
        assert uploads.stored_bytes() == 2 * uploads.MIN_FILE_BYTES
    else:
        assert [file.parent.name for file in uploads.results_of("mine")] == [f"{folder}-2"]


def test_an_upload_that_breaks_off_is_deleted(demo: HostileDemo) -> None:
    connection = begin_upload(demo, 10**6, sent=200_000)
    assert wait_until(lambda: bool(demo.server.files())), "it arrives on the disk"
    connection.close()
    assert wait_until(lambda: not demo.server.files())


def test_an_upload_that_stops_is_ended(demo: HostileDemo) -> None:
    with begin_upload(demo, 10**6, sent=200_000) as connection:
        assert b" 408 " in connection.recv(1000).splitlines()[0]
    assert wait_until(lambda: not demo.server.files())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_length": str(10**9)}, 413),
        ({"content_length": "-1"}, 400),  # uvicorn's
        ({"transfer_encoding": "chunked"}, 411),
        ({"content_length": "9", "transfer_encoding": "chunked"}, 411),  # of any length
    ],
)
@pytest.mark.parametrize("path", ["upload", "queue/join", "call/predict", "stream/x"])
def test_a_body_says_how_long_it_is(
    demo: HostileDemo, headers: dict[str, str], status: int, path: str
) -> None:
    """It is refused before it is sent."""
    assert demo.request("POST", f"/gradio_api/{path}", None, **KIND, **headers)[0] == status


def test_the_folder_has_a_quota(demo: HostileDemo) -> None:
    assert wait_until(lambda: not demo.server.files())
    contents = [bytes([number]) * (QUOTA_BYTES // 4) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda content: upload(demo, content), contents))
    assert set(statuses) == {200, 507}
    assert sum(f.stat().st_size for f in demo.server.files()) <= QUOTA_BYTES
    assert upload(demo, b"a small one") == 200, "a full disk is not full for small files"
    assert wait_until(lambda: not demo.server.files()), "what no event uses is deleted"
    assert upload(demo, contents[0]) == 200, "there is room again"


def test_one_client_cannot_hold_all_reservations() -> None:
    room = Reservations(total=100, per_client=40)
    with room.reserve("a", 40):
        with pytest.raises(BodyError) as refused, room.reserve("a", 1):
            pass
        assert refused.value.status == 429
        with room.reserve("b", 40), pytest.raises(BodyError) as refused, room.reserve("c", 21):
            pass
        assert refused.value.status == 507
        with pytest.raises(BodyError), room.reserve("b", 40, stored=21):
            pass
        with pytest.raises(BodyError), room.reserve("b", 30, stored_by_client=11):
            pass
    with room.reserve("a", 40), room.reserve("b", 40):
        pass


@pytest.fixture
def owner(tmp_path: Path):
    """Starts processes that own a folder; yields a function that returns both."""
    started: list[subprocess.Popen] = []

    def start() -> tuple[subprocess.Popen, Path]:
        command = [sys.executable, "-c", OWNER, str(tmp_path)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_leftovers_of_the_dead_are_removed_and_of_the_living_are_not(owner, tmp_path: Path) -> None:
    (killed, dead), (_, living) = owner(), owner()
    for folder in (dead, living):
        (folder / "deep").mkdir()
        (folder / "deep" / "face.jpg").write_bytes(b"x")
    (tmp_path / "mien-notes").mkdir()
    (tmp_path / f"{process_folder.PREFIX}link").symlink_to(living)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    process_folder.remove_leftovers(tmp_path)
    assert not dead.exists()
    assert (living / "deep" / "face.jpg").exists()
    assert (tmp_path / "mien-notes").exists()


def test_a_folder_is_locked_before_others_can_remove_it(tmp_path: Path) -> None:
    """Processes that start at the same time remove no folder of each other."""
    racers = """
import sys, time
from pathlib import Path
from apps.webcam import process_folder
parent = Path(sys.argv[1])
for _ in range(60):
    process_folder.remove_leftovers(parent)
    folder = process_folder.create(parent)
    assert folder.is_dir()
    (folder / "x").touch()
"""
    command = [sys.executable, "-c", racers, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    process_folder.remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_private(tmp_path: Path) -> None:
    folder = process_folder.create(tmp_path)
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.stat().st_uid == os.getuid()
    assert time.time() - folder.stat().st_mtime < 60
