"""How wrong ages are by age and by group, how often the perceived gender is right, and whether
mistakes of two tasks come together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, url_state
from apps.studio.components import grouped_chart
from apps.studio.context import View
from core.vocabulary import TASKS, group_title
from evaluation.analysis import store_ages
from evaluation.analysis.cross_task import CrossTask
from evaluation.metrics.classification import normalised
from evaluation.report.text import number
from evaluation.store.counts import method

TITLE = "Age and gender"
ICON = ":material/cake:"
ORDER = 40

FAR = 15
"""Years up to which CS@k is drawn."""
NAMED = 15
"""Bands up to which the matrix's cells are written out."""
MANY = 60
MEASURES = {"mae": "mean absolute error, years", "bias": "bias, years (above 0: too old)"}


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "How far off are ages, and for whom? How often is the perceived gender right? Do mistakes come together?"
    )
    there = [task for task in ("age", "gender") if task in view.store.tasks]
    if not there:
        st.info(
            "These tables have no truth and prediction of age or perceived gender.",
            icon=":material/info:",
        )
        return
    if context.empty(view):
        return
    row = st.columns(2)
    width = 10
    if "age_true" in view.store.columns:
        help = "everything by age on this page is cut again"
        width = int(
            url_state.number(
                "ag.width", "Width of an age band, years", 1, 30, 10, 1, where=row[0], help=help
            )
        )
    group = _group(view, row[1])
    if "age" in there:
        _age(view, width, group)
    if "gender" in there:
        _gender(view, width, group)
    _cross(view)
    st.caption(f"95 % intervals: {method(view.store)}.")


def _group(view: View, where: Any) -> str | None:
    groups = [name for name, values in view.store.groups.items() if 1 < len(values) <= MANY]
    if not groups:
        return None
    first = next((g for g in groups if g not in ("age_decade", "gender")), groups[0])
    return url_state.choose(
        "ag.group",
        "Group",
        groups,
        first,
        shown=group_title,
        where=where,
        help="for everything by group on this page",
    )


def _each(view: View, name: str, key: tuple[Any, ...], make: Any) -> dict[str, Any]:
    """Per model, what `make(where)` finds in its rows; models without any are left out."""
    w = view.where
    of_task = (
        w.right is not None or w.confidence is not None or w.true or w.pred
    )  # else the same rows whatever the sidebar's task
    each = {m: where if of_task else where.but(task="age") for m, where in view.each()}
    found = {
        m: context.cached(view.store, f"age_gender {name}", (where, *key), lambda w=where: make(w))
        for m, where in each.items()
    }
    return {model: figures for model, figures in found.items() if figures}


def _age(view: View, width: int, group: str | None) -> None:
    store = view.store
    found = _each(view, "band", (width,), lambda w: store_ages.by_band(store, w, width))
    whole = {m: {"mae": f.mae[-1], "bias": f.bias[-1]} for m, f in found.items() if f.mae[-1].n}
    st.subheader("Age")
    if not whole:
        st.info(
            "No row with a true and a predicted age is left: loosen a filter.",
            icon=":material/filter_alt:",
        )
        return
    for model, f in whole.items():
        name = f"{context.plain(model)}: " if len(view.models) > 1 else ""
        st.markdown(
            f"{name}mean absolute error **{number(f['mae'])}** years, bias **{number(f['bias'], sign=True)}** years, "
            f"n = {f['mae'].n:,}"
        )
    names = store_ages.band_names(width)
    for column, (key, text), title in zip(
        st.columns(2),
        reversed(MEASURES.items()),
        ("Too old or too young", "How far off"),
        strict=True,
    ):
        with column:
            st.markdown(f"**{title}, by true age**")
            grouped_chart.show(
                {m: getattr(f, key) for m, f in found.items()},
                names,
                f"age-{key}",
                axis="true age",
                figure=text,
                lines=True,
                zero=key == "bias",
                alt=f"{text} for each band of {width} years of true age, with 95 % intervals",
            )
    left, right = st.columns(2)
    with left:
        _cumulative(view)
    with right:
        _matrix(view, width)
    if group:
        found = _each(view, "group", (group,), lambda w: store_ages.by_group(store, w, group))
        for column, (key, text) in zip(st.columns(2), reversed(MEASURES.items()), strict=True):
            with column:
                st.markdown(
                    f"**{'Bias' if key == 'bias' else 'Error'} by {context.plain(group_title(group))}**"
                )
                grouped_chart.show(
                    {m: getattr(f, key) for m, f in found.items()},
                    store.groups[group],
                    f"age-{key}-group",
                    axis=group_title(group),
                    figure=text,
                    zero=key == "bias",
                    alt=f"{text} by {group_title(group)}, with 95 % intervals",
                )


def _cumulative(view: View) -> None:
    st.markdown("**CS@k: share of ages within k years**")
    found = _each(
        view, "cumulative", (), lambda w: store_ages.cumulative_scores(view.store, w, FAR)
    )
    years = [str(k) for k in range(FAR + 1)]
    grouped_chart.show(
        found,
        years,
        "age-cs",
        axis="years",
        figure="share within",
        percent=True,
        lines=True,
        height=430,
        alt="Share of ages whose error is at most k years, for k up to 15, with 95 % intervals",
    )


def _matrix(view: View, width: int) -> None:
    st.markdown(f"**True against predicted age, bands of {width} years**")
    model = (
        url_state.choose("ag.model", "Model of this matrix", view.models)
        if len(view.models) > 1
        else view.models[0]
    )
    where = view.where_of(model)
    counts, off = context.cached(
        view.store,
        "age_gender off",
        (where, width),
        lambda: store_ages.off_by(view.store, where, width),
    )
    if not off:
        st.info("No row with a true and a predicted age.", icon=":material/filter_alt:")
        return
    names, shares = store_ages.band_names(width), normalised(counts, "true")
    with np.errstate(invalid="ignore"):
        words = [
            [f"{v:.0%}" if n else "" for v, n in zip(*row, strict=True)]
            for row in zip(shares, counts, strict=True)
        ]
    heat = go.Heatmap(
        z=np.nan_to_num(shares),
        x=names,
        y=names,
        colorscale=charts.SCALE,
        zmin=0,
        zmax=1,
        xgap=1,
        ygap=1,
        showscale=False,
        customdata=counts,
        hovertemplate="true %{y}, predicted %{x}: %{customdata:,}<br>%{z:.1%} of the true band<extra></extra>",
    )
    texts = (
        charts.cell_texts(names, names, words, (np.nan_to_num(shares) > 0.55).tolist())
        if len(names) <= NAMED
        else []
    )
    made = charts.figure(heat, *texts, x="predicted age", y="true age", height=430, dragmode=False)
    made.update_yaxes(autorange="reversed", type="category", showgrid=False)
    made.update_xaxes(type="category", showgrid=False)
    table: dict[str, list[Any]] = {
        "true age": names,
        **{f"predicted {n}": counts[:, j].tolist() for j, n in enumerate(names)},
    }
    charts.show(
        made,
        "age-bands",
        table,
        alt=f"Share of each true age band that is predicted in each band, {width} years a band",
    )
    told = [f"{number(off[0], percent=True)} in the right band"]
    told += [f"{number(f, percent=True)} at most {k} off" for k, f in enumerate(off[1:3], 1)]
    st.caption(f"{'; '.join(told)}. n = {off[0].n:,}. Rows add up to 100 %.")


def _gender(view: View, width: int, group: str | None) -> None:
    store, name = view.store, "share right"
    st.subheader(TASKS["gender"].title)
    whole = _each(view, "right", (), lambda w: store_ages.overall_accuracy(store, "gender", w))
    whole = {m: f for m, f in whole.items() if f.n}
    if not whole:
        st.info(
            "No row with a true and a predicted perceived gender is left: loosen a filter.",
            icon=":material/filter_alt:",
        )
        return
    for model, f in whole.items():
        of = f"{context.plain(model)}: " if len(view.models) > 1 else ""
        st.markdown(f"{of}perceived gender right in **{number(f, percent=True)}**, n = {f.n:,}")
    left, right = st.columns(2)
    with left:
        if "age_true" in store.columns:
            st.markdown("**Perceived gender right, by true age**")
            found = _each(
                view,
                "gender band",
                (width,),
                lambda w: store_ages.accuracy_by_band(store, "gender", w, width),
            )
            grouped_chart.show(
                found,
                store_ages.band_names(width),
                "gender-age",
                axis="true age",
                figure=name,
                percent=True,
                lines=True,
                alt=f"Share of right perceived genders for each band of {width} years of true age, with 95 % intervals",
            )
        else:
            st.caption("Not by age: these tables have no true age.")
    with right:
        if group:
            st.markdown(f"**Perceived gender right, by {context.plain(group_title(group))}**")
            found = _each(
                view,
                "gender group",
                (group,),
                lambda w: store_ages.accuracy_by_group(store, "gender", w, group),
            )
            grouped_chart.show(
                found,
                store.groups[group],
                "gender-group",
                axis=group_title(group),
                figure=name,
                percent=True,
                alt=f"Share of right perceived genders by {group_title(group)}, with 95 % intervals",
            )
        else:
            st.caption("Not by group: these tables have no column `group_...`.")


def _cross(view: View) -> None:
    st.subheader("Do mistakes come together?")
    found = _each(view, "cross", (), lambda w: store_ages.cross_tasks(view.store, w))
    if not found:
        st.info(
            "Only where rows have two tasks, one of them sometimes right and sometimes wrong.",
            icon=":material/info:",
        )
        return
    table: dict[str, list[Any]] = {
        name: [] for name in ("model", "given", "figure", "finding", "wrong minus right")
    }
    table |= {name: [] for name in ("where right", "n right", "where wrong", "n wrong")}
    for model, pairs in found.items():
        for pair in pairs:
            for name, cell in zip(table, (model, *cells(pair)), strict=True):
                table[name].append(cell)
    st.dataframe(
        table,
        hide_index=True,
        key="ag.cross",
        column_config={"model": None} if len(found) == 1 else {},
    )
    charts.downloads("cross", table)
    st.caption(
        "One row: the second task's figure where the first task's answer is right, and where it is wrong. A difference may come from "
        "something else, such as the faces of small children, which are hard for both."
    )


def cells(pair: CrossTask) -> tuple[Any, ...]:
    """A row of the table of mistakes that come together."""
    age = pair.task == "age"
    figure = f"{TASKS[pair.task].title.lower()}: {'mean absolute error, years' if age else 'share right'}"
    ends = [(number(side, percent=not age), side.n) for side in (pair.right, pair.wrong)]
    d = pair.difference
    worse = 1 if age else -1
    known = d.low is not None
    finding = "no difference shown" if not known or d.low <= 0 <= d.high else ""
    if not finding:
        finding = "worse where it is wrong" if d.value * worse > 0 else "better where it is wrong"
    return (
        TASKS[pair.given].title,
        figure,
        finding,
        number(d, percent=not age, sign=True),
        *ends[0],
        *ends[1],
    )
