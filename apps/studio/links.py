"""Links from one page to another that take a selection along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from apps.studio import context, url_state

PAGES = "mien_pages"
"""Session key: name -> `st.Page` of every page, put there by the router."""


def to(
    page: str, label: str, params: Mapping[str, str | Sequence[str]], icon: str, where: Any = st
) -> None:
    """A link to `page` that selects `params` there; nothing where the router does not know the
    page. label: plain text, of anybody.
    """
    known = st.session_state.get(PAGES, {})
    if page in known:
        pairs = [
            (name, v)
            for name, values in params.items()
            for v in ([values] if isinstance(values, str) else values)
        ]
        where.page_link(known[page], label=context.plain(label), icon=icon, query_params=pairs)


def pick(sample_id: str, dataset: str) -> None:
    """Makes a sample the one that the page Sample shows. dataset: "" where unknown."""
    url_state.put("sample", [sample_id])
    url_state.put("dataset", [dataset] if dataset else [])


def to_sample(where: Any = st) -> None:
    """A link to the page of the sample that was clicked last, if any."""
    chosen = url_state.get("sample")
    if chosen:
        of = url_state.get("dataset")
        to(
            "sample",
            f"Open {chosen[0]}",
            {"sample": chosen[0], **({"dataset": of} if of else {})},
            ":material/face:",
            where,
        )
