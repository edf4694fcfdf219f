"""Uploads are kept for an hour under ids that nobody can guess, and no more than fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.runtime.state.query_params import QueryParams

from apps.studio import links, url_state
from apps.studio.serving import uploads
from evaluation.predictions import table
from evaluation.store import Store
from tests.apps.studio.conftest import predictions


@pytest.fixture
def store(tmp_path: Path) -> Store:
    path = tmp_path / "t.parquet"
    table.write(predictions(20), path)
    return Store.open([path])


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Callable[[], None]]]:
    """What the server was asked to do later, if it was not cancelled: (seconds, what)."""
    started: list[tuple[float, Callable[[], None]]] = []

    class Timer:
        def __init__(self, seconds: float, call: Callable[..., None], args: list[str]) -> None:
            self.entry = (seconds, lambda: call(*args))

        def start(self) -> None:
            started.append(self.entry)

        def cancel(self) -> None:
            started.remove(self.entry)

    monkeypatch.setattr(uploads.threading, "Timer", Timer)
    monkeypatch.setattr(uploads, "_uploads", {})
    monkeypatch.setattr(url_state.st, "query_params", QueryParams())
    monkeypatch.setattr(uploads.st, "session_state", {})
    return started


def opened_now(store: Store, name: str) -> None:
    """Keep a table and select it, as two runs of a page do."""
    uploads.opening().upload_id = uploads.keep(store, name)
    assert uploads.finish_opening() == ""


def test_an_upload_is_found_by_its_id_for_an_hour(store: Store, timers: list) -> None:
    first, second = uploads.keep(store, "a"), uploads.keep(store, "a")
    assert first != second and min(len(first), len(second)) >= 22  # 128 bits
    upload = uploads.find(first)
    assert upload is not None and upload.store is store and upload.minutes_left == 60
    assert uploads.find("") is None and uploads.find(first[:-1]) is None
    assert [seconds for seconds, _ in timers] == [3600, 3600]
    timers[0][1]()
    assert uploads.find(first) is None and uploads.find(second) is not None


def test_the_oldest_give_way(store: Store, timers: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOADS", 5)
    other = uploads.keep(store, "another visitor's")
    for i in range(4):
        opened_now(store, f"t{i}")
    assert [u.name for u in uploads.of_visit().values()] == ["t1", "t2", "t3"]
    assert uploads.find(other) is not None
    opened = list(uploads.of_visit())
    assert url_state.selections() == {"table": opened[-1:], "own": opened}
    for i in range(2):
        uploads.keep(store, f"o{i}")
    assert uploads.find(other) is None and [u.name for u in uploads._uploads.values()] == [
        "t1",
        "t2",
        "t3",
        "o0",
        "o1",
    ]


def test_a_table_that_is_deleted_early_leaves_no_thread(
    store: Store, timers: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOADS", 5)
    ids = [uploads.keep(store, "t") for _ in range(12)]
    assert len(timers) == 5
    for upload_id in ids:
        uploads.delete(upload_id)
    assert not timers


def test_opening_a_table_leaves_the_selections_of_the_last(store: Store, timers: list) -> None:
    url_state.put("models", ["m"])
    opened_now(store, "t")
    assert set(url_state.selections()) == {"table", "own"}


def test_a_link_to_a_deleted_table_says_so(draw) -> None:
    app = draw("overview", "emotion only", table="gone <b>")
    assert not app.exception and "no longer kept" in app.warning[0].value
    assert not app.metric, "no other table is shown in its place"


def test_a_link_that_leaves_a_table_behind_keeps_the_others(
    timers: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict] = []
    where = SimpleNamespace(page_link=lambda *_, query_params, **__: drawn.append(query_params))
    monkeypatch.setattr(links.st, "session_state", {links.PAGES_KEY: {"own": "its page"}})
    url_state.replace({"table": ["gone"], "own": ["gone", "b"], "models": ["m"]})
    links.to("own", "Upload it again", None, ":material/upload_file:", where)
    assert drawn == [{"own": ["gone", "b"]}]
