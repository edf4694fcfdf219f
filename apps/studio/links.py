"""Links from one page to another that take a selection along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from apps.studio import context, url_state

PAGES_KEY = "mien_pages"
"""Session key: name -> `st.Page` of every page, put there by the router."""


def to(
    page: str, label: str, params: Mapping[str, str | Sequence[str]], icon: str, where: Any = st
) -> None:
    """Draw a link to `page` that selects `params` there; nothing where there is no such page.

    Args:
        page: the page's name.
        label: plain, untrusted text.
        params: selection -> its text or texts.
        icon: a Material icon, such as `:material/face:`.
        where: the container to draw in.
    """
    pages = st.session_state.get(PAGES_KEY, {})
    if page in pages:
        pairs = [
            (name, v)
            for name, values in params.items()
            for v in ([values] if isinstance(values, str) else values)
        ]
        where.page_link(pages[page], label=context.plain(label), icon=icon, query_params=pairs)


def pick(sample_id: str, dataset: str) -> None:
    """Select the sample that the page Sample shows. dataset: "" where unknown."""
    url_state.put("sample", [sample_id])
    url_state.put("dataset", [dataset] if dataset else [])


def to_sample(where: Any = st) -> None:
    """Draw a link to the sample that was selected last, if any."""
    sample_id = url_state.get("sample")
    if sample_id:
        dataset = url_state.get("dataset")
        to(
            "sample",
            f"Open {sample_id[0]}",
            {"sample": sample_id[0], **({"dataset": dataset} if dataset else {})},
            ":material/face:",
            where,
        )
