"""What a newcomer sees first: what is open, what else can be opened, and the most telling views."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from apps.studio import app, frame, links, samples, url_state
from apps.studio.context import View
from apps.studio.samples import ShippedSample, TellingView
from apps.studio.serving import uploads

TITLE = "Start"
ICON = ":material/home:"
ORDER = -10

OF_ANY_TABLE = (
    TellingView("confusion", "What is taken for what?"),
    TellingView("confidence", "Can the confidence be believed?"),
    TellingView("slices", "For which groups is it worse?"),
    TellingView("compare", "Is one model better than another?"),
    TellingView("sample", "What is one sample like?"),
)
ICONS = {samples.REAL: ":material/photo_camera:", samples.DRAWN: ":material/draw:"}


def applies(view: View) -> bool:
    """Return whether the page has something to show."""
    return bool(samples.offered())


def render(view: View) -> None:
    """Draw the page."""
    offered = samples.offered()
    selected = (url_state.get(uploads.SELECTED) or [samples.REAL])[0]
    sample = offered.get(selected)
    st.markdown("The studio shows where a face model fails, from a table of its predictions.")
    if sample is not None:
        st.markdown(sample.about)
        if sample.warning:
            st.warning(sample.warning, icon=":material/warning:")
    st.subheader("Views to begin with")
    for telling in telling_views(sample, view):
        links.to(telling.page, telling.question, telling.selections, ":material/arrow_forward:")
    st.subheader("Or open something else")
    _choices(offered, selected)


def telling_views(sample: ShippedSample | None, view: View) -> list[TellingView]:
    """Return the views to begin with: those of the sample, or of any table (None), that apply."""
    pages = app.pages()
    telling = OF_ANY_TABLE if sample is None else sample.views
    return [one for one in telling if frame.applies(pages[one.page], view)]


def _choices(offered: Mapping[str, ShippedSample], selected: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    for sample_id, sample in offered.items():
        row.button(
            sample.title,
            key=f"start.{sample_id or 'real'}",
            icon=ICONS[sample_id],
            disabled=sample_id == selected,
            on_click=uploads.select,
            args=(sample_id,),
        )
    links.to("own", "Your own predictions", {}, ":material/upload_file:", row)
