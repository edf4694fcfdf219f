"""Sessions in use outlast any number of others; those that nobody uses are forgotten."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from gradio.queueing import AsyncQueue, Queue
from gradio.utils import LRUCache
from hypothesis import given
from hypothesis import strategies as st

from apps.webcam.serving.sessions import IDLE_SECONDS, SessionWatch

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
        queue.event_ids_to_events[session] = SimpleNamespace(session_hash=session)  # type: ignore[assignment]


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
    queue.pending_messages_per_session["unread"].put_nowait("result")  # type: ignore[arg-type]
    watch.check(0.0)
    watch.check(IDLE_SECONDS - 1)
    assert len(queue.pending_messages_per_session) == 3
    watch.check(IDLE_SECONDS)
    assert set(queue.pending_messages_per_session) == {"waiting", "unread"}
    assert "read" not in queue.pending_event_ids_session
