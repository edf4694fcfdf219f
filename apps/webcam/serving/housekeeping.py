"""What the server does by itself, once and again, for as long as it runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import gradio as gr

from apps.webcam import uploads
from apps.webcam.serving import free_memory
from apps.webcam.serving.connections import ConnectionWatch
from apps.webcam.serving.gradio_private import queue_of
from apps.webcam.serving.sessions import SessionWatch, forget_results
from apps.webcam.serving.stored_uploads import StoredUploads
from apps.webcam.serving.streams import StreamWatch

WATCH_SECONDS = 0.5
CLEAN_SECONDS = 10.0
GIVE_BACK_SECONDS = 60.0


def lifespan(
    page: gr.Blocks, stored: StoredUploads
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Return the lifespan handler of a page's server, as of ASGI."""

    @asynccontextmanager
    async def handler(app: object) -> AsyncIterator[None]:
        jobs = (
            repeat(_watch(page), WATCH_SECONDS),
            repeat(_clean(page, stored), CLEAN_SECONDS),
            repeat(lambda: asyncio.to_thread(free_memory.give_back), GIVE_BACK_SECONDS),
        )
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    return handler


async def repeat(work: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Do `work` again and again with a pause before; a failure is logged, and does not end it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            logging.getLogger(__name__).exception("Will be tried again in %g s.", seconds)


def _watch(page: gr.Blocks) -> Callable[[], Awaitable[None]]:
    queue = queue_of(page)
    streams, sessions, connections = StreamWatch(queue), SessionWatch(queue), ConnectionWatch(page)

    async def check() -> None:
        await streams.check(time.monotonic())
        sessions.check(time.monotonic())
        connections.check(time.monotonic())

    return check


def _clean(page: gr.Blocks, stored: StoredUploads) -> Callable[[], Awaitable[None]]:
    async def clean() -> None:
        forget_results(page)
        uploads.delete_partial(time.time())
        uploads.delete_old_results(time.time())
        stored.delete_unused(time.time())

    return clean
