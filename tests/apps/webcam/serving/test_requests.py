"""Requests that make no sense get a clear error; nothing that came with them is printed."""

from __future__ import annotations

import asyncio
import errno
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.webcam import uploads
from apps.webcam.serving import routes
from apps.webcam.serving.requests import RequestMiddleware
from apps.webcam.serving.stored_uploads import StoredUploads
from tests.apps.webcam.serving.conftest import HostileDemo, hostile_demo
from tests.apps.webcam.serving.test_outbound import FAST

SECRET = "aSecretFace"
DATA_URL = f"data:image/png;base64,{SECRET}AAAA"
PATHS = st.sampled_from(
    ["queue/join", "call/predict", "run/predict", "stream/x", "cancel", "reset", "stream/x/close"]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(DATA_URL),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "fn_index", "session_hash", "event_id", "path", "url"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@FAST
@given(path=PATHS, body=st.binary(max_size=200) | ANY_JSON.map(lambda v: json.dumps(v).encode()))
def test_any_body_is_answered_with_a_clear_error(demo: HostileDemo, path: str, body: bytes) -> None:
    status, text = demo.request("POST", f"/gradio_api/{path}", body)
    assert status < 500
    if status not in (200, 404):
        assert json.loads(text)["detail"].startswith("Expected")
    assert SECRET.encode() not in text


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_json_is_refused(demo: HostileDemo, depth: int) -> None:
    status, text = demo.request(
        "POST", "/gradio_api/call/predict", b'{"data": ' + b"[" * depth + b"]" * depth + b"}"
    )
    assert status == 400
    assert b"Expected" in text


@pytest.mark.parametrize("number", [-1, 99, 10**30, "1", 1.5, None, True])
def test_an_unknown_function_is_not_found(demo: HostileDemo, number: object) -> None:
    body = {"data": [None], "fn_index": number, "session_hash": "abc"}
    status, answer = demo.post("/gradio_api/queue/join", body)
    assert status == 404
    assert "Expected a function of the demo" in answer["detail"]


@pytest.mark.parametrize("session", ["", "a" * 65, "../x", "a b", 1, ["a"]])
def test_a_session_has_a_plain_name(demo: HostileDemo, session: object) -> None:
    body = {"data": [None, None], "fn_index": 0, "session_hash": session}
    assert demo.post("/gradio_api/queue/join", body)[0] == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/deep_link?session_hash=a"),
        ("GET", "/monitoring"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file=%00"),
        ("GET", "/gradio_api/file=" + "a" * 5000),
        ("GET", "/gradio_api/queue/data?session_hash=unknown"),
        ("GET", "/gradio_api/custom_component/a/client/b/c"),
        ("POST", "/login"),
        ("POST", "/gradio_api/process_recording"),
        ("PUT", "/gradio_api/upload"),
        ("DELETE", "/"),
    ],
)
def test_what_the_page_does_not_use_is_not_there(demo: HostileDemo, method: str, path: str) -> None:
    assert demo.request(method, path, b"" if method == "POST" else None)[0] == 404


@FAST
@given(method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]), path=st.text(max_size=80))
def test_only_listed_addresses_are_served(method: str, path: str) -> None:
    assert routes.classify(method, path) is None or path == "/"


def test_inputs_are_checked_for_the_function_that_is_called(demo: HostileDemo) -> None:
    """`call/NAME` goes by the name, whatever the body's number; the page's `run/` by that."""
    functions = json.loads(demo.request("GET", "/config")[1])["dependencies"]
    for function in functions:
        body = {"data": [], "fn_index": function["id"], "session_hash": "abc"}
        assert demo.post("/gradio_api/call/predict", body)[0] == 400
    for name, status in (("request_stop", 200), ("predict", 400)):
        number = next(f["id"] for f in functions if f["api_name"] == name)
        body = {"data": [], "fn_index": number, "session_hash": "abc"}
        assert demo.post("/gradio_api/run/predict", body)[0] == status


def test_nothing_that_came_is_printed(model: Path, tmp_path: Path) -> None:
    file = {"path": DATA_URL, "url": DATA_URL, "meta": {"_type": "gradio.FileData"}}
    with hostile_demo(model, tmp_path) as demo:
        for number in range(10):
            for value in (file, {"url": DATA_URL}, {"path": DATA_URL}, DATA_URL, [file]):
                for path in ("queue/join", "call/predict", "run/predict"):
                    for data in ([value], [value, value], value):
                        body = {"data": data, "fn_index": number, "session_hash": SECRET}
                        assert demo.post(f"/gradio_api/{path}", body)[0] < 500
        form = (
            f'--x\r\nContent-Disposition: form-data; name="{SECRET}"\r\n\r\n{SECRET}\r\n'
            f'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\n{SECRET}\r\n--x--\r\n'
        ).encode()
        for kind in ("multipart/form-data; boundary=x", "multipart/form-data", "x", ""):
            for upload_id in ("", "?upload_id=" + SECRET):
                path = f"/gradio_api/upload{upload_id}"
                status, text = demo.request("POST", path, form, content_type=kind)
                assert status == 400
                assert SECRET.encode() not in text
    assert SECRET not in demo.log.read_text()
    assert "Traceback" not in demo.log.read_text()


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "upload_folder", lambda: tmp_path)
    sent: list[dict] = []

    async def full(scope, receive, send) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def send(message: dict) -> None:
        sent.append(message)

    page = SimpleNamespace(fns={}, _queue=None, upload_file_set=set())
    gate = RequestMiddleware(full, page, StoredUploads(page), max_upload_bytes=100)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/gradio_api/upload",
        "query_string": b"",
        "headers": [(b"content-length", b"3")],
        "client": ("203.0.113.1", 1),
    }
    asyncio.run(gate(scope, None, send))
    assert sent[0]["status"] == 507
    assert b"Expected room on the disk" in sent[1]["body"]
