"""Names of a table are shown as they are: none formats a page or has it load a picture."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from streamlit.testing.v1.element_tree import Block, Element

from apps.studio.pages.per_class import TABS
from tests.apps.studio.conftest import CASES, Case, predictions

EVIL = "![x](http://canary.example/p.png)"
PLAIN = {"plotly_chart", "dataframe", "table", "text", "code", "selectbox"}
"""Elements that render no Markdown; of a selectbox only its label would."""


def hostile() -> Case:
    """Tables whose classes, groups, models, splits and samples are called like pictures."""
    table = predictions(60, heads=("emotion",))
    names = [f"{EVIL}{i % 3}" for i in range(60)]
    rows = {
        "sample_id": [f"{EVIL}{i}" for i in range(60)],
        "dataset": [EVIL] * 60,
        "split": names,
        "mood_true": names,
        "mood_pred": names[1:] + names[:1],
        "group_kind": names,
        "group_race": table["group_race"],
        "face_found": table["face_found"],
    }
    return Case(tuple(pa.table({**rows, "model": [f"{EVIL}{m}"] * 60}) for m in "ab"))


CASES["hostile"] = hostile


def markdown(block: Block) -> Iterator[tuple[str, str]]:
    """Yield the type and the content of whatever renders Markdown."""
    for child in block.children.values():
        if isinstance(child, Block):
            yield child.type, str(child.proto)
            yield from markdown(child)
        elif isinstance(child, Element) and child.type not in PLAIN:
            yield child.type, str(child.proto)


@pytest.mark.parametrize("tab", TABS[1:])
def test_no_class_is_markdown(draw, tab: str) -> None:
    app = draw("per_class", "hostile", **{"pc.tab": tab})
    raw = {kind for kind, text in markdown(app.main) if EVIL in text}
    assert not app.exception
    assert raw == set()
