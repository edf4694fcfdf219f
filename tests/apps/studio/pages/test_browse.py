"""The page Browse: what it offers with and without embeddings and pictures, and what it acts on."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from streamlit.runtime.state.query_params import QueryParams

from apps.studio import relabel_plan, url_state
from apps.studio.components import gallery
from tests.apps.studio import conftest
from tests.apps.studio.conftest import Case, predictions

ROWS = 160


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case with embeddings of the model a, and none of b."""
    rng = np.random.default_rng(0)
    embeddings = pa.array(rng.normal(0, 1, (ROWS, 4)).tolist(), pa.list_(pa.float32()))
    tables = (
        predictions(ROWS, "a").append_column("embedding", embeddings),
        predictions(ROWS, "b"),
    )
    monkeypatch.setitem(conftest.CASES, "embeddings", lambda: Case(tables, pictures=True))


def component(app: object, name: str) -> dict:
    """The data of a component of ours."""
    for element in app.get("bidi_component"):
        if element.proto.component_name.endswith(name):
            return json.loads(element.proto.json)
    raise AssertionError(f"no component {name}")


def test_a_region_in_the_url_selects_the_grid(draw: Callable) -> None:
    app = draw("browse", "embeddings", **{"br.model": "b", "br.region": "0,0 5000,10000"})
    assert not app.exception
    drawn, shown = component(app, "embedding_map"), component(app, "gallery")
    assert drawn["region"] == "0,0 5000,10000"
    x = np.frombuffer(base64.b64decode(drawn["x"]), np.uint16) / 65535
    assert len(x) == ROWS
    wanted = [f"s{i:05d}" for i in np.flatnonzero(x <= 0.5)]
    assert [item["id"] for item in shown["items"]] == wanted
    codes = np.frombuffer(base64.b64decode(drawn["codes"]), np.uint8)
    marks = [drawn["colours"][codes[int(i[1:])]] for i in wanted]
    assert [item["mark"] for item in shown["items"]] == marks, "tiles have their points' colours"


def test_all_that_a_visitor_chooses_is_in_the_url(draw: Callable) -> None:
    app = draw("browse", "embeddings", **{"br.order": "-confidence", "br.size": "160"})
    shown = component(app, "gallery")
    assert shown["size"] == 160
    percent = [int(item["text"].split()[-1].strip("%")) for item in shown["items"]]
    assert percent == sorted(percent, reverse=True)
    for colour in ("pred", "right", "models", "confidence", "g.race"):
        app = draw("browse", "embeddings", **{"br.colour": colour})
        assert not app.exception and component(app, "embedding_map")["names"]


def test_without_embeddings_the_page_says_how_to_get_them(draw: Callable) -> None:
    app = draw("browse", "no images")
    assert "predict --embedding" in " ".join(c.value for c in app.caption)
    assert "no column `path`" in " ".join(c.value for c in app.caption)
    items = component(app, "gallery")["items"]
    assert len(items) == ROWS and not any(item["url"] for item in items)
    assert {item["label"] for item in items} == {"female", "male"}, "tiles show their labels"


def test_ticked_samples_go_into_the_relabel_plan(draw: Callable) -> None:
    app = draw("browse", "embeddings", **{"br.ticked": ["s00003", "s00005"]})
    app.selectbox(key="br.action").set_value("drop")
    next(b for b in app.button if b.label == "Add 2 to the relabel plan").click()
    app.run()
    plan = app.session_state[relabel_plan.SESSION_KEY][""]
    assert set(plan) == {("made", "s00003"), ("made", "s00005")}


@pytest.mark.parametrize("page", ["browse", "per_class", "sample"])
def test_samples_without_a_path_among_others(
    draw: Callable, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures are open, and some rows name none."""
    some, _ = conftest.CASES["embeddings"]().tables
    paths = [path if i % 3 else None for i, path in enumerate(some["path"].to_pylist())]
    some = some.set_column(some.column_names.index("path"), "path", pa.array(paths, pa.string()))
    monkeypatch.setitem(conftest.CASES, "some paths", lambda: Case((some,), pictures=True))
    app = draw(page, "some paths", task="emotion")
    assert not app.exception
    if page == "browse":
        shown = component(app, "gallery")["items"]
        assert [bool(item["url"]) for item in shown] == [path is not None for path in paths]


def test_ticks_that_are_cut_off_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    toasts: list[str] = []
    monkeypatch.setattr(gallery.st, "toast", lambda text, icon: toasts.append(text))
    monkeypatch.setattr(gallery.st, "query_params", QueryParams())
    for n in (gallery.MAX_TICKED, gallery.MAX_TICKED + 1):
        state = {"k": SimpleNamespace(ticked=[f"s{i}" for i in range(n)])}
        monkeypatch.setattr(gallery.st, "session_state", state)
        gallery._on_tiles_ticked("k", "br")
        assert len(url_state.get("br.ticked")) == gallery.MAX_TICKED
        assert len(toasts) == n - gallery.MAX_TICKED
    assert f"At most {gallery.MAX_TICKED} " in toasts[0]


@pytest.mark.parametrize("region", ["", "nonsense", "0,0 0,0", "0,0 1,1"])
def test_a_region_that_selects_nothing(draw: Callable, region: str) -> None:
    app = draw("browse", "embeddings", **{"br.region": region})
    assert not app.exception
