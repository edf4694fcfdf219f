"""A model has one colour on all pages, whatever else is selected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.studio.charts import GREY, PALETTE, with_clear_text
from apps.studio.text_colours import text_on

PAGES = {
    "overview": {},
    "confidence": {},
    "per_class": {},
    "slices": {},
    "age_gender": {"task": "age"},
    "sample": {"sample": "s00003"},
}


COLOURS = st.binary(min_size=3, max_size=3).map(lambda rgb: f"#{rgb.hex()}")


def luminance(colour: str) -> float:
    """Of WCAG 2, written anew."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
    ]
    return linear[0] * 0.2126 + linear[1] * 0.7152 + linear[2] * 0.0722


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@given(COLOURS)
def test_text_reads_on_any_mark(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= 4.5


@given(st.lists(COLOURS, min_size=1), st.booleans())
def test_texts_of_bars_and_pies_read(colours: list[str], are_equal: bool) -> None:
    marks = colours[0] if are_equal else colours
    bars = go.Bar(y=[1] * len(colours), text=["x"] * len(colours), marker_color=marks)
    bars, pie, grey = with_clear_text(
        go.Figure([bars, go.Pie(marker_colors=colours), go.Bar(marker_color=GREY)])
    ).data
    texts = bars.insidetextfont.color
    for text, mark in zip([texts] if are_equal else texts, colours, strict=False):
        assert contrast(text, mark) >= 4.5
    assert all(contrast(*c) >= 4.5 for c in zip(pie.insidetextfont.color, colours, strict=True))
    assert grey.insidetextfont.color


def traces(app: Any) -> Iterator[dict[str, Any]]:
    for element in app.get("plotly_chart"):
        yield from json.loads(element.proto.spec)["data"]


def colour(trace: dict[str, Any]) -> str:
    return str(trace.get("line", {}).get("color") or trace.get("marker", {}).get("color"))


@pytest.mark.parametrize("page", PAGES)
def test_the_second_model_keeps_its_colour_when_it_is_selected_alone(draw, page: str) -> None:
    colours = set()
    for models in (["a", "b"], ["b"]):
        app = draw(page, "three models", models=models, **PAGES[page])
        assert not app.exception
        named = [t for t in traces(app) if t.get("name", "").split(":")[0] == "b"]
        colours |= {colour(trace) for trace in named}
        assert named, "the page draws the model"
    assert colours <= {PALETTE[1]}
