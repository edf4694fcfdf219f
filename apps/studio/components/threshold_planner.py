"""The planner of the page Confidence: thresholds per class for selective prediction."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.context import View
from evaluation.analysis.thresholds import CARD_PRECISION, ThresholdPlan, plan_thresholds
from evaluation.report.formatting import number, threshold
from evaluation.statistics.estimate import Estimate
from evaluation.store import Store, Where
from evaluation.store.sample_table import table as sample_table

MAX_ROWS = 100_000
"""Rows that the planner looks at."""
DEFAULT_COVERAGE = 0.8


def show(view: View, model: str) -> None:
    """Draw what is wanted, what it brings, for which groups, and the thresholds to download."""
    st.subheader("Planner: thresholds for selective prediction")
    goal, value = _choose_goal()
    where = view.where_of(model)
    n = int(view.store.confusion(view.task, where).sum())
    if n < 2:
        st.info("Too few samples to plan with.", icon=":material/info:")
        return
    plan = context.cached(
        view.store,
        "plan",
        (view.task, where, goal, value),
        lambda: _plan(view, where, goal, value),
    )
    cells = st.columns(3)
    charts.metric(cells[0], "coverage", plan.coverage)
    charts.metric(cells[1], "accuracy of these", plan.accuracy)
    charts.metric(cells[2], "accuracy without abstention", plan.before)
    alt = "Coverage and precision of each class with the planned thresholds"
    charts.show(_chart(plan), "confidence-plan", _table(plan), alt=alt, opened=True)
    about, command_line = command(view.store, view.where, model, goal, value)
    part = "" if plan.n >= n else f" of at most {MAX_ROWS:,} rows"
    st.caption(
        f"Thresholds from all {plan.n:,} rows{part}; what they bring is cross-fitted: measured "
        "on the half of the rows that did not choose them. "
        f"95 % intervals: {plan.method.text}. {about}"
    )
    st.code(command_line, language="bash", wrap_lines=True)
    if plan.groups:
        _groups(plan)
    st.download_button(
        "Thresholds (JSON)",
        thresholds(model, plan),
        "thresholds.json",
        "application/json",
        key="cf.thresholds",
        on_click="ignore",
        icon=":material/download:",
    )


def _choose_goal() -> tuple[str, float]:
    """Return what every class shall reach: precision or coverage, and how much of it."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    goal = widgets.choose(
        "cf.wish",
        "Goal",
        ("precision", "coverage"),
        where=row,
        style="segmented_control",
        help="precision: as many predictions as possible with this share right, class by class; "
        "coverage: the most confident predictions of each class",
    )
    value = widgets.number(
        "cf.value",
        f"At least this {goal} in every class",
        0.5,
        1.0,
        CARD_PRECISION if goal == "precision" else DEFAULT_COVERAGE,
        0.01,
        where=row,
    )
    return goal, value


def _plan(view: View, where: Where, goal: str, value: float) -> ThresholdPlan:
    rows = sample_table(view.store, view.task, where, MAX_ROWS)
    if goal == "coverage":
        return plan_thresholds(rows, view.task, coverage=value)
    return plan_thresholds(rows, view.task, precision=value)


def _table(plan: ThresholdPlan) -> list[data_frames.Row]:
    return [
        {
            "class": c.label,
            "threshold": "never" if c.threshold is None else threshold(c.threshold),
            "predicted n": c.n_predicted,
            "coverage": number(c.coverage, percent=True),
            "precision": number(c.precision, percent=True),
            "precision without abstention": number(c.before, percent=True),
        }
        for c in plan.per_class
    ]


def _chart(plan: ThresholdPlan) -> go.Figure:
    return charts.figure(
        _bars(plan, [c.coverage for c in plan.per_class], "coverage", charts.colour(4)),
        _bars(plan, [c.precision for c in plan.per_class], "precision", charts.GOOD),
        _bars(
            plan, [c.before for c in plan.per_class], "precision without abstention", charts.QUIET
        ),
        y="share",
        percent="y",
        height=360,
        barmode="group",
    )


def _bars(plan: ThresholdPlan, estimates: Sequence[Estimate], name: str, colour: str) -> go.Bar:
    return go.Bar(
        name=name,
        x=[charts.as_html(c.label) for c in plan.per_class],
        y=[estimate.value for estimate in estimates],
        error_y=charts.error_bars(estimates),
        marker_color=colour,
        hovertemplate="%{x}: %{y:.1%}",
    )


def _groups(plan: ThresholdPlan) -> None:
    with st.expander("Coverage and accuracy by group", icon=":material/diversity_3:"):
        table: list[data_frames.Row] = [
            {
                "group": group,
                "value": one.value,
                "n": one.coverage.n,
                "coverage": number(one.coverage, percent=True),
                "accuracy": number(one.accuracy, percent=True),
                "accuracy without abstention": number(one.before, percent=True),
            }
            for group, values in plan.groups.items()
            for one in values
        ]
        data_frames.show(table, "confidence-groups.table")
        charts.downloads("confidence-groups", table)


def command(store: Store, where: Where, model: str, goal: str, value: float) -> tuple[str, str]:
    """Return a sentence on, and the text of, the command that makes this plan in the terminal.

    The command plans with all rows of one table: the first that has the task and the model. It
    names the model where that table holds several.
    """
    tables = []
    for source in store.sources:
        for name in source.models:
            # what the store calls the second table's model of a name
            second_name = f"{name} ({source.path.stem})"
            if where.task in source.tasks and model == (
                second_name if second_name in store.models else name
            ):
                tables.append((source, name))
    source, name = tables[0] if tables else (store.sources[0], model)
    words = ["python", "-m", "evaluation", "plan", source.path.name]
    words += ["--task", where.task, f"--{goal}", f"{value:g}"]
    if len(source.models) > 1:
        words += ["--model", name]
    differences = []
    if where.but(models=()) != Where(task=where.task):
        differences.append("without the filters that are on")
    if len(tables) > 1:
        differences.append(f"for one of the {len(tables)} tables that hold this model")
    but = f", but {' and '.join(differences)}" if differences else ""
    return f"The same in the terminal{but}:", shlex.join(words)


def thresholds(model: str, plan: ThresholdPlan) -> str:
    """Return the plan for a program, as JSON.

    {model, task, wish, n, thresholds: {class: least confidence, or null for never}}.
    """
    values = {c.label: c.threshold for c in plan.per_class}
    return json.dumps(
        {
            "model": model,
            "task": plan.task,
            "wish": plan.wish,
            "n": plan.n,
            "thresholds": values,
        },
        indent=1,
    )
