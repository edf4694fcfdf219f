"""What a visitor brings and takes away: own tables, the relabel plan, downloads, text of others."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.runtime import caching
from streamlit.runtime.state.query_params import QueryParams

from apps.studio import charts, context, data_frames, relabel_plan, settings, url_state
from apps.studio.components import confusion_matrix, gallery
from apps.studio.pages import own
from apps.studio.serving import uploads
from core.labels import FERPLUS8
from evaluation.predictions import table
from evaluation.production import reading
from evaluation.quality.repair import plan, plan_file
from evaluation.store import Store, Where
from tests.apps.studio.conftest import predictions

FIRST, SECOND, THIRD = FERPLUS8.labels[:3]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict:
    """A visitor's state without a server."""
    state: dict = {}
    for module in (relabel_plan, gallery):
        monkeypatch.setattr(module.st, "session_state", state)
    monkeypatch.setattr(url_state.st, "query_params", QueryParams())
    return state


def test_an_uploaded_table_is_opened_and_its_copy_removed(
    session: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "../x.parquet"
    table.write(predictions(40), path)
    own.add("../../my <b>table</b>.parquet", path.read_bytes())
    assert uploads.finish_opening() == ""
    ((upload_id, upload),) = uploads.of_visit().items()
    assert upload.store.rows == 40 and url_state.get("table") == [upload_id]
    assert list(tmp_path.iterdir()) == []
    text = f"id,label,answer\n1,{FIRST},{FIRST}\n2,{SECOND},happily\n".encode()
    own.add("bad.csv", text, "sample_id=id emotion_true=label emotion_pred=answer")
    assert re.search(r"`emotion_pred`.*'happily' in row 2", uploads.finish_opening())
    own.add("mine.parquet", b"no table")
    error = uploads.finish_opening()
    assert "mine.parquet" in error and str(tmp_path) not in error
    assert list(tmp_path.iterdir()) == [] and uploads.finish_opening() == ""
    assert list(uploads.of_visit()) == [upload_id]


@pytest.mark.parametrize(
    ("page", "name", "reader"),
    [("own", "t.csv", (own, "open_table")), ("production", "c.jsonl", (reading, "parse_all"))],
)
def test_what_is_uploaded_is_forgotten_with_its_session(
    draw: Callable, page: str, name: str, reader: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit calls `clear_session_*_cache` when a browser has gone."""
    content = f"id,label,pred\n1,{FIRST},{FIRST}\n2,{SECOND},{FIRST}\n".encode()
    if page == "production":
        content = settings.SAMPLE_PRODUCTION.read_bytes()
    calls, read = [], getattr(*reader)
    monkeypatch.setattr(*reader, lambda *a: (calls.append(1), read(*a))[1])
    app = draw(page)
    app.file_uploader[0].upload(name, content, "text/plain")
    app.run().run()
    assert not app.exception and len(calls) == 1
    caching.clear_session_resource_cache("test session id")
    caching.clear_session_data_cache("test session id")
    assert not app.run().exception and len(calls) == 2


def test_the_plan_is_one_that_the_audit_applies(session: dict, tmp_path: Path) -> None:
    relabel_plan.put("relabel", [("d", "a, b")], "emotion", SECOND, "=HYPERLINK(1)")
    relabel_plan.put("drop", [("d", "-c"), ("d", "e")], "emotion", FIRST)
    relabel_plan.put("move", [("d", "d"), ("d", "f")], "age", "test")
    relabel_plan.put("keep", [("d", "-c")])
    relabel_plan.drop(("d", "d"), ("d", "nobody"))
    (tmp_path / "plan.csv").write_text(plan_file.to_csv(relabel_plan.entries().values()))
    where = dict.fromkeys(["a, b", "-c", "e", "f"], "val")
    rows = [plan._canonical(row, where) for row in plan_file.parse_plan(tmp_path / "plan.csv")]
    assert [(r.sample_id, r.action, r.value, r.reason) for r in rows] == [
        ("a, b", "relabel", f"emotion={SECOND}", "=HYPERLINK(1)"),
        ("-c", "keep", "", ""),
        ("e", "drop", "", ""),
        ("f", "move", "test", ""),
    ]


def test_each_table_and_each_data_set_has_a_plan_of_its_own(session: dict) -> None:
    """Samples of tables without names are called 1, 2, 3 in all of them."""
    buttons: list[tuple[str, str]] = []
    sidebar = SimpleNamespace(
        download_button=lambda label, content, *_, **__: buttons.append((label, content.decode())),
        caption=lambda _: None,
    )
    relabel_plan.put("drop", [("x", "1"), ("y", "1")])
    url_state.put("table", ["other"])
    assert not relabel_plan.entries()
    relabel_plan.badge(sidebar)
    assert not buttons
    relabel_plan.put("keep", [("", "1"), ("", "2")])
    relabel_plan.badge(sidebar)
    url_state.put("table", [])
    relabel_plan.badge(sidebar)
    labels = ["Relabel plan (2)", "Relabel plan of x (1)", "Relabel plan of y (1)"]
    assert [label for label, _ in buttons] == labels
    assert [text.count("drop") for _, text in buttons] == [0, 1, 1]


def test_downloads_are_the_rows() -> None:
    for rows in (
        pa.table({"a": ["ä", None], "b": [1.5, 2]}),
        {"a": ["ä", None], "b": [1.5, 2]},
        pd.DataFrame({"a": ["ä", None], "b": [1.5, 2]}),
    ):
        assert data_frames.csv(rows).decode() == "a,b\r\nä,1.5\r\n,2.0\r\n"
        assert pq.read_table(io.BytesIO(data_frames.parquet(rows))).to_pydict() == {
            "a": ["ä", None],
            "b": [1.5, 2],
        }


def test_text_of_others_is_shown_as_it_is() -> None:
    assert (
        context.as_markdown("[x](http://a) <b> $x$ :smile:")
        == r"\[x\]\(http\:\/\/a\) \<b\> \$x\$ \:smile\:"
    )
    assert charts.as_html("<a href='x'>&") == "&lt;a href='x'&gt;&amp;"
    chart = charts.figure(x="<b>race</b>", y="a & b")
    assert chart.layout.xaxis.title.text == "&lt;b&gt;race&lt;/b&gt;"
    assert chart.layout.yaxis.title.text == "a &amp; b"
    assert (
        gallery.caption(
            {"emotion_true": None, "emotion_pred": FIRST, "emotion_conf": 0.5}, "emotion"
        )
        == f"? → {FIRST} 50%"
    )
    assert gallery.caption({"age_true": float("nan"), "age_pred": 30.4}, "age") == "? → 30"


def test_cells_hold_exactly_their_samples(tmp_path: Path) -> None:
    table.write(predictions(400), tmp_path / "t.parquet")
    store = Store.open([tmp_path / "t.parquet"])
    labels = store.labels("emotion")
    for threshold in (None, 0.75):
        for top in (8, 4):
            matrix = confusion_matrix.fold(
                store.confusion("emotion", Where(), threshold), labels, top
            )
            assert matrix.counts.sum() == 400 and len(matrix.rows) == (8 if top == 8 else 5)
            assert (confusion_matrix.UNCERTAIN in matrix.columns) == (threshold is not None) and (
                confusion_matrix.OTHER in matrix.rows
            ) == (top == 4)
            for i, true in enumerate(matrix.rows):
                for j, pred in enumerate(matrix.columns):
                    assert (
                        store.count(
                            confusion_matrix.cell_where(Where(), matrix, (true, pred), threshold)
                        )
                        == matrix.counts[i, j]
                    ), (
                        true,
                        pred,
                        threshold,
                    )
    band = Where(confidence=(0.6, 0.9))
    matrix = confusion_matrix.fold(store.confusion("emotion", band, 0.75), labels, 8)
    total = sum(
        store.count(confusion_matrix.cell_where(band, matrix, (t, p), 0.75))
        for t in matrix.rows
        for p in matrix.columns
    )
    assert total == matrix.counts.sum() == store.count(band)


def test_a_cell_in_the_url_shows_its_samples(draw) -> None:
    app = draw("confusion", "no images", task="emotion", **{"cm.cell": [FIRST, SECOND]})
    assert not app.exception
    shown = next(d.value for d in app.dataframe if "sample_id" in d.value)
    matrix = next(d.value for d in app.dataframe if confusion_matrix.TABLE_CORNER in d.value)
    assert (
        len(shown) == matrix[SECOND].iloc[0]
        and set(shown["emotion_true"]) == {FIRST}
        and set(shown["emotion_pred"]) == {SECOND}
    )
    assert not draw("confusion", "no images", **{"cm.cell": ["<b>", "x"]}).exception


def test_one_ticked_row_selects_its_sample(session: dict) -> None:
    rows = pd.DataFrame({"sample_id": ["a", "b"], "dataset": ["d", None]})
    for ticked, selected in (
        ([1], ["b"]),
        ([0, 1], ["b"]),
        ([0], ["a"]),
        ([], ["a"]),
        ([2], ["a"]),
    ):
        session["k"] = SimpleNamespace(selection=SimpleNamespace(rows=ticked))
        gallery._on_tick("k", rows)
        assert url_state.get("sample") == selected
    assert url_state.get("dataset") == ["d"]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from apps.studio.__main__ import main

    (tmp_path / "bad.csv").write_text(f"sample_id,emotion_true,emotion_pred\na,{FIRST},smirk\n")
    for arguments, words in (
        ([tmp_path / "bad.csv"], ["`emotion_pred`", "'smirk'", "row 1"]),
        ([tmp_path / "none.parquet"], ["no file"]),
        (["--images", tmp_path / "none"], ["--images"]),
        (["--runs", tmp_path / "none"], ["--runs"]),
        (["--map", "x"], ["--map"]),
    ):
        assert main([str(a) for a in arguments]) == 2
        stderr = capsys.readouterr().err
        assert all(word in stderr for word in words) and "Traceback" not in stderr
