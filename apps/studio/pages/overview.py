"""The models side by side: headline metrics, the production gates, and what the tables are."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.context import View
from core.vocabulary import METRICS, NUMBER_METRICS, TASKS, Metric, TaskTitle, task_title
from evaluation.analysis.from_counts import ClassSummary, NumberErrors
from evaluation.analysis.store_summary import StoreSummary, summary, task_summary
from evaluation.report import gate_limits, gates
from evaluation.report.formatting import number
from evaluation.statistics.estimate import Estimate

TITLE = "Overview"
ICON = ":material/dashboard:"
ORDER = 0

CLASS_METRICS = ("accuracy", "macro_f1", "balanced_accuracy", "kappa", "ece")
AGE_METRICS = ("mae", "rmse", "bias", "cs5")
"""Metrics of the tables."""
CLASS_METRICS_DRAWN = ("accuracy", "macro_f1", "balanced_accuracy")
AGE_METRICS_DRAWN = ("mae", "rmse", "bias")
"""Metrics of the charts: those of one unit."""
GATES, SOURCES = "Gates for production", "What the tables are"
"""Tabs beside those of the tasks."""
MAX_TILES = 4
"""Models up to which each has a tile."""
STATES = {"passed": "✓ passed", "missed": "✗ missed", "not measured": "– not measured"}
TaskSummary: TypeAlias = ClassSummary | NumberErrors


def render(view: View) -> None:
    """Draw the page."""
    if view.store.notes:
        with st.expander("How the tables were read", icon=":material/info:"):
            for note in view.store.notes:
                st.markdown(f"- {context.quoted(note)}")
    if context.empty(view):
        return
    titles = [view.store.title(task) for task in view.store.tasks]
    has_gates = bool(set(view.store.tasks) & set(TASKS))
    names = [title.title for title in titles] + [GATES] * has_gates + [SOURCES]
    tab, container = widgets.open_tab("ov.tab", names)
    with container:
        if tab == SOURCES:
            _sources(view)
        elif tab == GATES and has_gates:
            _gates(view)
        else:
            _task(view, titles[names.index(tab)])


def _task(view: View, task: TaskTitle) -> None:
    summaries: dict[str, TaskSummary] = {}
    for model, where in view.each():
        one: TaskSummary | None = context.cached(
            view.store,
            "task summary",
            (task.key, where),
            partial(task_summary, view.store, task.key, where),
        )
        if one is not None:
            summaries[model] = one
    if not summaries:
        st.info("No row with a label and a prediction is left.")
        return
    metric = task.metric
    if len(summaries) <= MAX_TILES:
        cells = st.columns(max(len(summaries), 3))
        for cell, (model, one) in zip(cells, summaries.items(), strict=False):
            name = f"{context.as_markdown(model)}: {metric.axis}"
            charts.metric(cell, name, _estimate(one, metric), percent=metric.is_share)
    drawn = CLASS_METRICS_DRAWN if metric.is_share else AGE_METRICS_DRAWN
    listed = CLASS_METRICS if metric.is_share else AGE_METRICS if task.key == "age" else drawn
    traces = [
        _trace(
            model,
            view.colour(model),
            [(_title(task, key), _estimate(one, METRICS[key])) for key in drawn],
        )
        for model, one in summaries.items()
    ]
    chart = charts.figure(
        *traces,
        height=320,
        y="" if metric.is_share else metric.unit,
        percent="y" if metric.is_share else "",
        scattermode="group",
        scattergap=0.6,
    )
    table: dict[str, list[object]] = {"metric": [_title(task, key) for key in listed]}
    for model, one in summaries.items():
        metrics = [METRICS[key] for key in listed]
        table[model] = [number(_estimate(one, m), percent=m.is_share) for m in metrics]
        table[f"{model}: n"] = [one.n] * len(listed)
    alt = f"{task.title}: headline metrics of each model with 95 % intervals"
    charts.show(chart, f"overview-{task.key}", table, alt=alt, opened=True)


def _title(task: TaskTitle, key: str) -> str:
    return METRICS[key].title if task.key == "age" else NUMBER_METRICS.get(key, METRICS[key].title)


def _estimate(one: TaskSummary, metric: Metric) -> Estimate:
    """Return the estimate of a metric; without a value where the tables have no probabilities."""
    estimate: Estimate | None = getattr(one, metric.key)
    return estimate or Estimate(None, None, None, one.n)


def _trace(model: str, colour: str, estimates: list[tuple[str, Estimate]]) -> go.Scatter:
    bars = charts.error_bars([estimate for _, estimate in estimates])
    return go.Scatter(
        name=charts.as_html(model),
        x=[title for title, _ in estimates],
        y=[estimate.value for _, estimate in estimates],
        mode="markers",
        marker={"color": colour, "size": 11},
        showlegend=True,
        error_y={**bars, "color": colour, "thickness": 2.5, "width": 6},
    )


def _gates(view: View) -> None:
    summaries: dict[str, StoreSummary] = {}
    for model, where in view.each():
        summaries[model] = context.cached(
            view.store, "summary", (where,), partial(summary, view.store, where)
        )
    table: list[data_frames.Row] = [
        {
            "model": model,
            "gate": outcome.gate,
            "limit": f"{outcome.figure} {outcome.limit}",
            "measured": number(outcome.estimate, digits=4),
            "state": STATES[outcome.state],
            "on": outcome.where,
        }
        for model, one in summaries.items()
        for outcome in gates.check(gate_limits.PRODUCTION, [one], [], {})
    ]
    data_frames.show(table, "overview.gates")
    st.caption(
        "Gaps need a table of the training split; parity and speed need measured values. Options: "
        "`python -m evaluation report --gate production --help`."
    )


def _sources(view: View) -> None:
    table: list[data_frames.Row] = [
        {
            "table": source.path.name,
            "rows": source.rows,
            "models": ", ".join(source.models),
            "tasks": ", ".join(task_title(task).name for task in source.tasks),
            "data set": source.meta.dataset or "–",
            "split": source.meta.split or "–",
            "detector": source.meta.detector or "–",
            "left out": source.meta.left_out,
            "written": source.meta.created or "–",
        }
        for source in view.store.sources
    ]
    data_frames.show(table, "overview.sources")
    st.caption("Rows behind the figures above, after the filters:")
    parts: list[data_frames.Row] = [
        {"model": model, "data set": dataset or "–", "split": split or "–", "rows": n}
        for model, dataset, split, n in view.store.counts(["model", "dataset", "split"], view.where)
    ]
    data_frames.show(parts, "overview.parts")
