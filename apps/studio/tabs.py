"""Tabs of which only the open one is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.studio import url_state


def open_tab(name: str, labels: Sequence[str]) -> tuple[str, Any]:
    """Draw tabs and return the label and the container of the open one.

    Args:
        name: the selection's name in the URL.
        labels: of the tabs; the first is open at first.
    """
    tabs = dict(zip(labels, url_state.tabs(name, labels), strict=True))
    return next(((label, tab) for label, tab in tabs.items() if tab.open), next(iter(tabs.items())))
