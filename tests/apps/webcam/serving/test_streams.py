"""Streams that are not used give their place up; a visitor who waits is told their place."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from apps.webcam.benchmarks.visitors import SimulatedVisitor, camera_frames, find_stream
from apps.webcam.page import MAX_LIVE_STREAMS
from tests.apps.webcam.conftest import wait_until
from tests.apps.webcam.serving.conftest import IDLE_SECONDS, HostileDemo
from tests.apps.webcam.videos.test_annotation import film


@pytest.fixture(scope="module")
def frames(frame: np.ndarray) -> list[bytes]:
    return camera_frames(frame, 20)


class Stream:
    """A live stream that is opened and then not used well."""

    def __init__(self, demo: HostileDemo, frame: bytes, name: str, address: str = "") -> None:
        self.demo, self.name, self.frame = demo, name, frame
        self.headers = {"x_forwarded_for": address} if address else {}
        self.endpoint, self.event = find_stream(demo.server.url), ""
        self.reader: socket.socket | None = None

    def body(self) -> dict:
        return {
            "data": [{"path": None, "url": self.frame.decode()}, None],
            "fn_index": self.endpoint.function,
            "session_hash": self.name,
            "trigger_id": self.endpoint.trigger,
        }

    def join(self) -> tuple[int, dict]:
        status, answer = self.demo.post("/gradio_api/queue/join", self.body(), **self.headers)
        self.event = answer.get("event_id", "")
        return status, answer

    def send(self) -> int:
        return self.demo.post(f"/gradio_api/stream/{self.event}", self.body())[0]

    def listen(self) -> socket.socket:
        """Ask for the results, and read none of them."""
        if self.reader is not None:
            self.reader.close()
        self.reader = socket.create_connection(("127.0.0.1", self.demo.port), timeout=30)
        self.reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        query = f"session_hash={self.name}"
        request = f"GET /gradio_api/queue/data?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.reader.sendall(request.encode())
        return self.reader

    def first(self, kind: str) -> dict:
        """The first message of a kind among the results."""
        with self.listen().makefile("rb") as lines:
            messages = (json.loads(line[5:]) for line in lines if line.startswith(b"data:"))
            return next(message for message in messages if message["msg"] == kind)

    def close(self) -> None:
        if self.reader is not None:
            self.reader.close()
        with suppress(OSError):
            self.demo.post(f"/gradio_api/stream/{self.event}/close", {})


@contextmanager
def streams(demo: HostileDemo, frame: bytes, prefix: str) -> Iterator[list[Stream]]:
    """As many as there are places, all joined; two addresses hold half each."""
    opened = [
        Stream(demo, frame, f"{prefix}{number}", f"203.0.113.{number % 2}")
        for number in range(MAX_LIVE_STREAMS)
    ]
    assert [stream.join()[0] for stream in opened] == [200] * MAX_LIVE_STREAMS
    try:
        yield opened
    finally:
        for stream in opened:
            stream.close()


@pytest.mark.parametrize("fault", ["dropped", "idle", "unread", "never read"])
def test_a_ninth_visitor_gets_a_place_within_seconds(
    demo: HostileDemo, frames: list[bytes], fault: str
) -> None:
    with streams(demo, frames[0], fault.replace(" ", "")) as bad:
        for stream in bad:
            if fault == "dropped":
                stream.listen().close()
            elif fault != "never read":
                stream.listen()
        ninth = SimulatedVisitor(find_stream(demo.server.url), frames, rate=10)
        start = time.monotonic()
        ninth.start()

        def ninth_is_live() -> bool:
            for stream in bad if "read" in fault else ():  # they send, as if they were watching
                stream.send()
            return len(ninth.received) >= 3

        try:
            assert wait_until(ninth_is_live, 30 * IDLE_SECONDS)
        finally:
            ninth.stop()
        assert time.monotonic() - start < 12 * IDLE_SECONDS  # half a minute before
        assert ninth.errors == []


def test_who_waits_is_told_their_place(demo: HostileDemo, frames: list[bytes]) -> None:
    with streams(demo, frames[0], "full"):
        waiting = [Stream(demo, frames[0], f"waits{number}") for number in range(2)]
        assert [stream.join()[0] for stream in waiting] == [200, 200]
        messages = [stream.first("estimation") for stream in waiting]
        places = [(message["rank"], message["queue_size"]) for message in messages]
        for stream in waiting:
            stream.close()
        assert places == [(0, 1), (1, 2)]


def test_one_client_cannot_take_all_places(demo: HostileDemo, frames: list[bytes]) -> None:
    mine = [Stream(demo, frames[0], f"mine{number}", "198.51.100.7") for number in range(6)]
    other = Stream(demo, frames[0], "other", "198.51.100.8")
    behind_same_proxy = Stream(demo, frames[0], "spoofed", "198.51.100.9, 198.51.100.7")
    try:
        answers = [stream.join() for stream in mine]
        assert [status for status, _ in answers] == [200] * 4 + [429] * 2
        assert "Expected at most 4" in answers[-1][1]["detail"]
        assert behind_same_proxy.join()[0] == 429, "only what the proxy added counts"
        assert other.join()[0] == 200
    finally:
        for stream in (*mine, other):
            stream.close()


def test_one_session_cannot_take_all_places(demo: HostileDemo, frames: list[bytes]) -> None:
    same = [Stream(demo, frames[0], "same") for _ in range(3)]
    try:
        assert [stream.join()[0] for stream in same] == [200, 200, 429]
    finally:
        for stream in same:
            stream.close()


def test_a_video_that_nobody_waits_for_is_ended(
    demo: HostileDemo, frame: np.ndarray, tmp_path: Path
) -> None:
    small = frame[::2, ::2].copy()
    path = film(tmp_path / "long.mp4", [small] * 1100, rate=20)
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    body = form + path.read_bytes() + b"\r\n--x--\r\n"
    kind = {"content_type": "multipart/form-data; boundary=x"}
    upload = json.loads(demo.request("POST", "/gradio_api/upload", body, **kind)[1])[0]
    config = json.loads(demo.request("GET", "/config")[1])
    function = next(d for d in config["dependencies"] if d["types"]["generator"])
    videos = [Stream(demo, frame.tobytes()[:1], f"video{number}") for number in range(2)]
    file = {"path": upload, "meta": {"_type": "gradio.FileData"}}
    value = {"data": [file, None], "fn_index": function["id"], "trigger_id": None}
    for video in videos:
        answer = demo.post("/gradio_api/queue/join", value | {"session_hash": video.name})
        assert answer[0] == 200, answer
    try:
        assert videos[1].first("process_starts")
    finally:
        for video in videos:
            video.close()
