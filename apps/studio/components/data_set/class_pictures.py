"""A few random pictures of each class."""

from __future__ import annotations

import numpy as np
import streamlit as st

from apps.studio import charts, data_frames, url_state, widgets
from apps.studio.components.data_set import thumbnails
from apps.studio.components.data_set.thumbnails import PictureRow
from apps.studio.serving.images import Faces
from evaluation.composition.classes import ALL
from evaluation.composition.listing import ClassColumn, Listing
from evaluation.composition.sampling import sample_of_each

PER_CLASS = 10
MAX_CLASSES = 20
"""Classes of which pictures are shown: the most frequent."""
DRAW_PARAMETER = "ds.draw"
"""URL parameter: the number of the draw, from 0."""


def show(faces: Faces | None, listing: Listing, column: ClassColumn) -> None:
    """Draw the choice of a split, the pictures and the table of what was drawn."""
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    splits = [ALL, *listing.splits.labels]
    split = widgets.choose("ds.split", "Split", splits, where=bar, style="segmented_control")
    draw = _draw_number()
    bar.button(
        "Draw others",
        icon=":material/shuffle:",
        on_click=lambda: url_state.put(DRAW_PARAMETER, [str(draw + 1)]),
    )
    is_eligible = (
        np.ones(len(listing), bool)
        if split == ALL
        else listing.splits.codes == listing.splits.labels.index(split)
    )
    drawn = sample_of_each(column, is_eligible, PER_CLASS, draw)
    counts = {
        label: int((is_eligible & (column.codes == code)).sum())
        for code, label in enumerate(column.labels)
    }
    shown = sorted(column.labels, key=lambda label: -counts[label])[:MAX_CLASSES]
    rows = [
        PictureRow(f"{label} ({counts[label]:,})", drawn[label].tolist())
        for label in column.labels
        if label in shown
    ]
    if faces is None:
        st.info(
            "No pictures: start with `--images DIR`, the folder that the paths are relative to.",
            icon=":material/image:",
        )
    elif n_missing := thumbnails.show(faces, listing, rows):
        st.caption(f"{n_missing:,} of these have no picture below `--images`.")
    table: list[data_frames.Row] = [
        {
            "class": label,
            "id": listing.ids[place],
            "split": listing.splits.labels[listing.splits.codes[place]],
            "path": listing.paths[place],
        }
        for label, places in drawn.items()
        for place in places
    ]
    with st.expander("Table and downloads", expanded=faces is None, icon=":material/table:"):
        data_frames.show(table, "dataset-samples.table")
        charts.downloads("dataset-samples", table)
    st.caption(f"At most {PER_CLASS} of each class, drawn at random; the link keeps the draw.")


def _draw_number() -> int:
    text = (url_state.get(DRAW_PARAMETER) or ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
