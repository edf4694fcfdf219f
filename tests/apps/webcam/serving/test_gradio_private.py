"""What the demo reaches into of Gradio is still there, and Gradio works all the same."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys

import gradio as gr
import pytest
from gradio import component_meta
from gradio.queueing import Queue
from gradio.route_utils import FileUploadProgress

from apps.webcam.serving import gradio_private

PARTS_OF_QUEUE = (
    "active_jobs",
    "clean_events",
    "event_ids_to_events",
    "pending_event_ids_session",
    "pending_messages_per_session",
    "progress_update_sleep_when_free",
    "sleep_when_free",
)
PROGRAM = """
import inspect
import sys

stubs = []
sys.addaudithook(
    lambda event, arguments: stubs.append(arguments[0])
    if event == "open" and str(arguments[0]).endswith(".pyi") else None
)
before = inspect.getfile
if "quick" in sys.argv:
    from apps.webcam.serving.gradio_private import import_without_stubs
    import_without_stubs()
import gradio
assert inspect.getfile is before
with gradio.Blocks() as page:
    picture = gradio.Image()
    picture.upload(lambda image: image, picture, picture)
assert len(page.fns) == 1
print(len(stubs))
"""


def test_gradio_touches_no_stubs():
    command = [sys.executable, "-c", PROGRAM, "quick"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["0"]


def test_gradio_writes_stubs_otherwise():
    """If not, `import_without_stubs` can go."""
    source = inspect.getsource(component_meta.create_or_modify_pyi)
    assert "inspect.getfile(component_class)" in source


def test_a_page_has_a_queue():
    async def queue_of_a_page() -> Queue:  # Gradio makes its locks for the loop that runs
        with gr.Blocks() as page:
            gr.Image()
        return gradio_private.queue_of(page.queue(max_size=3))

    queue = asyncio.run(queue_of_a_page())
    assert isinstance(queue, Queue)
    assert queue.max_size == 3
    missing = [name for name in PARTS_OF_QUEUE if not hasattr(queue, name)]
    assert not missing, "this Gradio's queue lacks what `serving` reads"


def test_an_upload_is_forgotten():
    progress = FileUploadProgress()

    async def ask_in_vain() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(progress.is_tracked("asked"), 0.01)

    asyncio.run(ask_in_vain())
    progress.track("sent")
    assert kept_names(progress) == {"asked", "sent"}, "what Gradio keeps; if not, it can go"
    for name in ("asked", "sent", "never named"):
        gradio_private.forget_upload(progress, name)
    assert kept_names(progress) == set()


def kept_names(progress: FileUploadProgress) -> set[str]:
    """Return every key of its tables."""
    return {key for table in vars(progress).values() for key in table}
