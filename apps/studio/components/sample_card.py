"""The selected sample in brief: its picture, its predictions, a link to its page."""

from __future__ import annotations

import streamlit as st

from apps.studio import context, links, url_state
from apps.studio.components import gallery
from apps.studio.components.sample_predictions import SampleRow
from apps.studio.context import View
from core import image
from core.errors import UserError

MAX_MODELS = 4
"""Models whose predictions are listed; the page Sample lists all."""


def selected(view: View) -> list[SampleRow]:
    """Return a row for each model of the sample that the URL names; empty where it names none."""
    sample_id, dataset = url_state.get("sample"), url_state.get("dataset")
    if not sample_id:
        return []
    return list(view.store.sample(sample_id[0], dataset[0] if dataset else None))


def show(view: View, rows: list[SampleRow]) -> None:
    """Draw the card.

    Args:
        view: the selections.
        rows: of `selected`.
    """
    if not rows:
        st.caption("Click a sample: it appears here.")
        return
    with st.container(border=True, key="sample-card"):
        texts = st.container()
        if view.faces is not None:
            left, texts = st.columns((1, 2), gap="small", vertical_alignment="center")
            with left:
                picture(view, rows[0], 128)
        with texts:
            st.markdown("  \n".join(_lines(view, rows)))
            links.to_sample()


def _lines(view: View, rows: list[SampleRow]) -> list[str]:
    """Return Markdown: the label and each model's prediction of the selected task."""
    predictions = [(row["model"], gallery.caption(row, view.task)) for row in rows[:MAX_MODELS]]
    lines = [
        f"{context.as_markdown(model)}: **{context.as_markdown(text)}**"
        for model, text in predictions
    ]
    more = len(rows) - MAX_MODELS
    return [
        context.as_markdown(rows[0]["sample_id"]),
        *lines,
        *([f"and {more} more"] if more > 0 else []),
    ]


def picture(view: View, row: SampleRow, width: int) -> None:
    """Draw the picture of a sample with its size, or why there is none. width: in pixels."""
    file = view.faces.find(row.get("path")) if view.faces is not None else None
    if file is None:
        st.caption(f"No picture: {_why_no_picture(view, row)}.")
        return
    try:
        rgb = image.load(file)
    except UserError as error:
        st.caption(f"No picture: {context.as_markdown(str(error))}")
        return
    st.image(rgb, width=width, alt=f"Picture of {row['sample_id']}")
    st.caption(f"{rgb.shape[1]} x {rgb.shape[0]} pixels")


def _why_no_picture(view: View, row: SampleRow) -> str:
    if view.faces is None:
        return "start with `--images DIR`, the folder that the column `path` is relative to"
    if not row.get("path"):
        return "these tables have no column `path`"
    return f"{context.as_markdown(row['path'])} is not in the folder"
