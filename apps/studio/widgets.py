"""Widgets whose values live in the URL: each takes its value from there and writes it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from apps.studio import context, url_state


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
    others = {
        other: values for other, values in url_state.selections().items() if not removes(other)
    }
    url_state.replace({**others, name: [] if selection == list(default) else selection})


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
    selection = url_state.get(name)
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
        format_func=(lambda o: context.as_markdown(format_func(o)))
        if renders_markdown
        else format_func,
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
    selection = dict.fromkeys(url_state.get(name))  # a link may name one twice
    value = [v for v in selection if v in options] or [v for v in default if v in options]
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
    stored = url_state.span(
        [*url_state.get(name), *url_state.get(name)]
    )  # a number twice is a range of one
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
    stored = url_state.span(url_state.get(name)) or (low, high)
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


def toggle(
    name: str, label: str, default: bool = False, *, where: Any = st, help: str | None = None
) -> bool:
    """Draw a switch and return whether it is on."""
    stored = url_state.get(name)
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
    key = _seed(name, (url_state.get(name) or [""])[0])
    typed = where.text_input(
        label,
        key=key,
        max_chars=url_state.MAX_VALUE_CHARACTERS,
        placeholder=placeholder,
        help=help,
        on_change=_write,
        args=(name, lambda v: [v.strip()] if v.strip() else [], []),
    )
    return str(typed).strip()


def open_tab(name: str, labels: Sequence[str]) -> tuple[str, Any]:
    """Draw tabs and return the label and the container of the open one.

    Only the open one is worth drawing: a click on another runs the page again.

    Args:
        name: the selection's name in the URL.
        labels: of the tabs, all different; the first is open at first.
    """
    selected = url_state.get(name)
    value = selected[0] if selected and selected[0] in labels else labels[0]
    containers = st.tabs(
        list(labels),
        key=_seed(name, value),
        on_change=_write,
        args=(name, lambda v: [v], [labels[0]]),
    )
    tabs = dict(zip(labels, containers, strict=True))
    return next(((label, tab) for label, tab in tabs.items() if tab.open), next(iter(tabs.items())))


def page(name: str, pages: int, *, where: Any = st) -> int:
    """Draw the page numbers where there are several and return the selected page, from 0."""
    try:
        value = min(max(int(url_state.get(name)[0]), 1), pages)
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
