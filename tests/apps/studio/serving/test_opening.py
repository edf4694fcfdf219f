"""A table that is being opened is not lost by a click meanwhile, which starts a second run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime import Runtime
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.runtime.state import SafeSessionState, SessionState
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from apps.studio import frame, settings
from apps.studio.pages import own
from apps.studio.serving import uploads
from evaluation.predictions import table
from evaluation.store import Store
from tests.apps.studio.conftest import predictions

SCRIPT = "import visit\nfrom apps.studio import frame\nframe.run(visit.page, {})\n"


class Visit:
    """Runs of one session that overtake each other, as `AppSession` starts them.

    Attributes:
        page: has a button *Open*.
        started, go_on: the first run has come to opening the table, and may do it.
        shown: the rows of the table that each complete run after the first has shown.
    """

    def __init__(self, folder: Path, content: bytes) -> None:
        self.started, self.go_on = threading.Event(), threading.Event()
        self.shown: list[int] = []
        self.page = SimpleNamespace(TITLE="Own table", render=self._render)
        self.content = content
        self.script = folder / "script.py"
        self.script.write_text(SCRIPT)
        self.state = SafeSessionState(SessionState(), lambda: None)

    def _render(self, view: frame.View) -> None:
        if st.button("Open", key="open"):
            own.add("mine.parquet", self.content)
            st.rerun()
        self.shown.append(view.store.rows)

    def open(self, *arguments: object, **options: object) -> Store:
        """Open a table as soon as `go_on` is set."""
        self.started.set()
        assert self.go_on.wait(60)
        return Store.open(*arguments, **options)

    def run(self, *, presses: bool) -> LocalScriptRunner:
        runner = LocalScriptRunner(str(self.script), self.state, PagesManager(str(self.script)))
        states = WidgetStates()
        if presses:
            button = self.state._state._key_id_mapper.get_id_from_key("open")
            states.widgets.append(WidgetState(id=button, trigger_value=True))
        runner.request_rerun(RerunData(query_string="", widget_states=states))
        runner.start()
        return runner


@pytest.fixture
def overtaken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Visit]:
    """overtaken(content, presses_again=...): the visit in which a click overtook *Open*."""
    table.write(predictions(20), tmp_path / "t.parquet")
    monkeypatch.setattr(Runtime, "_instance", MagicMock())
    monkeypatch.setattr(settings.PROCESS, "settings", settings.Settings((tmp_path / "t.parquet",)))

    def run(content: bytes, *, presses_again: bool = False) -> Visit:
        visit = Visit(tmp_path, content)
        monkeypatch.setitem(sys.modules, "visit", visit)
        monkeypatch.setattr(own, "Store", SimpleNamespace(open=visit.open))
        visit.run(presses=False).join()
        visit.shown.clear()
        first = visit.run(presses=True)
        assert visit.started.wait(60)
        first.request_stop()
        second = visit.run(presses=presses_again)
        visit.go_on.set()
        first.join()
        second.join()
        return visit

    return run


@pytest.mark.parametrize("presses_again", [False, True])
def test_the_second_run_shows_the_table(
    overtaken: Callable[..., Visit], tmp_path: Path, presses_again: bool
) -> None:
    table.write(predictions(30), tmp_path / "mine.parquet")
    before = set(uploads._uploads)
    content = (tmp_path / "mine.parquet").read_bytes()
    visit = overtaken(content, presses_again=presses_again)
    assert visit.shown == [30]
    assert len(set(uploads._uploads) - before) == 1


def test_the_second_run_says_what_was_wrong(
    overtaken: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[str] = []
    monkeypatch.setattr(frame.st, "error", lambda text, icon: errors.append(text))
    visit = overtaken(b"no table")
    assert visit.shown == [20]
    [error] = errors
    assert "mine" in error and "parquet" in error
