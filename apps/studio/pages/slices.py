"""For whom a model is worse: gaps between groups, two groups crossed, and a search for slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.components import crossed_groups, grouped_chart, slice_search
from apps.studio.context import View
from core.vocabulary import group_title
from evaluation.analysis.by_group.fairness import GroupExtreme, fairness
from evaluation.analysis.store_groups import StoreGroups
from evaluation.predictions.conditions import BINS
from evaluation.report.formatting import number
from evaluation.store.counts import method

TITLE = "Slices and fairness"
ICON = ":material/groups:"
ORDER = 60

MAX_VALUES = 40
"""Values of a group up to which it is drawn."""
CACHED_GROUPS = 4
"""Selections whose sums are kept, each a few MB."""


def applies(view: View) -> bool:
    """Return whether the page has something to show."""
    return any(len(values) > 1 for values in view.store.groups.values())


def render(view: View) -> None:
    """Draw the page."""
    st.markdown("For whom is the model worse than for others, by how much, and could it be chance?")
    if context.empty(view):
        return
    if not applies(view):
        st.info(
            "These tables have no groups: a column `group_NAME` (race, camera, light ...) makes "
            "one.",
            icon=":material/info:",
        )
        return
    cells = st.columns(3 if len(view.models) > 1 else 2)
    support, fdr = _choose_limits(cells)
    model = (
        widgets.choose("sl.model", "Model", view.models, where=cells[2])
        if len(view.models) > 1
        else view.models[0]
    )
    groups = _groups(view, model)
    if not groups.total:
        context.say_no_predictions()
        return
    overall = groups.overall.estimate(minimum=0)
    st.markdown(
        f"{view.title}, {context.as_markdown(model)}: {view.metric.axis} over all rows "
        f"**{number(overall, percent=view.metric.is_share)}**, n = {overall.n:,}"
    )
    _gaps(view, groups, support, model)
    names = _drawn_groups(view, groups, support)
    if names:
        group = _one_group(view, names, support)
        _crossed(view, names, group, groups, support)
    slice_search.show(view, groups, support, fdr, model)
    slice_search.show_samples(view, model)
    st.caption(f"95 % intervals: {method(view.store)}.")


def _choose_limits(cells: Sequence[Any]) -> tuple[int, float]:
    """Return the chosen minimum support, and the false discovery rate of the search."""
    support = widgets.number(
        "sl.support",
        "Minimum support",
        2,
        1000,
        30,
        1,
        where=cells[0],
        help="rows below which nothing is judged",
    )
    fdr = widgets.number(
        "sl.fdr",
        "False discovery rate of the search",
        0.001,
        0.2,
        0.05,
        0.001,
        where=cells[1],
        help="Benjamini and Hochberg: 0.05 means that about one in twenty of the slices listed may "
        "be chance",
    )
    return int(support), float(fdr)


def _groups(view: View, model: str) -> StoreGroups:
    """Return the sums of one model's rows by groups; the last few selections are kept."""
    kept: dict[Any, StoreGroups] = context.cached(view.store, "groups", (), dict)
    key = (view.task, view.where_of(model))
    groups = kept.get(key)
    if groups is None:
        for oldest in list(kept)[: -CACHED_GROUPS + 1]:
            kept.pop(oldest, None)
        kept[key] = groups = StoreGroups(view.store, *key)
    return groups


def _gaps(view: View, groups: StoreGroups, support: int, model: str) -> None:
    st.subheader("Gaps")
    gaps = context.cached(
        view.store,
        "gaps",
        (view.task, view.where_of(model), support),
        lambda: fairness(groups, support=support),
    )
    if not gaps:
        st.info(
            f"No group has two values of {support} rows: lower the minimum support.",
            icon=":material/info:",
        )
        return
    percent = view.metric.is_share
    table: list[data_frames.Row] = [
        {
            "group": group_title(gap.group),
            "kind": "capture condition" if gap.group in BINS else "given",
            "best": _extreme(gap.best, percent),
            "worst": _extreme(gap.worst, percent),
            "gap": number(gap.gap, percent=percent, sign=True),
            "ratio": number(gap.ratio),
            "n": gap.gap.n,
        }
        for gap in sorted(gaps, key=lambda gap: -(gap.gap.value or 0))
    ]
    data_frames.show(table, "sl.gaps")
    charts.downloads("gaps", table)
    has_conditions = bool(set(BINS) & set(view.store.groups))
    hint = (
        " Blur, light, pose and size of the face become groups with "
        "`python -m evaluation predict --conditions`."
    )
    st.caption(
        f"Gap: how much worse the {view.metric.title} of the worst value is than that of the best; "
        "ratio: 1 is equal. Best and worst are chosen after looking, so even equal groups show "
        "some gap: only an interval well above 0 says much. "
        f"Values below {support} rows are left out.{'' if has_conditions else hint}"
    )


def _extreme(extreme: GroupExtreme, percent: bool) -> str:
    return f"{extreme.value}: {number(extreme.figure, percent=percent)}, n = {extreme.n:,}"


def _drawn_groups(view: View, groups: StoreGroups, support: int) -> list[str]:
    """Return the groups that can be drawn.

    First come those with rows of this task, and of these the ones that are neither capture
    conditions nor labels.
    """
    names = [name for name, values in view.store.groups.items() if 1 < len(values) <= MAX_VALUES]
    is_rare = {name: bool((groups.counts(name).n >= support).sum() < 2) for name in names}
    return sorted(names, key=lambda n: (is_rare[n], n in BINS, n in ("age_decade", "gender"), n))


def _one_group(view: View, names: Sequence[str], support: int) -> str:
    """Draw one group of all models; return its name."""
    st.subheader("One group")
    group = widgets.choose("sl.group", "Group", names, format_func=group_title)
    values = view.store.groups[group]
    estimates = {
        model: _groups(view, model).counts(group).estimates(minimum=0) for model in view.models
    }
    grouped_chart.show(
        view,
        estimates,
        values,
        "slices-group",
        axis=group_title(group),
        figure=view.metric.axis,
        percent=view.metric.is_share,
        support=support,
        alt=f"{view.metric.axis} by {group_title(group)}, with 95 % intervals",
    )
    left_out = [
        value
        for i, value in enumerate(values)
        if not any(of_model[i].n >= support for of_model in estimates.values())
    ]
    notes = []
    if group in BINS:
        notes.append(f"{BINS[group].about[0].upper()}{BINS[group].about[1:]}.")
    if left_out:
        texts = ", ".join(context.as_markdown(value) for value in left_out)
        notes.append(f"Left out, below {support} rows: {texts}.")
    if notes:
        st.caption(" ".join(notes))
    return group


def _crossed(
    view: View, names: Sequence[str], first: str, groups: StoreGroups, support: int
) -> None:
    others = [name for name in names if name != first]
    if not others:
        return
    st.subheader("Two groups crossed")
    second = widgets.choose(
        "sl.second",
        f"Cross {context.as_markdown(group_title(first))} with",
        others,
        format_func=group_title,
    )
    crossed_groups.show(
        groups.counts(first, second),
        (first, second),
        (view.store.groups[first], view.store.groups[second]),
        view.metric,
        support,
    )
