"""Sessions in use are kept, others forgotten.

Gradio never forgets a session whose results were read. It keeps 2,000 of them and then drops those
that came first, in use or not: a live view would end once 2,000 others had called the demo.
"""

from __future__ import annotations

import gradio as gr
from gradio.queueing import Queue

from apps.webcam.serving.changes import Changes

IDLE_SECONDS = 60.0
"""A session without events or results is forgotten after so long; a later event begins it anew."""


class SessionWatch:
    """Forgets sessions that nobody uses, and has Gradio drop those in use last."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._idle = Changes()

    def check(self, now: float) -> None:
        """Look at all sessions once.

        Args:
            now: Monotonic seconds; call it again and again with later ones.
        """
        sessions = self._queue.pending_messages_per_session
        in_use = {event.session_hash for event in self._queue.event_ids_to_events.values()}
        for session in in_use & sessions.keys():
            sessions.move_to_end(session)
        idle = {s: m for s, m in sessions.items() if s not in in_use and m.empty()}
        self._idle.keep(idle.keys())
        for session, messages in idle.items():
            if self._idle.unchanged_seconds(session, messages, now) >= IDLE_SECONDS:
                sessions.pop(session, None)
                self._queue.pending_event_ids_session.pop(session, None)


def forget_results(page: gr.Blocks) -> None:
    """Drop the last results of all sessions, pictures and predictions.

    Gradio keeps them, about 1.3 MB a session, for links to a state of the page, which the demo does
    not serve (`routes`); of visitors whose page told nobody that it closed, until 100 others have
    come.
    """
    for session in list(page.state_holder.session_data.values()):
        for config in session.config_values.values():
            properties = config.get("props", {})
            if properties.get("value") is not None:
                properties["value"] = None
