"""Requests wait until connections are forbidden, but for those of Gradio's own start."""

from __future__ import annotations

import asyncio
import threading

import pytest
from starlette.types import Receive, Scope, Send

from apps.webcam.serving.readiness import POLL_SECONDS, ReadyMiddleware


def is_answered(method: str, path: str, *, is_ready: bool, kind: str = "http") -> bool:
    """Whether a request reaches what lies behind the middleware before the demo becomes ready."""
    answered, event = [], threading.Event()
    if is_ready:
        event.set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answered.append(scope)

    async def request() -> bool:
        scope = {"type": kind, "method": method, "path": path}
        call = asyncio.create_task(ReadyMiddleware(app, event)(scope, None, None))
        await asyncio.sleep(5 * POLL_SECONDS)
        is_early = bool(answered)
        event.set()
        await asyncio.wait_for(call, 5)
        assert answered == [scope], "it is answered in the end, and once"
        return is_early

    return asyncio.run(request())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/gradio_api/call/predict"),
        ("HEAD", "/gradio_api/file=http://canary.example/a.png"),
        ("GET", "/gradio_api/file=https://canary.example/startup-events"),
    ],
)
def test_a_request_waits_until_the_demo_is_ready(method: str, path: str) -> None:
    assert not is_answered(method, path, is_ready=False)
    assert is_answered(method, path, is_ready=True)


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/"), ("GET", "/gradio_api/startup-events")])
def test_gradio_s_own_start_does_not_wait(method: str, path: str) -> None:
    assert is_answered(method, path, is_ready=False)


def test_what_is_no_request_does_not_wait() -> None:
    assert is_answered("GET", "/", is_ready=False, kind="lifespan")
