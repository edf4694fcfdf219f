"""One sample: picture, predictions, votes, an occlusion map and what is similar to it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from apps.studio import charts, context, data_frames, links, relabel_plan, url_state, widgets
from apps.studio.components import (
    embedding_map,
    gallery,
    occlusion,
    sample_card,
    sample_predictions,
)
from apps.studio.components.sample_predictions import SampleRow
from apps.studio.context import View
from core.vocabulary import group_title
from evaluation.predictions.schema import GROUP
from evaluation.store import navigation

TITLE = "Sample"
ICON = ":material/face:"
ORDER = 90

MAX_HITS = 8
"""Samples that a search lists."""
NEIGHBOURS = 12
"""Similar samples that are shown."""


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "What did each model predict for this one sample, with which confidence, and what is the "
        "sample like?"
    )
    _search(view)
    selected = _selected(view)
    if selected is None:
        context.empty(view)
        return
    sample_id, dataset = selected
    rows = view.store.sample(sample_id, dataset)
    if not rows:
        st.warning(
            f"No sample is called {context.as_markdown(sample_id)} in these tables.",
            icon=":material/search_off:",
        )
        return
    _walk(view, sample_id, dataset)
    st.subheader(context.as_markdown(sample_id))
    left, right = st.columns((1, 2), gap="medium")
    with left:
        sample_card.picture(view, rows[0], 320)
        _facts(rows[0])
        _relabel(view, rows[0])
    with right:
        sample_predictions.show(view, rows)
    occlusion.show(view, rows)
    _neighbours(view, rows, dataset)


def _search(view: View) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    text = widgets.text(
        "sp.find", "Find a sample by its name", where=row, placeholder="part of its name"
    )
    if not text:
        return
    hits = navigation.search(view.store, view.where.but(text=""), text, MAX_HITS + 1)
    if not hits:
        st.info("No sample of that name passes the filters.", icon=":material/search_off:")
        return
    with st.container(horizontal=True):
        for name, dataset in hits[:MAX_HITS]:
            st.button(
                context.as_markdown(name),
                key=f"sp.hit.{dataset}.{name}",
                on_click=links.pick,
                args=(name, dataset),
            )
    if len(hits) > MAX_HITS:
        st.caption(f"The first {MAX_HITS} are shown: type more of the name.")


def _selected(view: View) -> tuple[str, str | None] | None:
    """Return the sample that was clicked in any gallery, else the first under the filters."""
    sample = url_state.get("sample")
    if sample:
        dataset = url_state.get("dataset")
        return sample[0], dataset[0] if dataset else None
    return navigation.place(view.store, view.where, "").after


def _walk(view: View, sample_id: str, dataset: str | None) -> None:
    """Draw the steps to the previous and the next sample under the filters, in an order."""
    wanted = ("row", "-error") if view.is_regression else ("row", "-confidence", "confidence")
    orders = [order for order in gallery.orders(view, view.task) if order in wanted]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    order = widgets.choose(
        "sp.order", "Order", orders, format_func=gallery.ORDERS.__getitem__, where=row
    )
    model = (
        widgets.choose("sp.model", "of the rows of", view.models, where=row)
        if len(view.models) > 1
        else view.models[0]
    )
    place = navigation.place(view.store, view.where_of(model), sample_id, dataset, order)
    row.button(
        "Previous",
        key="sp.before",
        icon=":material/chevron_left:",
        disabled=place.before is None,
        on_click=links.pick,
        args=place.before or ("", ""),
        shortcut="P",
    )
    row.button(
        "Next",
        key="sp.after",
        icon=":material/chevron_right:",
        icon_position="right",
        disabled=place.after is None,
        on_click=links.pick,
        args=place.after or ("", ""),
        shortcut="N",
    )
    position = f"{place.at:,} of {place.n:,}" if place.at else f"not among the {place.n:,}"
    st.caption(f"{position} samples that pass the filters.")


def _facts(row: SampleRow) -> None:
    shown = {"dataset": "data set", "split": "split", "path": "path", "face_found": "face found"}
    facts = {title: row.get(name) for name, title in shown.items()}
    facts |= {
        group_title(name.removeprefix(GROUP)): value
        for name, value in row.items()
        if name.startswith(GROUP)
    }
    facts = {name: value for name, value in facts.items() if value not in (None, "")}
    texts = [("yes" if v else "no") if isinstance(v, bool) else str(v) for v in facts.values()]
    if facts:
        st.dataframe(
            {"what": list(facts), "value": texts},
            hide_index=True,
            key="sample-facts.table",
        )


def _relabel(view: View, row: SampleRow) -> None:
    sample = (row["dataset"] or "", row["sample_id"])
    entry = relabel_plan.entries().get(sample)
    if entry is not None:
        action = f"{entry.action} {context.as_markdown(entry.value)}".rstrip()
        st.caption(f"In the relabel plan: {action}.")
        st.button(
            "Take out of the relabel plan",
            key="sp.out",
            on_click=relabel_plan.drop,
            args=(sample,),
            icon=":material/playlist_remove:",
        )
        return
    with st.popover("Relabel ...", icon=":material/edit:"):
        st.caption("Adds to the relabel plan, which is downloaded in the sidebar.")
        labels = view.store.labels(view.task)
        button = "Add to the relabel plan"
        relabel_plan.form("sp", view.task, labels, [sample], button)


def _neighbours(view: View, rows: Sequence[SampleRow], dataset: str | None) -> None:
    st.subheader("Similar samples, by the network's embedding")
    if "embedding" not in view.store.columns:
        embedding_map.explain_missing(view.store)
        return
    models = [row["model"] for row in rows if row.get("embedding") is not None]
    if not models:
        st.caption("No model's table has an embedding of this sample.")
        return
    model = (
        widgets.choose("sp.like", "By the embedding of", models) if len(models) > 1 else models[0]
    )
    nearest = navigation.nearest(view.store, model, rows[0]["sample_id"], dataset, NEIGHBOURS)
    if not len(nearest):
        st.caption("No other sample of this model has an embedding.")
        return
    table = nearest.drop_columns("row")
    st.caption(
        f"The {len(table)} samples of {context.as_markdown(model)} with the largest cosine "
        "similarity; filters do not count here."
    )
    with st.container(horizontal=True):
        for i, row in enumerate(table.to_pylist()):
            with st.container(width=150):
                _neighbour(view, row, i)
    with st.expander("Table and downloads", icon=":material/table:"):
        data_frames.show(table, "sample-nearest.table")
        charts.downloads("sample-nearest", table)


def _neighbour(view: View, row: SampleRow, i: int) -> None:
    file = view.faces.find(row.get("path")) if view.faces is not None else None
    if file is not None:
        gallery.picture(file, 128, row["sample_id"])
    st.caption(f"{row['cosine']:.3f}: {context.as_markdown(gallery.caption(row, view.task))}")
    st.button(
        "Open",
        key=f"sp.near.{i}",
        on_click=links.pick,
        args=(row["sample_id"], row["dataset"] or ""),
        help=row["sample_id"],
    )
