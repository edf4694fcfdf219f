"""Colours of text that read on the page and on the marks of charts, light and dark."""

from __future__ import annotations

import streamlit as st

TEXT_ON_WHITE, TEXT_ON_BLACK = "#111111", "#fafafa"
"""Captions have this text's colour at 60 %: Streamlit's own is too light for them."""


def ink() -> str:
    """Return the colour of text on the page, light or dark."""
    return TEXT_ON_BLACK if is_dark() else "#31333f"


def is_dark() -> bool:
    """Return whether the visitor's page is dark."""
    return bool(st.context.theme.type == "dark")


def text_on(mark: str) -> str:
    """Return black or white, whichever has more contrast (WCAG 2) with a colour `#rrggbb`.

    On a colour of another form, which is taken to be near the page's own, the page's text.

    >>> text_on("#E69F00"), text_on("#0072B2")
    ('#000000', '#ffffff')
    """
    if not mark.startswith("#"):
        return ink()
    shares = [int(mark[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "#ffffff"
