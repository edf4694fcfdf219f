"""Links between pages, which take the visitor's selections along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from apps.studio import context, url_state
from apps.studio.serving import uploads

PAGES_KEY = "mien_pages"
"""Session key: name -> `st.Page` of every page, put there by the router."""
CLOSE_SIDEBAR_ON_PHONES = """<script>
window.mienClosesSidebar ??= document.addEventListener("click", event => {
    const link = event.target.closest("[data-testid=stSidebar] [data-testid=stPageLink-NavLink]");
    if (link && innerWidth <= 768)
        document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
}) ?? true;
</script>"""
"""Streamlit does so for its own navigation only."""


def to(
    page: str,
    label: str,
    params: Mapping[str, str | Sequence[str]] | None,
    icon: str,
    where: Any = st,
) -> None:
    """Draw a link to `page` that selects `params` there; nothing where there is no such page.

    Args:
        page: the page's name.
        label: plain, untrusted text.
        params: selection -> its text or texts; all others stay as they are. None: only the list of
            the visitor's own tables stays.
        icon: a Material icon, such as `:material/face:`.
        where: the container to draw in.
    """
    target = st.session_state.get(PAGES_KEY, {}).get(page)
    if target is not None:
        opened = {uploads.OPENED: url_state.get(uploads.OPENED)}
        selections = opened if params is None else {**url_state.selections(), **params}
        where.page_link(
            target, label=context.as_markdown(label), icon=icon, query_params=selections
        )


def navigation(names: Iterable[str]) -> None:
    """Draw a link to each of these pages.

    Streamlit's own navigation would drop the selections from the URL.
    """
    for name in names:
        page = st.session_state.get(PAGES_KEY, {}).get(name)
        if page is not None:
            st.page_link(page, query_params=url_state.selections())
    st.html(CLOSE_SIDEBAR_ON_PHONES, unsafe_allow_javascript=True)


def pick(sample_id: str, dataset: str) -> None:
    """Select the sample that the page Sample shows. dataset: "" where unknown."""
    url_state.update({"sample": [sample_id], "dataset": [dataset] if dataset else []})


def to_sample(where: Any = st) -> None:
    """Draw a link to the sample that was selected last, if any."""
    sample_id = url_state.get("sample")
    if sample_id:
        to("sample", f"Open {sample_id[0]}", {}, ":material/face:", where)
