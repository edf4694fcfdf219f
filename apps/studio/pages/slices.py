"""For whom a model is worse: gaps between groups, two groups crossed, and slices that are searched
for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, url_state
from apps.studio.components import gallery, grouped_chart
from apps.studio.context import View
from core.vocabulary import TASKS, group_title
from evaluation.analysis.slices import fairness, search
from evaluation.analysis.store_groups import StoreGroups
from evaluation.predictions.conditions import BINS
from evaluation.report.text import number, p_value
from evaluation.statistics.estimate import Estimate
from evaluation.store import Where
from evaluation.store.counts import method

TITLE = "Slices and fairness"
ICON = ":material/groups:"
ORDER = 60

MANY = 40
"""Values of a group up to which it is drawn."""
PICKED = "sl.slice"
"""URL parameter: the slice that is looked at, group, value, group, value."""
SHOWN = 200
"""Slices that are listed."""


def render(view: View) -> None:
    """Draw the page."""
    st.markdown("For whom is the model worse than for others, by how much, and could it be chance?")
    if context.empty(view):
        return
    if not any(len(values) > 1 for values in view.store.groups.values()):
        st.info(
            "These tables have no groups: a column `group_NAME` (race, camera, light ...) makes one.",
            icon=":material/info:",
        )
        return
    row = st.columns(3 if len(view.models) > 1 else 2)
    support = int(
        url_state.number(
            "sl.support",
            "Minimum support",
            2,
            1000,
            30,
            1,
            where=row[0],
            help="rows below which nothing is judged",
        )
    )
    fdr = float(
        url_state.number(
            "sl.fdr",
            "False alarms allowed among the slices found",
            0.001,
            0.2,
            0.05,
            0.001,
            where=row[1],
            help="false discovery rate, Benjamini and Hochberg: 0.05 means that about one in twenty of the slices listed may be chance",
        )
    )
    model = (
        url_state.choose("sl.model", "Model", view.models, where=row[2])
        if len(view.models) > 1
        else view.models[0]
    )
    groups = _groups(view, model)
    if not groups.total:
        st.info(
            "No row with a truth and an answer is left: loosen a filter.",
            icon=":material/filter_alt:",
        )
        return
    whole = groups.overall.estimate()
    st.markdown(
        f"{view.title}, {context.plain(model)}: {TASKS[view.task].metric.axis} over all rows **{_number(whole, view.task)}**, n = {whole.n:,}"
    )
    _gaps(view, groups, support, model)
    names = _names(view, groups, support)
    _one(view, names, support)
    _crossed(view, names, groups, support)
    _found(view, groups, support, fdr, model)
    _samples(view, model)
    st.caption(f"95 % intervals: {method(view.store)}.")


def _number(f: Estimate | float, task: str, **more: Any) -> str:
    return number(f, percent=task != "age", **more)


def _groups(view: View, model: str) -> StoreGroups:
    """The sums of one model's rows by groups; the last few selections are kept, each a few MB."""
    held: dict[Any, StoreGroups] = view.store.remember(("groups",), dict)
    key = (view.task, view.where_of(model))
    found = held.get(key)
    if found is None:
        for old in list(held)[:-3]:
            held.pop(old, None)
        held[key] = found = StoreGroups(view.store, *key)
    return found


def _gaps(view: View, groups: StoreGroups, support: int, model: str) -> None:
    st.subheader("Gaps")
    found = context.cached(
        view.store,
        "gaps",
        (view.task, view.where_of(model), support),
        lambda: fairness(groups, support=support),
    )
    if not found:
        st.info(
            f"No group has two values of {support} rows: lower the minimum support.",
            icon=":material/info:",
        )
        return
    table: dict[str, list[Any]] = {
        name: [] for name in ("group", "kind", "best", "worst", "gap", "ratio", "n")
    }
    for f in sorted(found, key=lambda f: -(f.gap.value or 0)):
        ends = [
            f"{end.value}: {_number(end.figure, view.task)}, n = {end.n:,}"
            for end in (f.best, f.worst)
        ]
        kind = "capture condition" if f.group in BINS else "given"
        cells = (
            group_title(f.group),
            kind,
            *ends,
            _number(f.gap, view.task, sign=True),
            number(f.ratio),
            f.gap.n,
        )
        for name, cell in zip(table, cells, strict=True):
            table[name].append(cell)
    st.dataframe(table, hide_index=True, key="sl.gaps")
    charts.downloads("gaps", table)
    missing = (
        ""
        if set(BINS) & set(view.store.groups)
        else (
            " Blur, light, pose and size of the face become groups with `python -m evaluation predict --conditions`."
        )
    )
    st.caption(
        f"Gap: how much worse the {TASKS[view.task].metric.axis.removesuffix(', years')} of the worst value is than that of the best; ratio: 1 "
        "is equal. Best and worst are chosen after looking, so even equal groups show some gap: only an interval well above 0 says much. "
        f"Values below {support} rows are left out.{missing}"
    )


def _names(view: View, groups: StoreGroups, support: int) -> list[str]:
    """Groups that can be drawn; those with rows of this task first, and of these those that say
    most about faces.
    """
    names = [name for name, values in view.store.groups.items() if 1 < len(values) <= MANY]
    few = {name: (groups.counts(name).n >= support).sum() < 2 for name in names}
    return sorted(names, key=lambda n: (few[n], n in BINS, n in ("age_decade", "gender"), n))


def _one(view: View, names: list[str], support: int) -> None:
    if not names:
        return
    st.subheader("One group")
    group = url_state.choose("sl.group", "Group", names, shown=group_title)
    found = {m: _groups(view, m).counts(group).estimates() for m in view.models}
    about = f" {BINS[group].about[0].upper()}{BINS[group].about[1:]}." if group in BINS else ""
    grouped_chart.show(
        found,
        view.store.groups[group],
        "slices-group",
        axis=group_title(group),
        figure=TASKS[view.task].metric.axis,
        percent=view.task != "age",
        support=support,
        alt=f"{TASKS[view.task].metric.axis} by {group_title(group)}, with 95 % intervals",
    )
    few = [
        v
        for i, v in enumerate(view.store.groups[group])
        if not any(f[i].n >= support for f in found.values())
    ]
    left_out = (
        f" Left out, below {support} rows: {', '.join(context.plain(v) for v in few)}."
        if few
        else ""
    )
    if about or left_out:
        st.caption((about + left_out).strip())


def _crossed(view: View, names: list[str], groups: StoreGroups, support: int) -> None:
    first = url_state.get("sl.group")
    first_name = first[0] if first and first[0] in names else names[0] if names else ""
    others = [n for n in names if n != first_name]
    if not others:
        return
    st.subheader("Two groups crossed")
    second = url_state.choose(
        "sl.second", f"Cross {group_title(first_name)} with", others, shown=group_title
    )
    seen = groups.counts(first_name, second)
    rows, columns = view.store.groups[first_name], view.store.groups[second]
    shape, task = (len(rows), len(columns)), view.task
    figures, n = seen.estimates(), seen.n.reshape(shape).astype(int)
    value = np.where(n >= support, seen.means.reshape(shape), np.nan)
    if np.isnan(value).all():
        st.info(f"No cell has {support} rows: lower the minimum support.", icon=":material/info:")
        return
    low, high = float(np.nanmin(value)), float(np.nanmax(value))
    bad = (value - low) if task == "age" else (high - value)  # the deeper the colour, the worse
    shown = np.where(np.isnan(value), 0, bad / (high - low or 1))
    words = [
        f"{v * 100:.0f} %" if task != "age" else f"{v:.1f}" for v in np.nan_to_num(value).ravel()
    ]
    text = np.array(
        [
            w if k >= support else f"n = {k}" if k else ""
            for w, k in zip(words, n.ravel(), strict=True)
        ]
    ).reshape(shape)
    about = np.array(
        [f"{_number(f, task)}, n = {f.n:,}" if f.n else "no rows" for f in figures]
    ).reshape(shape)
    axes = [[charts.plain(v) for v in values] for values in (columns, rows)]
    heat = go.Heatmap(
        z=shown,
        x=axes[0],
        y=axes[1],
        colorscale=((0.0, "rgba(213,94,0,0.04)"), (1.0, "rgba(213,94,0,0.85)")),
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        showscale=False,
        customdata=about,
        hovertemplate="%{y}, %{x}: %{customdata}<extra></extra>",
    )
    texts = (
        charts.cell_texts(axes[0], axes[1], text.tolist(), (shown > 0.75).tolist())
        if n.size <= 200
        else []
    )
    grey = go.Heatmap(
        z=np.where(n < support, 1.0, np.nan),
        x=axes[0],
        y=axes[1],
        colorscale=((0.0, charts.GREY), (1.0, charts.GREY)),
        xgap=2,
        ygap=2,
        showscale=False,
        hoverinfo="skip",
    )
    height = max(300, 34 * len(rows) + 110)
    made = charts.figure(
        grey,
        heat,
        *texts,
        x=group_title(second),
        y=group_title(first_name),
        height=height,
        dragmode=False,
    )
    made.update_xaxes(type="category", showgrid=False)
    made.update_yaxes(type="category", autorange="reversed", showgrid=False)
    table = {
        group_title(first_name): [r for r in rows for _ in columns],
        group_title(second): list(columns) * len(rows),
        TASKS[task].metric.axis: [f.value for f in figures],
        "low": [f.low for f in figures],
        "high": [f.high for f in figures],
        "n": [f.n for f in figures],
    }
    form = st.column_config.NumberColumn(format="%.2f" if task == "age" else "percent")
    config = dict.fromkeys((TASKS[task].metric.axis, "low", "high"), form)
    alt = f"{TASKS[task].metric.axis} for each pair of {group_title(first_name)} and {group_title(second)}"
    charts.show(made, "slices-crossed", table, alt=alt, columns=config)
    st.caption(
        f"The deeper the colour, the worse. Grey: below {support} rows. Intervals are in the table and under the pointer."
    )


def _found(view: View, groups: StoreGroups, support: int, fdr: float, model: str) -> None:
    st.subheader("Slices that are worse than the rest")
    key = (view.task, view.where_of(model), support, fdr)
    found = context.cached(
        view.store, "slices", key, lambda: search(groups, support=support, fdr=fdr)
    )
    slices, task = found.slices, view.task
    told = f"{found.looked_at:,} slices of one or two conditions with {support} rows looked at, {len(slices):,} worse than the rest"
    st.markdown(f"{told}{f'; the {SHOWN} worst are listed' if len(slices) > SHOWN else ''}.")
    if not slices:
        st.info(
            "None that chance does not explain: allow more false alarms, or lower the minimum support.",
            icon=":material/check:",
        )
        return
    slices = slices[:SHOWN]
    name = TASKS[task].metric.axis if task == "age" else "share wrong"
    table = {
        "slice": [words(s.conditions) for s in slices],
        name: [s.loss for s in slices],
        "worse by": [_number(s.worse_by, task, sign=True) for s in slices],
        "p, corrected": [p_value(s.p_adjusted) for s in slices],
        "n": [s.n for s in slices],
    }
    form = st.column_config.NumberColumn(format="%.2f" if task == "age" else "percent")
    listed = [[part for pair in s.conditions.items() for part in pair] for s in slices]
    st.dataframe(
        table,
        hide_index=True,
        key=f"sl.found.{task}",
        column_config={name: form},
        on_select=lambda: _pick(listed, f"sl.found.{task}"),
        selection_mode="single-row",
    )
    charts.downloads("slices", table)
    st.caption(
        "Tick a row to see its samples. A slice of two conditions is listed only where it is worse than both of its halves. Worse by: "
        "against all rows outside the slice."
    )


def words(conditions: Mapping[str, str]) -> str:
    """
    >>> words({"light": "dim", "gender": "x"})
    'light = dim, perceived gender = x'
    """
    return ", ".join(f"{group_title(name)} = {value}" for name, value in conditions.items())


def _pick(listed: list[list[str]], key: str) -> None:
    rows = st.session_state[key].selection.rows
    url_state.put(PICKED, listed[rows[0]] if rows and rows[0] < len(listed) else [])
    url_state.put("sl.gallery.page", [])


def picked(view: View) -> dict[str, str]:
    """group -> value of the slice that the URL names; nothing where these tables do not have it."""
    said = url_state.get(PICKED)
    pairs = dict(zip(said[::2], said[1::2], strict=False))
    return (
        pairs
        if all(value in view.store.groups.get(name, ()) for name, value in pairs.items())
        else {}
    )


def _samples(view: View, model: str) -> None:
    conditions = picked(view)
    if not conditions:
        return
    st.subheader(words(conditions))
    where = view.where_of(model).but(task=view.task)
    for name, value in conditions.items():
        where = narrowed(where, name, value)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    wrong = url_state.toggle(
        "sl.wrong", "Only wrong answers", True, where=row, help="ages: more than 5 years off"
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
        "Clear", icon=":material/close:", key="sl.clear", on_click=url_state.put, args=(PICKED, ())
    )
    gallery.show(
        view, where.but(right=False) if wrong and where.right is None else where, "sl.gallery"
    )


def narrowed(where: Where, name: str, value: str) -> Where:
    """`where` and the group `name` being `value`, inside what the sidebar already asks of that
    group.
    """
    asked = dict(where.groups).get(name, ())
    return where.group(name, value) if not asked or value in asked else where.but(ids=("",))


def _filter(conditions: dict[str, str]) -> None:
    for name, value in conditions.items():
        url_state.put(f"g.{name}", [value])
