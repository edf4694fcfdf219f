"""Errors of age and perceived gender by age and group, and whether mistakes come together."""

from __future__ import annotations

from typing import Any

import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.components import age_errors, grouped_chart
from apps.studio.components.age_errors import per_model
from apps.studio.context import View
from core.vocabulary import METRICS, group_title, task_title
from evaluation.analysis import store_ages
from evaluation.analysis.cross_task import CrossTask
from evaluation.report.formatting import number
from evaluation.store.counts import method

TITLE = "Age and gender"
ICON = ":material/cake:"
ORDER = 40

CROSS_TASKS = "Do mistakes come together?"
MAX_VALUES = 60
"""Values of a group up to which it can be chosen."""
DEFAULT_BAND_YEARS = 10
ACCURACY = METRICS["accuracy"].title


def applies(view: View) -> bool:
    """Return whether the page has something to show."""
    return bool({"age", "gender"} & set(view.store.tasks))


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "How far off are ages, and for whom? How often is the perceived gender right? Do mistakes "
        "come together?"
    )
    tasks = [task for task in ("age", "gender") if task in view.store.tasks]
    if not tasks:
        st.info(
            "These tables have no label and prediction of age or perceived gender.",
            icon=":material/info:",
        )
        return
    if context.empty(view):
        return
    left, right = st.columns(2)
    width = _choose_width(view, left)
    group = _choose_group(view, right)
    names = [task_title(task).title for task in tasks] + [CROSS_TASKS]
    tab, container = widgets.open_tab("ag.tab", names)
    with container:
        if tab == CROSS_TASKS:
            _cross_tasks(view)
        elif tab == task_title("age").title:
            age_errors.show(view, width, group)
        else:
            _gender(view, width, group)
    st.caption(f"95 % intervals: {method(view.store)}.")


def _choose_width(view: View, cell: Any) -> int:
    if "age_true" not in view.store.columns:
        return DEFAULT_BAND_YEARS
    return int(
        widgets.number(
            "ag.width",
            "Width of an age band, years",
            1,
            30,
            DEFAULT_BAND_YEARS,
            1,
            where=cell,
            help="sets the age bands of all charts and tables on this page",
        )
    )


def _choose_group(view: View, cell: Any) -> str | None:
    groups = [name for name, values in view.store.groups.items() if 1 < len(values) <= MAX_VALUES]
    if not groups:
        return None
    default = next((g for g in groups if g not in ("age_decade", "gender")), groups[0])
    return widgets.choose(
        "ag.group",
        "Group",
        groups,
        default,
        format_func=group_title,
        where=cell,
        help="for everything by group on this page",
    )


def _gender(view: View, width: int, group: str | None) -> None:
    store = view.store
    overall = per_model(
        view, "right", (), lambda where: store_ages.overall_accuracy(store, "gender", where)
    )
    if not any(estimate.n for estimate in overall.values()):
        st.info(
            "No row with a label and a prediction of perceived gender is left: remove a filter.",
            icon=":material/filter_alt:",
        )
        return
    for model, estimate in overall.items():
        if estimate.n:
            name = f"{context.as_markdown(model)}: " if len(view.models) > 1 else ""
            st.markdown(
                f"{name}accuracy of perceived gender **{number(estimate, percent=True)}**, "
                f"n = {estimate.n:,}"
            )
    left, right = st.columns(2)
    with left:
        if "age_true" in store.columns:
            _gender_by_age(view, width)
        else:
            st.caption("Not by age: these tables have no true age.")
    with right:
        if group:
            _gender_by_group(view, group)
        else:
            st.caption("Not by group: these tables have no column `group_...`.")


def _gender_by_age(view: View, width: int) -> None:
    st.markdown("**Accuracy of perceived gender, by true age**")
    grouped_chart.show(
        view,
        per_model(
            view,
            "gender band",
            (width,),
            lambda where: store_ages.accuracy_by_band(view.store, "gender", where, width),
        ),
        store_ages.band_names(width),
        "gender-age",
        axis="true age",
        figure=ACCURACY,
        percent=True,
        lines=True,
        alt=f"Accuracy of perceived gender for each band of {width} years of true age, with 95 % "
        "intervals",
    )


def _gender_by_group(view: View, group: str) -> None:
    title = group_title(group)
    st.markdown(f"**Accuracy of perceived gender, by {context.as_markdown(title)}**")
    grouped_chart.show(
        view,
        per_model(
            view,
            "gender group",
            (group,),
            lambda where: store_ages.accuracy_by_group(view.store, "gender", where, group),
        ),
        view.store.groups[group],
        "gender-group",
        axis=title,
        figure=ACCURACY,
        percent=True,
        alt=f"Accuracy of perceived gender by {title}, with 95 % intervals",
    )


def _cross_tasks(view: View) -> None:
    pairs = per_model(view, "cross", (), lambda where: store_ages.cross_tasks(view.store, where))
    if not pairs:
        st.info(
            "Only where rows have two tasks, one of them sometimes right and sometimes wrong.",
            icon=":material/info:",
        )
        return
    table = [
        {"model": model, **row(pair)} for model, of_model in pairs.items() for pair in of_model
    ]
    data_frames.show(table, "ag.cross", {"model": None} if len(pairs) == 1 else {})
    charts.downloads("cross", table)
    st.caption(
        "One row: the second task's metric where the first task's prediction is right, and where "
        "it is wrong. A difference may come from something else, such as the faces of small "
        "children, which are hard for both."
    )


def row(pair: CrossTask) -> data_frames.Row:
    """Return a row of the table of mistakes that come together."""
    metric = METRICS[pair.figure]
    percent = metric.is_share
    return {
        "given": task_title(pair.condition_task).title,
        "metric": f"{task_title(pair.task).name}: {metric.axis}",
        "finding": finding(pair),
        "wrong minus right": number(pair.difference, percent=percent, sign=True),
        "where right": number(pair.correct, percent=percent),
        "n right": pair.correct.n,
        "where wrong": number(pair.wrong, percent=percent),
        "n wrong": pair.wrong.n,
    }


def finding(pair: CrossTask) -> str:
    """Return in words what the interval of the difference shows."""
    difference, metric = pair.difference, METRICS[pair.figure]
    if difference.value is None or difference.low is None or difference.high is None:
        return "no difference shown"
    if difference.low <= 0 <= difference.high:
        return "no difference shown"
    is_worse = metric.improvement(0, difference.value) < 0
    return "worse where it is wrong" if is_worse else "better where it is wrong"
