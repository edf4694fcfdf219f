"""Whatever one client uploads, stops and keeps, the disk has room for another's video."""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.webcam import uploads
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.serving.bodies import BodyError
from apps.webcam.serving.requests import RequestMiddleware
from apps.webcam.serving.stored_uploads import StoredUploads
from apps.webcam.tabs.video import RESULT_PREFIX, VisitorVideo
from core.errors import UserError
from tests.apps.webcam.serving.test_outbound import FAST

MAX_PART_BYTES = 93_000_000
"""60 s of 12 Mbit/s, and the encoder's buffer: `videos.writing`."""
MINE, YOURS = "203.0.113.1", "203.0.113.2"


@dataclass(frozen=True)
class Video:
    """A video of a visitor.

    Attributes:
        upload, part, result: Bytes.
        is_stopped: Whether it can go on.
        waits: Whether another is uploaded before it is read.
        leaves: Whether its visitor leaves at the end.
    """

    upload: int
    part: int
    result: int
    is_stopped: bool
    waits: bool
    leaves: bool


VIDEOS = st.lists(
    st.builds(
        Video,
        st.integers(1, VIDEO_LIMITS.max_bytes) | st.just(VIDEO_LIMITS.max_bytes),
        st.integers(1, MAX_PART_BYTES) | st.just(MAX_PART_BYTES),
        st.integers(1, VIDEO_LIMITS.max_result_bytes) | st.just(VIDEO_LIMITS.max_result_bytes),
        st.booleans(),
        st.booleans(),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=20,
)


LARGEST = VIDEO_LIMITS.max_bytes, MAX_PART_BYTES, VIDEO_LIMITS.max_result_bytes
FOUR_LARGEST = [Video(*LARGEST, True, waits, False) for waits in (True, True, True, False)]


def write(path: Path, size: int) -> None:
    """A file of zeros that takes no room."""
    with path.open("wb") as file:
        file.truncate(size)


class Demo:
    """The gate and the video tab, with files that nobody reads."""

    def __init__(self, folder: Path) -> None:
        page = SimpleNamespace(fns={}, _queue=None, upload_file_set=set())
        self.stored, numbers = StoredUploads(page), count()

        async def store(scope, receive, send) -> None:
            path = folder / f"upload-{next(numbers)}.mp4"
            write(path, int(dict(scope["headers"])[b"content-length"]))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps([str(path)]).encode()})

        self.gate = RequestMiddleware(store, page, self.stored, VIDEO_LIMITS.max_bytes)

    def upload(self, client: str, size: int) -> tuple[int, Path | None]:
        """Return the status, and the upload where it was taken."""
        sent: list[dict] = []
        status = asyncio.run(self.send(client, size, None, sent))
        answer = json.loads(sent[1]["body"])
        return status, Path(answer[0]) if isinstance(answer, list) else None

    async def send(
        self, client: str, size: int, receive: object, sent: list[dict] | None = None
    ) -> int:
        """Upload, and return the status; `sent` gets the messages."""
        messages: list[dict] = []

        async def send(message: dict) -> None:
            messages.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/gradio_api/upload",
            "headers": [(b"content-length", str(size).encode())],
            "client": (client, 1),
            "query_string": b"",
        }
        await self.gate(scope, receive, send)
        if sent is not None:
            sent += messages
        return int(messages[0]["status"])

    def read(self, client: str, source: Path, plan: Video) -> VisitorVideo:
        """Read a video, as far as its visitor lets it."""
        visitor = VisitorVideo()
        try:
            work = visitor.begin(source, None, client, None)
            write(work.source.parent / "part-0.mp4", plan.part)
            write(work.source.parent / f"{RESULT_PREFIX}1.mp4", plan.result)
            if not plan.is_stopped:
                visitor.keep_only_results()
        except UserError:
            visitor.delete()
        source.unlink()
        return visitor


@FAST
@given(plans=VIDEOS)
@example(plans=FOUR_LARGEST)
def test_one_client_never_fills_the_disk(plans: list[Video]) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploads, "upload_folder", lambda: Path(name))
        demo, waiting = Demo(Path(name)), []
        for plan in plans:
            status, source = demo.upload(MINE, plan.upload)
            assert status in (200, 429)
            waiting += [(source, plan)] if source else []
            while waiting and not plan.waits:
                source, planned = waiting.pop()
                visitor = demo.read(MINE, source, planned)
                assert demo.stored.bytes_of(MINE) == uploads.stored_bytes(), "all of it is mine"
                assert demo.stored.bytes_of(YOURS) == 0
                if planned.leaves:
                    visitor.delete()
        assert demo.upload(YOURS, VIDEO_LIMITS.max_bytes)[0] == 200


def test_who_keeps_too_much_is_told_so_and_has_room_again_once_they_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "upload_folder", lambda: tmp_path)
    demo, plan = Demo(tmp_path), Video(64 << 20, 80 << 20, 80 << 20, True, False, False)
    _, source = demo.upload(MINE, plan.upload)
    visitor = demo.read(MINE, source, plan)
    assert demo.stored.bytes_of(MINE) == 224 << 20, "the video, though the upload is deleted"
    assert demo.upload(MINE, plan.upload)[0] == 429
    visitor.delete()
    assert demo.upload(MINE, plan.upload)[0] == 200


def test_a_file_counts_once_under_all_its_names(tmp_path: Path) -> None:
    write(tmp_path / "a", 10**6)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    write(tmp_path / "c", 10**5)
    assert uploads.total_bytes(tmp_path / name for name in "abcd") == 1_100_000


def test_empty_files_fill_the_room_too(tmp_path: Path) -> None:
    """Else one client leaves any number of files, and looking at them all holds everybody up."""
    for number in range(10):
        write(tmp_path / str(number), 0)
    most = uploads.MAX_BYTES_PER_CLIENT / (uploads.total_bytes(tmp_path.iterdir()) / 10)
    assert most <= 5_000


@pytest.mark.parametrize("error", [None, BodyError(408, "late"), ValueError("no form")])
def test_what_an_upload_leaves_without_a_name_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """Broken uploads, and parts of a form that are no files: they lie on the disk for a while."""
    monkeypatch.setattr(uploads, "upload_folder", lambda: tmp_path)
    monkeypatch.setattr(uploads, "PARTIAL_MAX_AGE_SECONDS", 0.2)
    size = VIDEO_LIMITS.max_bytes

    async def receive() -> dict:
        return {"type": "http.request", "body": bytes(size)}

    async def app(scope, receive, send) -> None:
        await receive()
        if error:
            raise error
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"[]"})

    demo = Demo(tmp_path)
    demo.gate.app = app

    async def visit() -> None:
        per_client = uploads.MAX_BYTES_PER_CLIENT // size
        statuses = [await demo.send(MINE, size, receive) for _ in range(per_client + 1)]
        assert statuses.count(429) == 1
        assert statuses[-1] == 429
        assert await demo.send(YOURS, size, receive) != 429
        await asyncio.sleep(0.3)
        assert await demo.send(MINE, size, receive) != 429

    asyncio.run(visit())
