"""However many files visitors upload, the memory for them is limited."""

from __future__ import annotations

import asyncio

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from apps.studio.serving import upload_room
from apps.studio.serving.upload_room import UploadRoom, kept_bytes

PATH = "/_stcore/upload_file/session/file"


def upload(room: UploadRoom, *headers: tuple[bytes, bytes], method: str = "PUT") -> int:
    statuses: list[int] = []

    async def send(message: dict) -> None:
        statuses.append(message.get("status", 0))

    scope = {"type": "http", "method": method, "path": PATH, "headers": list(headers)}
    asyncio.run(room(scope, None, send))
    return statuses[0]


def length(size: int) -> tuple[bytes, bytes]:
    return b"content-length", str(size).encode()


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> UploadRoom:
    """One that keeps what is uploaded, as Streamlit does."""
    monkeypatch.setattr(upload_room, "MAX_BYTES", 1000)
    manager = MemoryUploadedFileManager("/upload")

    async def keep(scope, receive, send) -> None:
        size = int(dict(scope["headers"]).get(b"content-length", 0))
        number = str(len(manager.file_storage["session"]))
        manager.add_file("session", UploadedFileRec(number, "n", "t", bytes(size)))
        await send({"status": 204})

    room = UploadRoom(keep, lambda: kept_bytes(manager))
    room.manager = manager
    return room


def test_uploads_fill_the_room_and_leave_it(room: UploadRoom) -> None:
    assert [upload(room, length(300)) for _ in range(5)] == [204, 204, 204, 507, 507]
    assert upload(room, length(100)) == 204
    room.manager.remove_session_files("session")
    assert upload(room, length(1000)) == 204


def test_what_is_under_way_counts(room: UploadRoom) -> None:
    async def visit() -> None:
        begun = asyncio.Event()

        async def wait(scope, receive, send) -> None:
            begun.set()
            await asyncio.sleep(10)

        keep, room.app = room.app, wait
        task = asyncio.create_task(room(scope(900), None, None))
        await begun.wait()
        room.app = keep
        assert await asyncio.to_thread(upload, room, length(200)) == 507
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await asyncio.to_thread(upload, room, length(200)) == 204

    def scope(size: int) -> dict:
        return {"type": "http", "method": "PUT", "path": PATH, "headers": [length(size)]}

    asyncio.run(visit())


def test_a_body_says_how_long_it_is(room: UploadRoom) -> None:
    assert upload(room) == 411
    assert upload(room, (b"content-length", b"-1")) == 411
    assert upload(room, length(5), (b"transfer-encoding", b"chunked")) == 411
    assert upload(room, method="DELETE") == 204
