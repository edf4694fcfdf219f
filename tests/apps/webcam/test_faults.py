"""What the page says where something fails: our words, never those of a Python error."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from apps.webcam.tabs import image as image_tab
from apps.webcam.tabs import webcam
from apps.webcam.ui import texts
from core.pipeline import Pipeline
from tests.apps.webcam.test_pages import data_url


@given(
    content=st.one_of(st.binary(max_size=200).map(base64.b64encode), st.binary(max_size=200)),
)
def test_no_error_text_of_python_reaches_the_page(pipeline: Pipeline, content: bytes):
    payload = {"url": "data:image/jpeg;base64," + content.decode("latin-1")}
    _, cards, _ = asyncio.run(webcam.process_frame(pipeline, payload, webcam.VisitorState()))
    for words in ("padding", "Error", "Exception", "Errno", "object at", "base64-encoded"):
        assert words not in cards


def test_a_fault_of_ours_is_a_sentence_on_the_page_and_a_traceback_for_the_server(
    frame: np.ndarray, capsys
):
    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("a secret of the server")

    broken.read_frame = broken
    payload = data_url(frame, "JPEG")
    updates = [
        asyncio.run(webcam.process_frame(broken, payload, webcam.VisitorState())),
        image_tab.process_upload(broken, payload),
    ]
    for update in updates:
        assert texts.SERVER_FAULT in update.cards
        assert "secret" not in update.cards
    assert capsys.readouterr().err.count("RuntimeError: a secret of the server") == len(updates)
