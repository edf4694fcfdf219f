"""Every selection lives in the URL: a view can be shared, and survives a reload and a page change.

One memory per visitor holds all selections as texts; the URL shows it. A widget is seeded from the
memory and writes it when changed, so neither Streamlit's forgetting of widgets that are not drawn
nor the browser's *back* can part them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

MEMORY, SHOWN, PAGE = "mien_memory", "mien_shown", "mien_page"
MOST, LONGEST = 80, 500
"""Parameters and characters of each that are taken from a URL."""


def begin(page: str) -> None:
    """At the start of a run: takes over what the URL says where the visitor changed it (a shared
    link, *back*).
    """
    url = {
        k: [v[:LONGEST] for v in st.query_params.get_all(k)] for k in list(st.query_params)[:MOST]
    }
    state = st.session_state
    if MEMORY not in state:
        state[MEMORY] = url
    elif url != state.get(SHOWN):
        if page == state.get(PAGE):
            state[MEMORY] = url
        else:  # a page change clears the URL; a link to a page with selections adds them
            state[MEMORY] = {**state[MEMORY], **url}
    state[PAGE] = page


def end() -> None:
    """At the end of a run: shows the memory in the URL."""
    shown = {k: list(v) for k, v in st.session_state[MEMORY].items() if v}
    if {k: st.query_params.get_all(k) for k in st.query_params} != shown:
        st.query_params.from_dict(shown)
    st.session_state[SHOWN] = shown


def get(name: str) -> list[str]:
    """The texts of a selection; empty where nothing is selected."""
    return list(st.session_state[MEMORY].get(name, ()))


def put(name: str, values: Sequence[str]) -> None:
    """Selects; no values: nothing. For selections of charts and tables, which are no widgets."""
    if values:
        st.session_state[MEMORY][name] = [str(v) for v in values]
    else:
        st.session_state[MEMORY].pop(name, None)


def _seed(name: str, value: Any) -> str:
    """The key of the widget of `name`, after giving it its value."""
    key = f"w.{name}"
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def _keep(name: str, texts: Callable[[Any], Sequence[str]], default: Sequence[str]) -> None:
    said = list(texts(st.session_state[f"w.{name}"]))
    put(name, [] if said == list(default) else said)


def choose(
    name: str,
    label: str,
    options: Sequence[str],
    default: str | None = None,
    *,
    shown: Callable[[str], str] = str,
    where: Any = st,
    style: str = "selectbox",
    help: str | None = None,
) -> str:
    """One of `options`, which must not be empty. style: selectbox, segmented_control, pills, radio
    or select_slider.
    """
    default = options[0] if default is None or default not in options else default
    said = get(name)
    value = said[0] if said and said[0] in options else default
    more: dict[str, Any] = (
        {"required": True}
        if style in ("segmented_control", "pills")
        else {"horizontal": True}
        if style == "radio"
        else {}
    )
    key = _seed(name, value)
    chosen = getattr(where, style)(
        label,
        list(options),
        key=key,
        format_func=shown,
        help=help,
        on_change=_keep,
        args=(name, lambda v: [v or default], [default]),
        **more,
    )
    return value if chosen is None else str(chosen)


def several(
    name: str,
    label: str,
    options: Sequence[str],
    default: Sequence[str] = (),
    *,
    shown: Callable[[str], str] = str,
    where: Any = st,
    empty: str | None = None,
    help: str | None = None,
) -> tuple[str, ...]:
    """Any of `options`. empty: what the empty field says, e.g. "all"."""
    said = [v for v in get(name) if v in options]
    value = said or [v for v in default if v in options]
    key = _seed(name, value)
    chosen = where.multiselect(
        label,
        list(options),
        key=key,
        format_func=shown,
        placeholder=empty,
        help=help,
        on_change=_keep,
        args=(name, list, list(default)),
    )
    return tuple(chosen)


def number(
    name: str,
    label: str,
    low: float,
    high: float,
    default: float,
    step: float,
    *,
    format: str | None = None,
    where: Any = st,
    help: str | None = None,
) -> float:
    """A number between `low` and `high`, by a slider; ints where all four are ints."""
    kind = int if all(isinstance(v, int) for v in (low, high, default, step)) else float
    said = span([*get(name), *get(name)])  # a number twice is a range of one
    value = kind(default if said is None else min(max(said[0], low), high))
    key = _seed(name, value)
    return where.slider(
        label,
        kind(low),
        kind(high),
        step=kind(step),
        key=key,
        format=format,
        help=help,
        on_change=_keep,
        args=(name, lambda v: [f"{v:g}"], [f"{default:g}"]),
    )


def between(
    name: str,
    label: str,
    low: float,
    high: float,
    step: float,
    *,
    format: str | None = None,
    where: Any = st,
    help: str | None = None,
) -> tuple[float, float] | None:
    """A range inside [low, high], by a slider with two ends; None where it is the whole."""
    kind = int if all(isinstance(v, int) for v in (low, high, step)) else float
    said = span(get(name)) or (low, high)
    value = (kind(min(max(said[0], low), high)), kind(min(max(said[1], low), high)))
    key = _seed(name, value)
    chosen = where.slider(
        label,
        kind(low),
        kind(high),
        step=kind(step),
        key=key,
        format=format,
        help=help,
        on_change=_keep,
        args=(name, lambda v: [f"{x:g}" for x in v], [f"{x:g}" for x in (low, high)]),
    )
    return None if tuple(chosen) == (low, high) else (float(chosen[0]), float(chosen[1]))


def span(values: Sequence[str]) -> tuple[float, float] | None:
    """Two finite numbers in order, or None.

    >>> span(["0.1", "1"]), span(["1", "0"]), span(["nan", "1"])
    ((0.1, 1.0), None, None)
    """
    try:
        low, high = (float(v) for v in values)
    except ValueError:
        return None
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low <= high else None


def toggle(
    name: str, label: str, default: bool = False, *, where: Any = st, help: str | None = None
) -> bool:
    """Yes or no."""
    said = get(name)
    key = _seed(name, said == ["yes"] if said in (["yes"], ["no"]) else default)
    return where.toggle(
        label,
        key=key,
        help=help,
        on_change=_keep,
        args=(name, lambda v: [_word(v)], [_word(default)]),
    )


def _word(value: bool) -> str:
    return "yes" if value else "no"


def text(
    name: str,
    label: str,
    *,
    where: Any = st,
    placeholder: str | None = None,
    help: str | None = None,
) -> str:
    """A line of text, stripped."""
    key = _seed(name, (get(name) or [""])[0])
    typed = where.text_input(
        label,
        key=key,
        max_chars=LONGEST,
        placeholder=placeholder,
        help=help,
        on_change=_keep,
        args=(name, lambda v: [v.strip()] if v.strip() else [], []),
    )
    return str(typed).strip()


def page(name: str, pages: int, *, where: Any = st) -> int:
    """Index of the page of `pages` (at least 1) that is shown, from 0."""
    try:
        value = min(max(int(get(name)[0]), 1), pages)
    except (IndexError, ValueError):
        value = 1
    if pages <= 1:
        return 0
    key = f"w.{name}"
    if st.session_state.get(key, value) != value:
        st.session_state[key] = value
    return (
        int(
            where.pagination(
                pages,
                default=value,
                key=key,
                on_change=_keep,
                args=(name, lambda v: [str(v)], ["1"]),
            )
        )
        - 1
    )
