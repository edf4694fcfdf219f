"""The map of embeddings: computed once for equal embeddings, brushed to select, clicked to open."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from apps.studio import charts, context, url_state
from apps.studio.components.browser_component import browser_component
from apps.studio.context import View
from apps.studio.serving import plotly_script
from evaluation.embedding_map import colours
from evaluation.embedding_map.colours import OTHER, UNKNOWN, Colouring
from evaluation.embedding_map.embedding_map import EmbeddingMap, Embeddings, Points
from evaluation.embedding_map.projection import project
from evaluation.embedding_map.region import UNITS, Region
from evaluation.store import Store, Where

HEIGHT = 430
BAND_COLOURS = (
    "#6a4fb3",
    "#4a74c9",
    "#3595c4",
    "#2fae9f",
    "#57b96a",
    "#9bbb3a",
    "#d0a72c",
    "#f0b429",
)
"""Colours of bands that rise: lighter and lighter, and readable on white and on black."""
MAX_CACHED_MAPS = 8


@dataclass(frozen=True, slots=True)
class DrawnMap:
    """The rows of a condition on a map, with what they are coloured by.

    Attributes:
        points: the rows and where they lie.
        colouring: the class of each.
        palette: the colour of each class.
        samples: all samples that the map was computed of.
    """

    points: Points
    colouring: Colouring
    palette: tuple[str, ...]
    samples: int

    def colour(self, row: int) -> str:
        """Return the colour of a row of `points`."""
        at = int(np.searchsorted(self.points.rows, row))
        return self.palette[int(self.colouring.codes[at])]


def of_model(store: Store, model: str) -> EmbeddingMap | None:
    """Return the map of a model's embeddings, computed once; None where it has none."""

    def compute() -> EmbeddingMap | None:
        embeddings = Embeddings.of(store, model)
        if embeddings is None:
            return None
        n = len(embeddings.keys)
        with st.spinner(f"Laying out the embeddings of {n:,} samples, once ..."):
            positions = _positions(embeddings.digest(), embeddings.vectors)
        return EmbeddingMap(embeddings.keys, positions)

    result: EmbeddingMap | None = store.remember(("embedding map", model), compute)
    return result


@st.cache_resource(max_entries=MAX_CACHED_MAPS, show_spinner=False)
def _positions(digest: str, _vectors: np.ndarray) -> np.ndarray:
    """Return the map of embeddings; Streamlit computes it once for all visitors who wait for it."""
    return project(_vectors)


def drawn(view: View, where: Where, map_model: str, by: str) -> DrawnMap | None:
    """Return the rows of `where` on the map of a model's embeddings; None where it has none.

    Args:
        view: the selections.
        where: which rows, of any model.
        map_model: whose embeddings.
        by: one of `colours.choices`, what the rows are coloured by.
    """
    embedding_map = of_model(view.store, map_model)
    if embedding_map is None:
        return None
    colouring = colours.colouring(view.store, where, by, view.models)
    return DrawnMap(
        Points.of(view.store, where, embedding_map),
        colouring,
        palette(colouring, by),
        len(embedding_map.keys),
    )


def palette(colouring: Colouring, by: str) -> tuple[str, ...]:
    """Return a colour for each class."""
    names = colouring.names
    fixed = {OTHER: charts.QUIET, UNKNOWN: charts.GREY}
    if by == "right":
        fixed |= {"right": charts.GOOD, "wrong": charts.BAD}
    n = sum(name not in fixed for name in names)
    if colouring.is_ordered:
        at = np.linspace(0, len(BAND_COLOURS) - 1, n).round().astype(int)
        scale = [BAND_COLOURS[i] for i in at]
    else:
        scale = [charts.colour(i) for i in range(n)]
    rest = iter(scale)
    return tuple(fixed[name] if name in fixed else next(rest) for name in names)


def explain_missing(store: Store) -> None:
    """Say why a store has no embeddings, and how to get them."""
    note = next((n for n in store.notes if n.startswith("Embeddings")), "")
    st.caption(
        context.as_markdown(note)
        or "These tables have no embeddings; write them with "
        "`python -m evaluation predict --embedding`."
    )


def region(name: str) -> Region | None:
    """Return the region that is brushed."""
    return Region.parse((url_state.get(f"{name}.region") or [""])[0])


def show(
    map_: DrawnMap, name: str, row: int | None, on_pick: Callable[[int], None], alt: str
) -> None:
    """Draw the map; a brush puts `<name>.region` into the URL.

    Args:
        map_: what to draw.
        name: unique on the page; prefix of the URL parameter.
        row: the row that is marked, None for none.
        on_pick: called with the row that was clicked.
        alt: what the map shows, in a sentence.
    """
    on_map = map_.points.on_map
    n = int(on_map.sum())
    positions = np.round(map_.points.positions[on_map] * 65535).astype(np.uint16)
    content = {
        "x": _base64(positions[:, 0]),
        "y": _base64(positions[:, 1]),
        "codes": _base64(map_.colouring.codes[on_map]),
        "names": [charts.as_html(text) for text in map_.colouring.names],
        "colours": list(map_.palette),
    }
    version = hashlib.sha256(repr(content).encode()).hexdigest()[:16]
    selected = region(name)
    data = {
        **content,
        "version": version,
        "alt": alt,
        "size": 2.5 if n > 20_000 else 4 if n > 2_000 else 7,
        "height": HEIGHT,
        "units": UNITS,
        "region": str(selected) if selected else "",
        "ring": None if row is None else map_.points.position(row),
        "plotly": plotly_script.URL,
    }
    key = f"{name}.map"
    browser_component(
        "embedding_map",
        "<div class='embedding-map' role='figure'></div>",
        isolate_styles=False,  # Plotly puts its styles into the document
    )(
        key=key,
        data=data,
        on_brushed_change=partial(_on_brush, key, name),
        on_picked_change=partial(_on_click, key, map_.points, on_pick),
        default=None,
    )


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _on_brush(key: str, name: str) -> None:
    outline = st.session_state[key].brushed["outline"]
    selected = Region.of(outline)
    url_state.update({f"{name}.region": [str(selected)] if selected else [], f"{name}.page": []})


def _on_click(key: str, points: Points, on_pick: Callable[[int], None]) -> None:
    picked = st.session_state[key].picked
    row = points.nearest(picked["x"], picked["y"])
    if row is not None:
        on_pick(row)
