"""The page Confusion with classes that have the names of its own rows and columns, or odd ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest

from apps.studio import settings, url_state
from apps.studio.components import confusion_matrix
from evaluation.predictions import table
from evaluation.store import Store, Where

CLASHING = ("happy", "other", "uncertain", "(other)", "calm")
NUMBERED = ("0", "1", "2", "10", "<b>x</b> & co")


def store_of(labels: Sequence[str], path: Path) -> Store:
    """A store of 60 samples, the first classes more frequent than the last, some wrong."""
    n, k = 60, len(labels)
    top = np.linspace(0.4, 1, n)
    true = [labels[i % (1 + i % k)] for i in range(n)]
    pred = [labels[(i + (i % 4 == 0)) % (1 + i % k)] for i in range(n)]
    columns = {"sample_id": [f"s{i}" for i in range(n)], "model": ["m"] * n, "mood_true": true}
    columns |= {"mood_pred": pred}
    for label in labels:
        p = [c if label == name else (1 - c) / (k - 1) for c, name in zip(top, pred, strict=True)]
        columns[f"mood_p_{label}"] = np.array(p, np.float32)
    table.write(pa.table(columns), path)
    return Store.open([path])


@pytest.mark.parametrize("threshold", [None, 0.6])
@pytest.mark.parametrize("top", [2, 5])
@pytest.mark.parametrize("labels", [CLASHING, NUMBERED])
def test_each_cell_has_a_name_of_its_own_and_its_samples(
    tmp_path: Path, labels: Sequence[str], top: int, threshold: float | None
) -> None:
    store = store_of(labels, tmp_path / "t.parquet")
    counts = store.confusion("mood", Where(), threshold)
    matrix = confusion_matrix.fold(counts, store.labels("mood"), top)
    assert len(set(matrix.rows)) == len(matrix.rows) == min(top + 1, 5)
    assert len(set(matrix.columns)) == len(matrix.columns)
    for i, true in enumerate(matrix.rows):
        for j, pred in enumerate(matrix.columns):
            where = confusion_matrix.cell_where(Where(task="mood"), matrix, (true, pred), threshold)
            assert store.count(where) == matrix.counts[i, j]


def drawn(path: Path, **url: str | list[str]) -> AppTest:
    """The page on a file."""
    settings.PROCESS.use(settings.Settings((path,)))
    try:
        app = AppTest.from_string(
            "from apps.studio import frame\nfrom apps.studio.pages import "
            "confusion\nframe.run(confusion, {})",
            default_timeout=60,
        )
        app.query_params = url
        return app.run()
    finally:
        settings.PROCESS.use(settings.Settings())


@pytest.mark.parametrize("unsure", [{}, {"cm.unsure": "0.6"}])
def test_a_class_called_as_a_column_is_a_class(tmp_path: Path, unsure: dict[str, str]) -> None:
    store_of(CLASHING, tmp_path / "t.parquet")
    app = drawn(tmp_path / "t.parquet", **{"cm.cell": ["uncertain", "uncertain"]}, **unsure)
    assert not app.exception
    assert any("uncertain predicted as uncertain" in h.value for h in app.subheader)


def test_names_are_categories_shown_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(NUMBERED, tmp_path / "t.parquet")
    app = drawn(tmp_path / "t.parquet", **{"cm.unsure": "0.6"})
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [spec["layout"][f"{axis}axis"]["type"] for axis in "xy"] == ["category"] * 2
    names = {name for trace in spec["data"] for axis in "xy" for name in trace[axis]}
    assert "&lt;b&gt;x&lt;/b&gt; &amp; co" in names and not any("<b>" in name for name in names)

    monkeypatch.setattr(url_state.st, "query_params", QueryParams())
    point = {"x": "&lt;b&gt;x&lt;/b&gt; &amp; co", "y": "10"}
    state = {"cm.chart": SimpleNamespace(selection=SimpleNamespace(points=[point]))}
    monkeypatch.setattr(confusion_matrix.st, "session_state", state)
    confusion_matrix._on_click()
    assert url_state.get("cm.cell") == ["10", NUMBERED[-1]]
    labels = store.labels("mood")
    matrix = confusion_matrix.fold(store.confusion("mood", Where()), labels, len(labels))
    assert confusion_matrix.selected_cell(matrix) == ("10", NUMBERED[-1])
