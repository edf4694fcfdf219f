"""The two private parts of Gradio's queue that have no public door."""

from __future__ import annotations

import asyncio

import gradio as gr
from gradio.queueing import Queue


def queue_of(page: gr.Blocks) -> Queue:
    """Return the queue of a page's events."""
    return page._queue


def oldest_message(messages: asyncio.Queue[object]) -> object | None:
    """Return the message that is to be read next; it stays. None if there is none."""
    return messages._queue[0] if not messages.empty() else None  # type: ignore[attr-defined]
