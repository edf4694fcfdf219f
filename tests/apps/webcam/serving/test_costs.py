"""What a request costs is bounded by its bytes, and nothing of it stays."""

from __future__ import annotations

import asyncio
import time
import tracemalloc

import pytest
from gradio.routes import file_upload_statuses

from apps.webcam.serving import payloads, upload_progress
from apps.webcam.serving.bodies import BodyError
from apps.webcam.serving.payloads import MAX_JSON_MARKS
from apps.webcam.serving.requests import MAX_JSON_BYTES, RequestMiddleware
from core.errors import DataError
from tests.conftest import SLOWNESS

MAX_GROWTH = 8
"""Memory of a parsed request, as a multiple of its bytes."""
SIZE = MAX_JSON_BYTES // 8
UNITS = (b"[],", b"{},", b"0,", b'"",', b'{"a":', b"[", b" ", b"\\u0000", b"1", b"\xf0\x9f\x98\x80")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("begin", "end"), [(b'{"data":[', b"0]}"), (b'{"a":"', b'"}')])
def test_json_costs_no_more_than_a_picture(unit: bytes, begin: bytes, end: bytes) -> None:
    body = begin + unit * (SIZE // len(unit)) + end
    tracemalloc.start()
    start = time.process_time()
    try:
        payloads.parse(body)
    except DataError:
        pass
    finally:
        seconds = time.process_time() - start
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MAX_GROWTH * len(body)
    assert seconds < 0.25 * SLOWNESS


def test_a_request_of_the_page_is_far_from_the_limit() -> None:
    values = b",".join([b'{"path":null,"url":"data:image/png;base64,AAAA","orig_name":"a"}'] * 20)
    assert len(payloads.parse(b'{"data":[' + values + b"]}")["data"]) == 20
    with pytest.raises(DataError, match="values in a request"):
        payloads.parse(b'{"data":[' + b"0," * MAX_JSON_MARKS + b"0]}")


@pytest.mark.parametrize("path", ["upload", "upload_progress"])
def test_the_progress_of_an_upload_is_forgotten(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_progress, "KEPT_SECONDS", 0.05)
    gate = RequestMiddleware.__new__(RequestMiddleware)

    async def app(scope, receive, send) -> None:
        file_upload_statuses.track(scope["query_string"].decode().partition("=")[2])

    async def visit() -> None:
        for number in range(100):
            scope = {"query_string": f"upload_id=u{number}".encode()}
            await gate._with_progress(app, scope, None, None)
        assert file_upload_statuses._signals, "the page may ask"
        await asyncio.sleep(0.2)

    asyncio.run(visit())
    assert not file_upload_statuses._signals
    assert not file_upload_statuses._statuses


@pytest.mark.parametrize("name", ["a" * 65, "%00", "../x", "", "é"])
def test_an_upload_has_a_plain_name(name: str) -> None:
    scope = {"query_string": f"upload_id={name}".encode("latin-1")}
    if name:
        with pytest.raises(BodyError):
            upload_progress.upload_id_of(scope)
    else:
        assert upload_progress.upload_id_of(scope) is None
