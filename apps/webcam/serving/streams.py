"""Places in the queue for those who use them: what sends or reads nothing is ended.

Gradio gives each live stream a place until it ends, and waits half a minute, or the whole time
limit, for the next frame of a visitor who has gone. What a visitor does not read stays in memory.
"""

from __future__ import annotations

import asyncio
import math

from gradio.queueing import Event, Queue
from gradio.server_messages import EventMessage
from gradio.utils import cancel_tasks

from apps.webcam.serving.changes import Changes
from apps.webcam.serving.clients import is_long, number_of

IDLE_SECONDS = 5.0
"""A visitor who sends no frame, or reads no result, for so long loses the place."""
UNREAD_SECONDS = 60.0
"""Time after which other results that nobody reads are forgotten."""


class StreamWatch:
    """Ends events that nobody uses, and forgets results that nobody reads."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._frames, self._unread = Changes(), Changes()

    async def check(self, now: float) -> None:
        """Look at all events once.

        Args:
            now: Monotonic seconds; call it again and again with later ones.
        """
        unread_s = self._unread_seconds(now)
        running = [event for job in self._queue.active_jobs if job for event in job]
        for event_id, event in list(self._queue.event_ids_to_events.items()):
            if not is_long(event.fn):
                continue
            is_read = event.alive and unread_s.get(event.session_hash, 0.0) < IDLE_SECONDS
            if event in running and event.streaming:
                idle_s = self._frames.unchanged_seconds(event_id, event.data, now)
                if not is_read or idle_s >= IDLE_SECONDS:
                    end_stream(event)
            elif not is_read and event in running:
                await cancel_tasks({f"{event.session_hash}_{number_of(event)}"})
            elif not is_read:
                await self._queue.clean_events(event_id=event_id)
            if not is_read:
                self._forget(event.session_hash)
        self._frames.keep(self._queue.event_ids_to_events.keys())
        for session, seconds in unread_s.items():
            if seconds >= UNREAD_SECONDS:
                self._forget(session)

    def _unread_seconds(self, now: float) -> dict[str, float]:
        """Return how long the oldest message of each session has waited."""
        waiting = {
            session: message
            for session, messages in self._queue.pending_messages_per_session.items()
            if (message := _oldest(messages)) is not None
        }
        self._unread.keep(waiting.keys())
        return {s: self._unread.unchanged_seconds(s, m, now) for s, m in waiting.items()}

    def _forget(self, session: str) -> None:
        """Drop the messages of a session, and the session itself once it has no events."""
        messages = self._queue.pending_messages_per_session.get(session)
        while messages is not None and not messages.empty():
            messages.get_nowait()
        if not any(e.session_hash == session for e in self._queue.event_ids_to_events.values()):
            self._queue.pending_messages_per_session.pop(session, None)
            self._queue.pending_event_ids_session.pop(session, None)


def _oldest(messages: asyncio.Queue[EventMessage]) -> EventMessage | None:
    """Return the message that is to be read next, and leave it there; None if there is none.

    A queue can only be read by taking from it; nothing else runs in its loop before all are back.
    """
    waiting = [messages.get_nowait() for _ in range(messages.qsize())]
    for message in waiting:
        messages.put_nowait(message)
    return waiting[0] if waiting else None


def end_stream(event: Event) -> None:
    """End a live stream, as its visitor's page would."""
    event.run_time = math.inf
    event.closed = True
    event.signal.set()
