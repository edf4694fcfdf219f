"""The URL is the only memory of what a visitor has selected.

A widget takes its value from the URL, and its callback writes the value back (`widgets.py`); page
links carry the URL along (`links.py`). Nothing else holds a selection. So what is shown is what the
URL says: on every page, after a reload, *back* and *forward*, and in a link opened by someone else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import streamlit as st

MAX_PARAMETERS, MAX_VALUE_CHARACTERS = 80, 500
"""How many parameters of a URL are read, and how many characters of each value."""


def selections() -> dict[str, list[str]]:
    """Return all selections: name -> texts."""
    return {name: get(name) for name in list(st.query_params)[:MAX_PARAMETERS]}


def get(name: str) -> list[str]:
    """Return the texts of a selection; empty where nothing is selected."""
    return [value[:MAX_VALUE_CHARACTERS] for value in st.query_params.get_all(name)]


def put(name: str, values: Sequence[str]) -> None:
    """Set a selection; no values remove it."""
    update({name: values})


def update(changes: Mapping[str, Sequence[str]]) -> None:
    """Set several selections in one step of the browser's history; no values remove one."""
    replace({**selections(), **changes})


def replace(selected: Mapping[str, Sequence[str]]) -> None:
    """Set these selections and remove all others."""
    texts = {name: [str(v) for v in values] for name, values in selected.items() if values}
    if texts != selections():
        st.query_params.from_dict(texts)


def span(values: Sequence[str]) -> tuple[float, float] | None:
    """Return two finite numbers in order, or None.

    >>> span(["0.1", "1"]), span(["1", "0"]), span(["nan", "1"])
    ((0.1, 1.0), None, None)
    """
    try:
        low, high = (float(v) for v in values)
    except ValueError:
        return None
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low <= high else None
