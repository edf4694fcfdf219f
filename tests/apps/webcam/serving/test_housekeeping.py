"""What the server does by itself goes on after a failure, which is logged."""

from __future__ import annotations

import asyncio

import pytest

from apps.webcam.serving.housekeeping import repeat


def test_a_failure_is_logged_and_does_not_end_the_work(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []

    async def work() -> None:
        calls.append(len(calls))
        if calls[-1] == 1:
            raise OSError("no space left")
        if calls[-1] == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asyncio.wait_for(repeat(work, 0.0), 10))
    assert calls == [0, 1, 2, 3]
    [record] = caplog.records
    assert "tried again" in record.message and "no space left" in caplog.text
