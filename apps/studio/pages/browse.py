"""A grid of samples beside a map of their embeddings: brush, tick, and act on what is selected."""

from __future__ import annotations

from functools import partial

import pyarrow as pa
import streamlit as st

from apps.studio import context, data_frames, links, relabel_plan, url_state, widgets
from apps.studio.components import embedding_map, gallery, sample_card
from apps.studio.components.embedding_map import DrawnMap
from apps.studio.components.sample_predictions import SampleRow
from apps.studio.context import View
from evaluation.embedding_map import colours
from evaluation.embedding_map.embedding_map import models_with_embeddings
from evaluation.embedding_map.projection import describe
from evaluation.store import Store, Where

TITLE = "Browse"
ICON = ":material/grid_view:"
ORDER = 5

NAME = "br"
"""Prefix of the page's parameters in the URL."""
GRID_HEIGHT = 560
MAX_DOWNLOADED = 1_000_000
"""Samples that are downloaded at a time, which are made in memory."""
MAX_PLANNED = 2000
"""Samples that are added to the relabel plan at a time."""


def render(view: View) -> None:
    """Draw the page."""
    if context.empty(view):
        return
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    model = (
        widgets.choose(f"{NAME}.model", "Predictions of", view.models, where=controls)
        if len(view.models) > 1
        else view.models[0]
    )
    where = view.where_of(model)
    map_models = models_with_embeddings(view.store)
    sample = sample_card.selected(view)
    left, right = st.columns((1, 1) if map_models else (1, 2), gap="medium")
    map_ = None
    with left:
        if map_models:
            map_ = _map(view, where, map_models, sample, controls)
        else:
            embedding_map.explain_missing(view.store)
        sample_card.show(view, sample)
        if map_ is not None:
            _explain(map_)
    with right:
        _grid(view, where, map_, controls)


def _map(
    view: View,
    where: Where,
    map_models: tuple[str, ...],
    sample: list[SampleRow],
    controls: st.delta_generator.DeltaGenerator,
) -> DrawnMap | None:
    """Draw the map and what it is coloured by."""
    [model] = where.models
    own = model if model in map_models else map_models[0]
    map_model = (
        widgets.choose(f"{NAME}.map", "Embeddings of", map_models, own, where=controls)
        if len(map_models) > 1
        else own
    )
    titles = colours.choices(view.store, view.task, view.models)
    by = widgets.choose(
        f"{NAME}.colour", "Colour", list(titles), format_func=titles.__getitem__, where=controls
    )
    map_ = embedding_map.drawn(view, where, map_model, by)
    if map_ is None:
        return None
    n = int(map_.points.on_map.sum())
    row = next((int(r["row"]) for r in sample if r["model"] == model), None)
    alt = f"Map of {n:,} samples, coloured by {titles[by]}"
    embedding_map.show(map_, NAME, row, partial(_pick, view.store), alt)
    return map_


def _explain(map_: DrawnMap) -> None:
    """Say what the map is and how to use it."""
    missing = int((~map_.points.on_map).sum())
    st.caption(
        "Drag to select a region (box or lasso), double click to clear it, scroll to zoom. "
        f"{describe(map_.samples)}" + (f" {missing:,} rows have no embedding." if missing else "")
    )


def _pick(store: Store, row: int) -> None:
    """Select the sample of a row."""
    [sample] = store.samples(Where(rows=(row,)), limit=1).to_pylist()
    links.pick(sample["sample_id"], sample["dataset"] or "")


def _grid(
    view: View,
    where: Where,
    map_: DrawnMap | None,
    controls: st.delta_generator.DeltaGenerator,
) -> None:
    """Draw the samples, of the region where one is brushed, and what can be done with them."""
    order = widgets.choose(
        f"{NAME}.order",
        "Sort",
        gallery.orders(view, view.task),
        format_func=gallery.ORDERS.__getitem__,
        where=controls,
    )
    size = widgets.number(
        f"{NAME}.size", "Tile size", 48, 192, gallery.TILE_PIXELS, 16, where=controls
    )
    region = embedding_map.region(NAME) if map_ else None
    if map_ is not None and region is not None:
        where = where.but(rows=map_.points.inside(region))
    n = view.store.count(where)
    table = _page(view, where, order, n, " in the region" if region else "")
    ticked = url_state.get(f"{NAME}.ticked")
    with st.container(horizontal=True, vertical_alignment="center"):
        if n or ticked:
            _act(view, where, ticked, order)
        if region:
            _clear("Clear the region", "region")
        if ticked:
            _clear("Clear the ticks", "ticked")
    if n == 0:
        st.info("The region has no sample that passes the filters.", icon=":material/filter_alt:")
        return
    gallery.tiles(
        table,
        view.task,
        NAME,
        view.faces,
        GRID_HEIGHT,
        size=int(size),
        ticked=ticked,
        marks=[map_.colour(row) for row in table["row"].to_pylist()] if map_ else None,
    )
    if view.faces is None or "path" not in view.store.columns:
        gallery.explain_missing(view.store)


def _page(view: View, where: Where, order: str, n: int, place: str) -> pa.Table:
    """Draw the choice of a page where there are several, and return the page's samples.

    Args:
        view: the selections.
        where: the samples.
        order: one of `gallery.ORDERS`.
        n: how many samples there are.
        place: words on where they lie.
    """
    pages = -(-n // gallery.PICTURES_PER_PAGE)
    first = widgets.page(f"{NAME}.page", pages) * gallery.PICTURES_PER_PAGE
    table = view.store.samples(where, order, gallery.PICTURES_PER_PAGE, first)
    st.markdown(
        f"**{n:,} samples**{place}"
        + (f", {first + 1:,} to {first + len(table):,} shown" if pages > 1 else "")
    )
    return table


def _clear(label: str, parameter: str) -> None:
    """Draw a button that removes a selection from the URL."""
    st.button(
        label,
        key=f"{NAME}.{parameter}.clear",
        on_click=url_state.put,
        args=(f"{NAME}.{parameter}", []),
        icon=":material/close:",
    )


def _act(view: View, where: Where, ticked: list[str], order: str) -> None:
    """Offer what can be done with the ticked samples, or with all of the grid if none is ticked."""
    if ticked:
        where = where.but(ids=ticked, rows=None)
    n = view.store.count(where)
    with st.popover(
        f"Act on {n:,} {'ticked' if ticked else 'samples'}", icon=":material/checklist:"
    ):
        st.download_button(
            "Names, labels and predictions (CSV)"
            + (f", the first {MAX_DOWNLOADED:,}" if n > MAX_DOWNLOADED else ""),
            lambda: data_frames.csv(
                view.store.samples(where, order, min(n, MAX_DOWNLOADED)).drop_columns("row")
            ),
            "samples.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
            key=f"{NAME}.download",
        )
        if n > MAX_PLANNED:
            st.caption(
                f"The relabel plan takes at most {MAX_PLANNED:,} samples at a time: tick some, or "
                "select a region."
            )
            return
        rows = view.store.samples(where, order, n).to_pylist()
        samples = [(row["dataset"] or "", row["sample_id"]) for row in rows]
        labels = view.store.labels(view.task)
        relabel_plan.form(NAME, view.task, labels, samples, f"Add {n:,} to the relabel plan")
