"""The search for slices that are worse than the rest, and the samples of one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from apps.studio import charts, context, data_frames, filters, url_state, widgets
from apps.studio.components import gallery
from apps.studio.context import View
from core.vocabulary import group_title
from evaluation.analysis.by_group.slices import SliceFinding, SliceSearch, search
from evaluation.analysis.store_groups import StoreGroups
from evaluation.report.formatting import number, p_value
from evaluation.store import Where

SLICE_PARAMETER = "sl.slice"
"""URL parameter: the slice that is looked at, as group, value, group, value."""
MAX_SLICES = 200
"""Slices that are listed."""


def show(view: View, groups: StoreGroups, support: int, fdr: float, model: str) -> None:
    """Search and list slices; a ticked row goes into the URL.

    Args:
        view: the selections.
        groups: the sums of one model's rows.
        support: rows below which a slice is not judged.
        fdr: the false discovery rate.
        model: the model.
    """
    st.subheader("Slices that are worse than the rest")
    result: SliceSearch = context.cached(
        view.store,
        "slices",
        (view.task, view.where_of(model), support, fdr),
        lambda: search(groups, support=support, fdr=fdr),
    )
    total = len(result.slices)
    st.markdown(
        f"{result.looked_at:,} slices of one or two conditions with {support} rows looked at, "
        f"{total:,} worse than the rest"
        + (f"; the {MAX_SLICES} worst are listed." if total > MAX_SLICES else ".")
    )
    if not result.slices:
        st.info(
            "None that chance does not explain: raise the false discovery rate, or lower the "
            "minimum support.",
            icon=":material/check:",
        )
        return
    slices = result.slices[:MAX_SLICES]
    percent = view.metric.is_share
    loss = "share wrong" if percent else view.metric.axis
    table = [_table_row(one, loss, percent=percent) for one in slices]
    key = f"sl.found.{view.task}"
    parameters = [[part for pair in s.conditions.items() for part in pair] for s in slices]
    data_frames.show(
        table,
        key,
        {loss: st.column_config.NumberColumn(format="percent" if percent else "%.2f")},
        on_select=lambda: _on_row(parameters, key),
        selection_mode="single-row",
    )
    charts.downloads("slices", table)
    st.caption(
        "Tick a row to see its samples. A slice of two conditions is listed only where it is worse "
        "than both of its halves. Worse by: against all rows outside the slice."
    )


def _table_row(one: SliceFinding, loss: str, *, percent: bool) -> data_frames.Row:
    return {
        "slice": slice_title(one.conditions),
        loss: one.loss,
        "worse by": number(one.worse_by, percent=percent, sign=True),
        "p, corrected": p_value(one.p_adjusted),
        "n": one.n,
    }


def slice_title(conditions: Mapping[str, str]) -> str:
    """Return a slice in words.

    >>> slice_title({"light": "dim", "gender": "x"})
    'light = dim, perceived gender = x'
    """
    return ", ".join(f"{group_title(name)} = {value}" for name, value in conditions.items())


def _on_row(parameters: Sequence[Sequence[str]], key: str) -> None:
    rows = st.session_state[key].selection.rows
    is_listed = bool(rows) and rows[0] < len(parameters)
    selected = parameters[rows[0]] if is_listed else []
    url_state.update({SLICE_PARAMETER: selected, "sl.gallery.page": []})


def selected_slice(view: View) -> dict[str, str]:
    """Return group -> value of the slice that the URL names; empty where the tables lack it."""
    texts = url_state.get(SLICE_PARAMETER)
    pairs = dict(zip(texts[::2], texts[1::2], strict=False))
    groups = view.store.groups
    exists = all(value in groups.get(name, ()) for name, value in pairs.items())
    return pairs if exists else {}


def show_samples(view: View, model: str) -> None:
    """Draw the samples of the slice that the URL names."""
    conditions = selected_slice(view)
    if not conditions:
        return
    st.subheader(context.as_markdown(slice_title(conditions)))
    where = view.where_of(model).but(task=view.task)
    for name, value in conditions.items():
        where = narrowed(where, name, value)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    only_wrong = filters.has_right(view.store, view.task) and widgets.toggle(
        "sl.wrong", "Only wrong predictions", True, where=row, help="ages: more than 5 years off"
    )
    row.button(
        "Filter all pages by it",
        icon=":material/filter_alt:",
        key="sl.filter",
        on_click=_filter,
        args=(conditions,),
        help="puts these groups into the sidebar's filters",
    )
    row.button(
        "Clear",
        icon=":material/close:",
        key="sl.clear",
        on_click=url_state.put,
        args=(SLICE_PARAMETER, ()),
    )
    if only_wrong and where.correct is None:
        where = where.but(correct=False)
    gallery.show(view, where, "sl.gallery")


def narrowed(where: Where, name: str, value: str) -> Where:
    """Return `where` and the group `name` being `value`, within the sidebar's filter of it."""
    filtered = dict(where.groups).get(name, ())
    return where.but(ids=("",)) if filtered and value not in filtered else where.group(name, value)


def _filter(conditions: Mapping[str, str]) -> None:
    url_state.update({filters.GROUP_PREFIX + name: [value] for name, value in conditions.items()})
