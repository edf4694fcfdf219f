"""The models side by side: headline figures with 95 % intervals, the gates, and what the tables
are.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context
from apps.studio.context import View
from core.vocabulary import TASKS
from evaluation.analysis.from_counts import AgeErrors
from evaluation.analysis.store_summary import ClassSummary, StoreSummary, summary
from evaluation.report import gates
from evaluation.report.text import number

TITLE = "Overview"
ICON = ":material/dashboard:"
ORDER = 0

ROWS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "emotion": (
        ("accuracy", "accuracy", True),
        ("macro_f1", "macro F1", True),
        ("balanced_accuracy", "balanced accuracy", True),
        ("kappa", "Cohen's kappa", False),
        ("ece", "calibration error (ECE)", True),
    ),
    "age": (
        ("mae", "mean absolute error", False),
        ("rmse", "root mean squared error", False),
        ("bias", "bias (above 0: too old)", False),
        ("cs5", "within 5 years", True),
    ),
}
ROWS["gender"] = ROWS["emotion"]
STATES = {"passed": "✓ passed", "missed": "✗ missed", "not measured": "– not measured"}


def render(view: View) -> None:
    """Draw the page."""
    for note in view.store.notes:
        st.info(context.plain(note), icon=":material/info:")
    if context.empty(view):
        return
    found = {
        model: context.cached(
            view.store, "summary", (where,), lambda w=where: summary(view.store, w)
        )
        for model, where in view.each()
    }
    for task in view.store.tasks:
        if any(task in f.tasks for f in found.values()):
            _task(task, {m: f.tasks[task] for m, f in found.items() if task in f.tasks})
    _gates(found)
    _sources(view)


def _task(task: str, found: dict[str, ClassSummary | AgeErrors]) -> None:
    st.subheader(TASKS[task].title)
    cells = st.columns(max(len(found), 3)) if len(found) <= 4 else []
    for cell, (model, figures) in zip(cells, found.items(), strict=False):
        name = f"{context.plain(model)}: {TASKS[task].metric.axis}"
        charts.metric(
            cell,
            name,
            getattr(figures, "mae" if task == "age" else "accuracy"),
            percent=task != "age",
        )
    names = [charts.plain(m) for m in found]
    shares = [
        (key, name)
        for key, name, percent in ROWS[task]
        if percent == (task != "age") and (task == "age" or key != "ece")
    ]
    traces = [
        go.Scatter(
            name=model,
            x=[name for _, name in shares],
            y=[getattr(f, key).value for key, _ in shares],
            mode="markers",
            marker={"color": charts.colour(i), "size": 11},
            showlegend=True,
            error_y={
                **charts.error_bars([getattr(f, key) for key, _ in shares]),
                "color": charts.colour(i),
                "thickness": 2.5,
                "width": 6,
            },
        )
        for i, (model, f) in enumerate(zip(names, found.values(), strict=True))
    ]
    axis, form = ("years", "") if task == "age" else ("", "y")
    made = charts.figure(
        *traces, height=320, y=axis, percent=form, scattermode="group", scattergap=0.6
    )
    table: dict[str, list[Any]] = {"figure": [name for _, name, _ in ROWS[task]]}
    for model, f in found.items():
        table[model] = [number(getattr(f, key), percent=percent) for key, _, percent in ROWS[task]]
        table[f"{model}: n"] = [f.n] * len(ROWS[task])
    charts.show(
        made,
        f"overview-{task}",
        table,
        alt=f"{TASKS[task].title}: headline figures of each model with 95 % intervals",
        opened=True,
    )


def _gates(found: dict[str, StoreSummary]) -> None:
    st.subheader("Gates for production")
    rows: dict[str, list[str]] = {
        name: [] for name in ("model", "gate", "limit", "measured", "state", "on")
    }
    for model, figures in found.items():
        for outcome in gates.check(gates.PRODUCTION, [figures], [], {}):
            values = (
                model,
                outcome.gate,
                f"{outcome.figure} {outcome.limit}",
                number(outcome.estimate, digits=4),
                STATES[outcome.state],
                outcome.where,
            )
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    st.dataframe(rows, hide_index=True, key="overview.gates")
    st.caption(
        "Gaps need the training split's table, parity and speed a measurement: `python -m evaluation report --gate production --help`."
    )


def _sources(view: View) -> None:
    st.subheader("What the tables are")
    keys = ("table", "rows", "models", "tasks", "data set", "split", "detector", "left out", "made")
    rows: dict[str, list[Any]] = {key: [] for key in keys}
    for source in view.store.sources:
        values = (
            source.path.name,
            source.rows,
            ", ".join(source.models),
            ", ".join(source.tasks),
            source.meta.dataset or "–",
            source.meta.split or "–",
            source.meta.detector or "–",
            source.meta.left_out,
            source.meta.created or "–",
        )
        for key, value in zip(keys, values, strict=True):
            rows[key].append(value)
    st.dataframe(rows, hide_index=True, key="overview.sources")
    parts = view.store.counts(["model", "dataset", "split"], view.where)
    st.caption("Rows behind the figures above, after the filters:")
    behind = {
        name: [part[i] or "–" for part in parts]
        for i, name in enumerate(("model", "data set", "split", "rows"))
    }
    st.dataframe(behind, hide_index=True, key="overview.parts")
