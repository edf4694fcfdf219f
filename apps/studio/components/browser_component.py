"""The studio's components that run in the browser: a script and a style sheet beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent


@st.cache_resource
def browser_component(name: str, html: str, *, isolate_styles: bool = True) -> Any:
    """Return a component, registered once; a call of it draws it.

    Args:
        name: of its files, `<name>.js` and `<name>.css`.
        html: what the script fills.
        isolate_styles: whether styles of the page stay outside, and its own inside.
    """
    return st.components.v2.component(
        f"mien_{name}",
        html=html,
        css=(FOLDER / f"{name}.css").read_text("utf-8"),
        js=(FOLDER / f"{name}.js").read_text("utf-8"),
        isolate_styles=isolate_styles,
    )
