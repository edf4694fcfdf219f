"""A frame goes from its request straight to the stream that waits for it, rebuilt as any body."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal
from hypothesis import given
from hypothesis import strategies as st

from apps.webcam.serving.requests import RequestMiddleware
from apps.webcam.serving.stored_uploads import StoredUploads
from tests.apps.webcam.serving.test_outbound import BODIES, FAST, KEYS, VALUES

FRAME = "data:image/jpeg;base64,AAAA"
FRAMES = st.builds(
    lambda file, state, more: {**more, "data": [{**file, "url": FRAME}, state]},
    st.dictionaries(KEYS, VALUES, max_size=2),
    VALUES,
    st.dictionaries(st.sampled_from(["fn_index", "event_id", "batched", "request"]), VALUES),
)
FIRST = [{"path": None, "url": "data:image/jpeg;base64,BBBB"}, None]


async def _refuse(scope: object, receive: object, send: object) -> None:
    raise AssertionError("Gradio's route would be asked.")


def post(event: object, body: bytes, path: str = "/gradio_api/stream/live") -> int:
    """Send a frame to the stream `live` and return the status."""
    statuses: list[int] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict) -> None:
        statuses.append(message.get("status", 0))

    queue = SimpleNamespace(event_ids_to_events={"live": event})
    page = SimpleNamespace(fns={}, _queue=queue, upload_file_set=set())
    gate = RequestMiddleware(_refuse, page, StoredUploads(page), max_upload_bytes=100)
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [(b"content-length", str(len(body)).encode())],
        "client": ("203.0.113.1", 1),
    }
    asyncio.run(gate(scope, receive, send))
    return statuses[0]


def live_event(*, is_streaming: bool = True) -> SimpleNamespace:
    function = SimpleNamespace(inputs=[gr.Image(render=False), gr.State()], connection="stream")
    data = PredictBodyInternal(data=FIRST, fn_index=7, session_hash="visitor", event_id="live")
    return SimpleNamespace(fn=function, data=data, streaming=is_streaming, signal=asyncio.Event())


@FAST
@given(body=BODIES | FRAMES)
def test_a_stream_gets_a_data_url_and_nothing_else(body: dict) -> None:
    event = live_event()
    before = event.data
    if post(event, json.dumps(body).encode()) == 200:
        shown, state = event.data.data
        assert shown is None or shown == {"path": None, "url": FRAME}
        assert state is None
        assert event.data is not before, "the age of a stream is that of this object"
        trigger = event.data.trigger_id
        assert event.data == before.model_copy(
            update={"data": event.data.data, "event_id": None, "trigger_id": trigger}
        )
        assert event.signal.is_set()
    else:
        assert event.data is before
        assert not event.signal.is_set()


def test_a_frame_arrives() -> None:
    event = live_event()
    body = {"data": [{"path": None, "url": FRAME}, None], "trigger_id": 3}
    assert post(event, json.dumps(body).encode()) == 200
    assert event.data.data == [{"path": None, "url": FRAME}, None]
    assert (event.data.trigger_id, event.data.session_hash, event.data.fn_index) == (
        3,
        "visitor",
        7,
    )


@pytest.mark.parametrize("name", ["other", "live"])
def test_only_a_live_stream_takes_frames(name: str) -> None:
    event = live_event(is_streaming=name != "live")
    body = json.dumps({"data": [{"url": FRAME}, None]}).encode()
    assert post(event, body, f"/gradio_api/stream/{name}") == 404
    assert event.data.data == FIRST
