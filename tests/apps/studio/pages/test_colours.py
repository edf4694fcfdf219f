"""A model has one colour on all pages, whatever else is selected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from apps.studio.charts import PALETTE

PAGES = {
    "overview": {},
    "confidence": {},
    "per_class": {},
    "slices": {},
    "age_gender": {"task": "age"},
    "sample": {"sample": "s00003"},
}


def traces(app: Any) -> Iterator[dict[str, Any]]:
    for element in app.get("plotly_chart"):
        yield from json.loads(element.proto.spec)["data"]


def colour(trace: dict[str, Any]) -> str:
    return str(trace.get("line", {}).get("color") or trace.get("marker", {}).get("color"))


@pytest.mark.parametrize("page", PAGES)
def test_the_second_model_keeps_its_colour_when_it_is_selected_alone(draw, page: str) -> None:
    found = set()
    for models in (["a", "b"], ["b"]):
        app = draw(page, "three models", models=models, **PAGES[page])
        assert not app.exception
        named = [t for t in traces(app) if t.get("name", "").split(":")[0] == "b"]
        found |= {colour(trace) for trace in named}
        assert named, "the page draws the model"
    assert found <= {PALETTE[1]}
