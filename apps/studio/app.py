"""The router: every file of `pages/` with TITLE, ICON, ORDER and render(view) is a page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import ModuleType

import streamlit as st

from apps.studio import frame, links, samples
from apps.studio.settings import PROCESS
from core import registry

NAME = "Mien studio"
PAGES_PACKAGE = "apps.studio.pages"
PAGE_OF_DATA = "dataset"
"""The first page where a data set is open without predictions."""
ICON = str(Path(__file__).with_name("icon.png"))
"""A file of ours: without one the browser would fetch the page's icon from elsewhere."""


def pages() -> dict[str, ModuleType]:
    """Return name -> module, sorted by ORDER."""
    modules = {name: registry.load(PAGES_PACKAGE, name) for name in registry.names(PAGES_PACKAGE)}
    return dict(sorted(modules.items(), key=lambda item: item[1].ORDER))


def page_title(title: str) -> str:
    """Return what the browser's tab calls a page."""
    return f"{title} · {NAME}"


def first_page() -> str:
    """Return the name of the page that the address without a page shows."""
    if samples.offered():
        return "start"
    return "overview" if PROCESS.settings.tables else PAGE_OF_DATA


def main() -> None:
    """Draw the selected page."""
    # The icon first: with a page's own, the browser would fetch a picture from another host.
    st.set_page_config(page_title=NAME, page_icon=ICON, layout="wide")
    modules = pages()
    first = first_page()
    entries = {
        name: st.Page(
            partial(frame.run, module, modules),
            title=module.TITLE,
            icon=module.ICON,
            url_path=name,
            default=name == first,
        )
        for name, module in modules.items()
    }
    st.session_state[links.PAGES_KEY] = entries
    selected = st.navigation(list(entries.values()), position="hidden")
    st.set_page_config(page_title=page_title(selected.title))
    selected.run()
