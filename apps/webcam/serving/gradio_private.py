"""All uses of Gradio's private parts, one function each.

A new release of Gradio may lack any of them; `tests/apps/webcam/serving/test_gradio_private.py`
says which. Gradio itself is not imported here, as one of them has to run before.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gradio as gr
    from gradio.queueing import Queue
    from gradio.route_utils import FileUploadProgress

EVENT_POLL_SECONDS = 0.01
PROGRESS_POLL_SECONDS = 0.1
"""See `poll_less`."""


def import_without_stubs() -> None:
    """Import Gradio without the stubs (`.pyi`) that it writes for editors.

    `gradio.component_meta.create_or_modify_pyi` parses the source of each component when it is
    imported. No setting turns it off, but it leaves out a class whose file `inspect` does not find.
    That saves 0.8 of the 2.8 s of processor time of the import, on a machine with two cores.
    """
    getfile = inspect.getfile

    def without_components(object: Any) -> str:  # its name in `inspect`
        if isinstance(object, type) and object.__module__.startswith("gradio."):
            raise OSError("no stub is wanted")
        return getfile(object)

    inspect.getfile = without_components
    try:
        import_module("gradio")
    finally:
        inspect.getfile = getfile


def queue_of(page: gr.Blocks) -> Queue:
    """Return the queue of a page's events.

    `Blocks.queue()` configures it, and nothing public returns it. With it, streams that nobody
    uses are ended after 5 s; Gradio waits half a minute, or the whole time limit.
    """
    return page._queue


def poll_less(queue: Queue) -> None:
    """Let a queue look for events, and for their progress, less often.

    Gradio looks every millisecond, which takes 6 to 8 % of a core while nobody is there. The frames
    of a live stream do not wait for it; any other event waits 5 ms longer, on average.
    """
    queue.sleep_when_free = EVENT_POLL_SECONDS
    queue.progress_update_sleep_when_free = PROGRESS_POLL_SECONDS


def forget_upload(progress: FileUploadProgress, upload_id: str) -> None:
    """Forget all about an upload.

    `stop_tracking` is public and leaves the signal of each name that somebody asked for, for ever:
    0.9 kB for each name.
    """
    progress.stop_tracking(upload_id)
    progress._signals.pop(upload_id, None)
