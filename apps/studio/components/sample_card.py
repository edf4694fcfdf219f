"""The selected sample in brief: its picture, its predictions, a link to its page."""

from __future__ import annotations

import streamlit as st

from apps.studio import charts, context, links, url_state
from apps.studio.components import sample_predictions
from apps.studio.components.sample_predictions import SampleRow
from apps.studio.context import View
from core import image
from core.errors import UserError


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
        left, right = st.columns((1, 2), gap="small")
        with left:
            picture(view, rows[0], 160)
        with right:
            st.markdown(f"**{context.plain(rows[0]['sample_id'])}**")
            table = charts.frame(sample_predictions.predictions(view.store, rows))
            st.dataframe(table, hide_index=True, key="sample-card.table")
            links.to_sample()


def picture(view: View, row: SampleRow, width: int) -> None:
    """Draw the picture of a sample with its size, or why there is none. width: in pixels."""
    file = view.faces.find(row.get("path")) if view.faces is not None else None
    if file is None:
        st.caption(f"No picture: {_why_no_picture(view, row)}.")
        return
    try:
        rgb = image.load(file)
    except UserError as error:
        st.caption(f"No picture: {context.plain(str(error))}")
        return
    st.image(rgb, width=width, alt=f"Picture of {row['sample_id']}")
    st.caption(f"{rgb.shape[1]} x {rgb.shape[0]} pixels")


def _why_no_picture(view: View, row: SampleRow) -> str:
    if view.faces is None:
        return "start with `--images DIR`, the folder that the column `path` is relative to"
    if not row.get("path"):
        return "these tables have no column `path`"
    return f"{context.plain(row['path'])} is not in the folder"
