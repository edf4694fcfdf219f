"""The URL is the only memory of what a visitor has selected.

A widget takes its value from the URL, and its callback writes the value back; page links carry the
URL along (`links.py`). Nothing else holds a selection. So what is shown is what the URL says: on
every page, after a reload, *back* and *forward*, and in a link opened by someone else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from apps.studio import context

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


def _seed(name: str, value: Any) -> str:
    """Give the widget of `name` its value and return its key.

    At every run: what Streamlit keeps under the key may be another page's widget, which goes.
    """
    key = f"w.{name}"
    st.session_state[key] = value
    return key


def _write(
    name: str,
    texts: Callable[[Any], Sequence[str]],
    default: Sequence[str],
    removes: Callable[[str], bool] = lambda _: False,
) -> None:
    """Write a widget's value to the URL; a default is no parameter.

    Args:
        name: the selection's name in the URL.
        texts: the widget's value -> its texts.
        default: the texts of the default.
        removes: another selection's name -> whether the change removes it.
    """
    selection = list(texts(st.session_state[f"w.{name}"]))
    others = {other: values for other, values in selections().items() if not removes(other)}
    replace({**others, name: [] if selection == list(default) else selection})


def choose(
    name: str,
    label: str,
    options: Sequence[str],
    default: str | None = None,
    *,
    format_func: Callable[[str], str] = str,
    where: Any = st,
    style: str = "selectbox",
    help: str | None = None,
    removes: Callable[[str], bool] = lambda _: False,
) -> str:
    """Draw a choice of one of `options` and return it.

    Args:
        name: the selection's name in the URL.
        label: what stands above the widget.
        options: what can be chosen, not empty.
        default: the option at first; the first one where None.
        format_func: option -> the text that is shown, plain and untrusted.
        where: the container to draw in.
        style: selectbox, segmented_control, pills, radio or select_slider.
        help: the tooltip.
        removes: another selection's name -> whether a change of this one removes it.
    """
    default = options[0] if default is None or default not in options else default
    selection = get(name)
    value = selection[0] if selection and selection[0] in options else default
    style_arguments: dict[str, Any] = (
        {"required": True}
        if style in ("segmented_control", "pills")
        else {"horizontal": True}
        if style == "radio"
        else {}
    )
    renders_markdown = style in ("segmented_control", "pills", "radio")
    key = _seed(name, value)
    chosen = getattr(where, style)(
        label,
        list(options),
        key=key,
        format_func=(lambda o: context.plain(format_func(o))) if renders_markdown else format_func,
        help=help,
        on_change=_write,
        args=(name, lambda v: [v or default], [default], removes),
        **style_arguments,
    )
    return value if chosen is None else str(chosen)


def several(
    name: str,
    label: str,
    options: Sequence[str],
    default: Sequence[str] = (),
    *,
    format_func: Callable[[str], str] = str,
    where: Any = st,
    empty: str | None = None,
    help: str | None = None,
) -> tuple[str, ...]:
    """Draw a choice of any of `options` and return them. empty: the placeholder, such as "all"."""
    value = [v for v in get(name) if v in options] or [v for v in default if v in options]
    key = _seed(name, value)
    chosen = where.multiselect(
        label,
        list(options),
        key=key,
        format_func=format_func,
        placeholder=empty,
        help=help,
        on_change=_write,
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
    """Draw a slider and return its number in [low, high]; an int where all four are ints."""
    kind = int if all(isinstance(v, int) for v in (low, high, default, step)) else float
    stored = span([*get(name), *get(name)])  # a number twice is a range of one
    value = kind(default if stored is None else min(max(stored[0], low), high))
    key = _seed(name, value)
    chosen: float = where.slider(
        label,
        kind(low),
        kind(high),
        step=kind(step),
        key=key,
        format=format,
        help=help,
        on_change=_write,
        args=(name, lambda v: [f"{v:g}"], [f"{default:g}"]),
    )
    return chosen


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
    """Draw a slider with two ends and return the range; None where it is all of [low, high]."""
    kind = int if all(isinstance(v, int) for v in (low, high, step)) else float
    stored = span(get(name)) or (low, high)
    value = (kind(min(max(stored[0], low), high)), kind(min(max(stored[1], low), high)))
    key = _seed(name, value)
    chosen = where.slider(
        label,
        kind(low),
        kind(high),
        step=kind(step),
        key=key,
        format=format,
        help=help,
        on_change=_write,
        args=(name, lambda v: [f"{x:g}" for x in v], [f"{x:g}" for x in (low, high)]),
    )
    return None if tuple(chosen) == (low, high) else (float(chosen[0]), float(chosen[1]))


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


def toggle(
    name: str, label: str, default: bool = False, *, where: Any = st, help: str | None = None
) -> bool:
    """Draw a switch and return whether it is on."""
    stored = get(name)
    key = _seed(name, stored == ["yes"] if stored in (["yes"], ["no"]) else default)
    return bool(
        where.toggle(
            label,
            key=key,
            help=help,
            on_change=_write,
            args=(name, lambda v: [_word(v)], [_word(default)]),
        )
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
    """Draw a text field and return its text, stripped."""
    key = _seed(name, (get(name) or [""])[0])
    typed = where.text_input(
        label,
        key=key,
        max_chars=MAX_VALUE_CHARACTERS,
        placeholder=placeholder,
        help=help,
        on_change=_write,
        args=(name, lambda v: [v.strip()] if v.strip() else [], []),
    )
    return str(typed).strip()


def tabs(name: str, labels: Sequence[str]) -> Sequence[Any]:
    """Draw tabs and return their containers."""
    selected = get(name)
    value = selected[0] if selected and selected[0] in labels else labels[0]
    containers: Sequence[Any] = st.tabs(
        list(labels),
        key=_seed(name, value),
        on_change=_write,
        args=(name, lambda v: [v], [labels[0]]),
    )
    return containers


def page(name: str, pages: int, *, where: Any = st) -> int:
    """Draw the page numbers where there are several and return the selected page, from 0."""
    try:
        value = min(max(int(get(name)[0]), 1), pages)
    except (IndexError, ValueError):
        value = 1
    if pages <= 1:
        return 0
    return (
        int(
            where.pagination(
                pages,
                key=_seed(name, value),
                on_change=_write,
                args=(name, lambda v: [str(v)], ["1"]),
            )
        )
        - 1
    )
