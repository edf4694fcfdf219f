"""Selections live in the URL: they come from it, go into it, and survive leaving the page."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

CODE = """
import streamlit as st
from apps.studio import url_state, widgets
page = st.session_state.get("page", "one")
if page == "one":
    one = widgets.choose("t.one", "One", ("a", "b", "c"))
    many = widgets.several("t.many", "Many", ("x", "y", "z"))
    n = widgets.number("t.n", "N", 0.0, 1.0, 0.5, 0.1)
    span = widgets.between("t.span", "Span", 0, 100, 1)
    on = widgets.toggle("t.on", "On", True)
    text = widgets.text("t.text", "Text")
    at = widgets.page("t.page", 9)
    st.json([one, many, n, span, on, text, at])
"""


def open_page(**url: str | list[str]) -> AppTest:
    app = AppTest.from_string(CODE, default_timeout=60)
    app.query_params = dict(url)
    app.run()
    assert not app.exception
    return app


def values(app: AppTest) -> list:
    import json

    return json.loads(app.json[0].value)


DEFAULTS = ["a", [], 0.5, None, True, "", 0]


def test_nothing_selected_is_no_parameter() -> None:
    app = open_page()
    assert values(app) == DEFAULTS and app.query_params == {}


def test_a_shared_url_is_the_view() -> None:
    url = {
        "t.one": "b",
        "t.many": ["x", "z"],
        "t.n": "0.3",
        "t.span": ["5", "70"],
        "t.on": "no",
        "t.text": "hi",
        "t.page": "4",
    }
    app = open_page(**url)
    assert values(app) == ["b", ["x", "z"], 0.3, [5.0, 70.0], False, "hi", 3]
    assert app.query_params == url


def test_a_url_of_nonsense_is_harmless() -> None:
    app = open_page(
        **{
            "t.one": "<script>",
            "t.many": ["q", "x"],
            "t.n": "nan",
            "t.span": ["9", "1"],
            "t.on": "perhaps",
            "t.page": "1e99",
            "t.text": "x" * 9999,
        }
    )
    assert values(app) == ["a", ["x"], 0.5, None, True, "x" * 500, 0]
    assert values(open_page(**{"t.n": "77", "t.page": "-3", "t.span": ["-5", "999"]})) == [
        "a",
        [],
        1.0,
        None,
        True,
        "",
        0,
    ]


def test_changes_go_into_the_url_and_defaults_leave_it() -> None:
    app = open_page()
    app.selectbox[0].select("c").run()
    app.multiselect[0].select("y").run()
    app.slider[1].set_value((10, 20)).run()
    app.toggle[0].set_value(False).run()
    assert app.query_params == {"t.one": "c", "t.many": "y", "t.span": ["10", "20"], "t.on": "no"}
    app.selectbox[0].select("a").run()
    app.toggle[0].set_value(True).run()
    assert app.query_params == {"t.many": "y", "t.span": ["10", "20"]}


@pytest.mark.parametrize("url", [{}, {"t.one": "b"}])
def test_the_browsers_back(url: dict[str, str]) -> None:
    app = open_page(**url)
    before = values(app)
    app.selectbox[0].select("c").run()
    assert values(app)[0] == "c"
    app.query_params = dict(url)
    app.run()
    assert values(app) == before
