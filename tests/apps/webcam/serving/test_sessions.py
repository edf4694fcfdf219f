"""Sessions in use outlast any number of others; those that nobody uses are forgotten."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import gradio as gr
from gradio.queueing import AsyncQueue, Queue
from gradio.state_holder import StateHolder
from gradio.utils import LRUCache
from hypothesis import given
from hypothesis import strategies as st

from apps.webcam.serving.sessions import IDLE_SECONDS, SessionWatch, forget_results

CAPACITY = 5


def new_queue(capacity: int) -> Queue:
    """The parts of Gradio's queue that sessions are in; a whole one needs a running loop."""
    parts = SimpleNamespace(
        pending_messages_per_session=LRUCache(capacity),
        pending_event_ids_session={},
        event_ids_to_events={},
    )
    return cast(Queue, parts)


def begin(queue: Queue, session: str, *, has_event: bool) -> None:
    queue.pending_messages_per_session[session] = AsyncQueue()
    queue.pending_event_ids_session[session] = set()
    if has_event:
        queue.event_ids_to_events[session] = SimpleNamespace(session_hash=session)


@given(
    live=st.integers(1, CAPACITY - 1),
    visits=st.lists(st.integers(1, CAPACITY - 1), max_size=20),
    begins_after=st.integers(0, 3),
)
def test_live_sessions_outlast_any_number_of_visits(
    live: int, visits: list[int], begins_after: int
) -> None:
    """Between two checks fewer sessions begin than Gradio keeps beside the live ones."""
    queue = new_queue(CAPACITY)
    watch = SessionWatch(queue)
    for number in range(begins_after):
        begin(queue, f"early{number}", has_event=False)
    streams = [f"live{number}" for number in range(live)]
    for stream in streams:
        begin(queue, stream, has_event=True)
    watch.check(0.0)
    for step, count in enumerate(visits):
        for number in range(min(count, CAPACITY - live)):
            begin(queue, f"visit{step}-{number}", has_event=False)
        watch.check(0.5 * step)
        assert set(streams) <= queue.pending_messages_per_session.keys()


def test_a_session_that_nobody_uses_is_forgotten() -> None:
    queue = new_queue(CAPACITY)
    watch = SessionWatch(queue)
    begin(queue, "read", has_event=False)
    begin(queue, "waiting", has_event=True)
    begin(queue, "unread", has_event=False)
    queue.pending_messages_per_session["unread"].put_nowait("result")
    watch.check(0.0)
    watch.check(IDLE_SECONDS - 1)
    assert len(queue.pending_messages_per_session) == 3
    watch.check(IDLE_SECONDS)
    assert set(queue.pending_messages_per_session) == {"waiting", "unread"}
    assert "read" not in queue.pending_event_ids_session


def test_last_results_are_dropped_and_the_page_stays_as_it_is() -> None:
    asyncio.run(_drop_last_results())  # Gradio would leave a loop of its own open


async def _drop_last_results() -> None:
    with gr.Blocks() as page:
        picture, cards = gr.Image(), gr.HTML("No image yet")
    holder = StateHolder()
    holder.set_blocks(page)
    start = page.get_config_file()
    for visitor in ("a", "b"):
        for block, value in ((picture, {"url": "data:image/jpeg;base64,AA"}), (cards, "happy")):
            # as after each event (`gradio.blocks.Blocks.postprocess_data`)
            holder[visitor]._update_value_in_config(block._id, value)
    assert "happy" in str(holder["a"].config_values), "what Gradio does; if not, this can go"
    forget_results(page)
    for visitor in ("a", "b"):
        kept = str(holder[visitor].config_values)
        assert "data:" not in kept and "happy" not in kept
    assert page.get_config_file() == start
