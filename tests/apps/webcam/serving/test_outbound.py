"""No payload makes the demo look up or call another host."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.webcam.serving import outbound
from core.outbound import lookups
from tests.apps.webcam.serving.conftest import HostileDemo, hostile_demo

REMOTE = st.sampled_from(
    [
        "http://canary.example/a.png",
        "https://canary.example/a.png",
        "HTTP://canary.example/",
        "http://8.8.8.8/a.png",
        "http://127.0.0.1:9/a.png",
        "//canary.example/a.png",
        "ftp://canary.example/a.png",
        "/gradio_api/proxy=https://canary.hf.space/a.png",
        "/gradio_api/file=http://canary.example/a.png",
    ]
)
KEYS = st.sampled_from(["path", "url", "image", "payload", "value", "data", "meta", "background"])
META = st.sampled_from([{}, {"meta": {"_type": "gradio.FileData"}}])
FILES = st.builds(
    lambda where, url, meta, more: {**dict.fromkeys(where, url), **meta, **more},
    st.sampled_from([("path",), ("url",), ("path", "url")]),
    REMOTE,
    META,
    st.sampled_from([{}, {"is_stream": True}, {"orig_name": "http://canary.example/"}]),
)
VALUES = st.recursive(
    FILES | REMOTE | st.none() | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
BODIES = st.builds(
    lambda data, number, event_data, more: {
        "data": data,
        "session_hash": "canary",
        **({} if number is None else {"fn_index": number}),
        "event_data": event_data,
        **more,
    },
    st.lists(VALUES, max_size=3),
    st.none() | st.integers(-1, 12),
    VALUES,
    st.dictionaries(KEYS, VALUES, max_size=2),
)
POSTS = st.sampled_from(
    [
        "queue/join",
        "call/predict",
        "call/v2/predict",
        "run/predict",
        "api/predict",
        "stream/canary",
        "component_server",
        "cancel",
        "reset",
        "process_recording",
        "run-history/connect",
        "vibe-edit",
    ]
)
GETS = st.builds(
    lambda path, url: path + quote(url, safe="/:"),
    st.sampled_from(
        [
            "/gradio_api/file=",
            "/gradio_api/file/",
            "/gradio_api/proxy=",
            "/gradio_api/proxy=https://canary.hf.space/redirect?to=",
            "/gradio_api/stream/a/b/1/",
            "/gradio_api/queue/data?session_hash=",
            "/config?deep_link=",
            "/?deep_link=",
            "/assets/",
            "/static/",
            "//",
        ]
    ),
    REMOTE,
)
FAST = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FAST
@given(path=POSTS, body=BODIES)
def test_no_json_is_resolved(demo: HostileDemo, path: str, body: dict) -> None:
    status, _ = demo.post(f"/gradio_api/{path}", body)
    assert status < 500
    assert demo.lookups.read_text() == ""


@FAST
@given(path=GETS)
def test_no_address_is_fetched(demo: HostileDemo, path: str) -> None:
    status, _ = demo.request("GET", path)
    assert status < 500
    assert demo.lookups.read_text() == ""


def test_a_remote_picture_is_refused_with_a_message(demo: HostileDemo) -> None:
    body = {"data": [{"path": "http://canary.example/a.png", "meta": {"_type": "gradio.FileData"}}]}
    status, answer = demo.post("/gradio_api/call/predict", body)
    assert status == 400
    assert "Expected" in answer["detail"]
    assert "canary" not in answer["detail"]


@pytest.mark.parametrize("address", ["http://canary.example", "https:", "//", "x", "."])
def test_an_address_that_leads_to_an_upload_as_a_path_is_refused(
    demo: HostileDemo, address: str
) -> None:
    """Gradio fetches what looks like an address, before it looks at paths."""
    form = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nA\r\n--x--'
    )
    kind = {"content_type": "multipart/form-data; boundary=x"}
    upload = json.loads(demo.request("POST", "/gradio_api/upload", form + b"\r\n", **kind)[1])[0]
    path = address + "/.." * 40 + upload
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    assert demo.post("/gradio_api/call/predict", {"data": [file]})[0] == 400
    assert demo.request("GET", f"/gradio_api/file={path}")[0] == 404
    assert demo.lookups.read_text() == ""
    assert demo.request("GET", f"/gradio_api/file={upload}")[0] == 200


def test_without_the_gate_the_second_line_holds(model: Path, tmp_path: Path) -> None:
    """Also shows that the tests above would notice a look-up."""
    body = {"data": [{"path": "http://canary.example/a.png", "meta": {"_type": "gradio.FileData"}}]}
    with hostile_demo(model, tmp_path, gate="open") as demo:
        status, answer = demo.post("/gradio_api/call/predict", body)
        assert status == 200, answer
        # The picture is asked for before the result is written.
        _, result = demo.request("GET", f"/gradio_api/call/predict/{answer['event_id']}")
        assert b"event: error" in result
        demo.request("GET", "/gradio_api/file=https://canary-two.example/a.png")
    for name in ("canary.example", "canary-two.example"):
        assert name in demo.lookups.read_text(), demo.log.read_text()


@pytest.mark.parametrize("event", sorted(lookups.LOOKUPS))
def test_look_ups_are_refused(event: str) -> None:
    with pytest.raises(PermissionError):
        outbound.refuse(event, ("canary.example", 80))


def test_connections_are_refused_but_between_processes() -> None:
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(family) as remote, pytest.raises(PermissionError):
            outbound.refuse("socket.connect", (remote, ("8.8.8.8", 80)))
    with socket.socket(socket.AF_UNIX) as local:
        outbound.refuse("socket.connect", (local, "/tmp/x"))
    outbound.refuse("open", ("file", "r", 0))


def test_an_honest_call_still_answers(demo: HostileDemo, frame) -> None:
    import base64

    import cv2

    png = cv2.imencode(".png", frame[..., ::-1])[1].tobytes()
    url = "data:image/png;base64," + base64.b64encode(png).decode()
    status, answer = demo.post("/gradio_api/call/predict", {"data": [{"url": url}]})
    assert status == 200
    _, text = demo.request("GET", f"/gradio_api/call/predict/{answer['event_id']}")
    assert b"event: complete" in text
    assert len(json.loads(text.split(b"data: ")[1])[0]) == 1
