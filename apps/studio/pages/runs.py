"""Training runs: curves, the gap to validation with its verdict, learning rate and time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames, samples, widgets
from apps.studio.context import View
from core.errors import DataError
from core.vocabulary import column_axis, column_title, task_metric
from evaluation.training_runs import generalization_gap, run_folder, training_run
from evaluation.training_runs.training_run import TrainingRun

TITLE = "Training runs"
ICON = ":material/timeline:"
ORDER = 80
NEEDS_PREDICTIONS = False

MAX_RUNS = 8
"""Runs drawn at once: as many as the palette tells apart."""
MEASURES = ("emotion_accuracy", "gender_accuracy", "age_mae", "loss")
"""Columns of a history, without the prefix `train_` or `val_`, that can be drawn."""
MAX_TICKS = 12
"""Numbers along an axis of epochs."""
Runs: TypeAlias = Mapping[str, TrainingRun]


def applies(view: View) -> bool:
    """Return whether the page has something to show."""
    return view.runs is not None


def render(view: View) -> None:
    """Draw the page."""
    root = view.runs
    st.caption(
        "Did training go well, and does the model know its training data better than new faces? "
        "One row and one colour per run."
    )
    if root is None:
        st.info(
            "No runs: start the studio with `--runs DIR`, a folder that `python -m train` wrote "
            "into (runs/).",
            icon=":material/info:",
        )
        return
    if samples.is_shipped(root):
        st.info(
            "These runs ship with the studio. Yours: `python -m apps.studio --runs DIR`.",
            icon=":material/info:",
        )
    runs, errors = _read(root)
    for text in errors:
        st.warning(context.as_markdown(text), icon=":material/warning:")
    if not runs:
        st.info(
            f"No training run in {context.as_markdown(str(root))}: "
            "`python -m train RECIPE --data DIR` writes one.",
            icon=":material/info:",
        )
        return
    default = list(runs)[:MAX_RUNS]
    names = widgets.several("runs.chosen", "Runs", list(runs), default)[:MAX_RUNS]
    selected = {name: runs[name] for name in names or default}
    colours = {name: charts.colour(i) for i, name in enumerate(runs)}  # not of the selection
    _table(selected)
    left, right = st.columns(2)
    with left:
        _curves(selected, colours)
    with right:
        _gaps(selected)
    left, right = st.columns(2)
    with left:
        _learning_rate(selected, colours)
    with right:
        _time(selected)


def _read(root: Path) -> tuple[dict[str, TrainingRun], list[str]]:
    """Return runs by path below `root`, and errors; read at every visit, since a run may grow."""
    runs, errors = {}, []
    for folder in run_folder.find(root):
        is_root = folder.path == root
        name = folder.path.name if is_root else folder.path.relative_to(root).as_posix()
        try:
            runs[name] = training_run.read(folder)
        except DataError as error:
            errors.append(str(error))
    return runs, errors


def _table(runs: Runs) -> None:
    overviews = {name: training_run.overview(run) for name, run in runs.items()}
    table: list[data_frames.Row] = [
        {
            "run": name,
            "state": run.state,
            "best epoch": f"{run.best_epoch} of {run.epochs}",
            "task": run.task or "–",
            "training": run.train,
            "validation": run.val,
            "gap, points": run.gap,
            "verdict": run.verdict or "–",
            "age error, years": run.age_mae,
            "minutes": None if run.seconds is None else run.seconds / 60,
            "images/s": run.images_per_s,
            "memory, MB": run.memory_mb,
        }
        for name, run in overviews.items()
    ]
    formats = {"training": "percent", "validation": "percent"}
    formats |= {"gap, points": "%.1f", "age error, years": "%.1f", "minutes": "%.1f"}
    formats |= {"images/s": "%.0f", "memory, MB": "%.0f"}
    columns = {name: st.column_config.NumberColumn(format=text) for name, text in formats.items()}
    data_frames.show(table, "runs.rows", columns)
    charts.downloads("runs", table)
    meanings = {run.verdict: run.meaning for run in overviews.values() if run.verdict}
    st.caption(
        "Validation figures, at the epoch whose weights were kept. Training figures are taken "
        "while training, under augmentation and dropout. "
        + " ".join(f"**{name}**: {text}." for name, text in meanings.items())
    )


def _curves(runs: Runs, colours: Mapping[str, str]) -> None:
    measures = [m for m in MEASURES if any(f"val_{m}" in run.history for run in runs.values())]
    if not measures:
        return
    st.subheader("Curves")
    measure = widgets.choose(
        "runs.measure", "Measure", measures, format_func=column_title, style="segmented_control"
    )
    traces: list[Any] = []
    table: list[data_frames.Row] = []
    for name, run in runs.items():
        missing = np.full(len(run), np.nan)
        epochs = run.history["epoch"]
        train = run.history.get(f"train_{measure}", missing)
        val = run.history.get(f"val_{measure}", missing)
        traces += [
            _curve(name, colours[name], epochs, train, "training"),
            _curve(name, colours[name], epochs, val, "validation"),
            go.Scatter(
                x=[epochs[run.best]],
                y=[val[run.best]],
                legendgroup=name,
                showlegend=False,
                mode="markers",
                marker={"color": colours[name], "size": 12, "symbol": "star"},
                hovertemplate="kept: epoch %{x}, %{y}",
            ),
        ]
        table += [
            {"run": name, "epoch": int(e), "training": float(t), "validation": float(v)}
            for e, t, v in zip(epochs, train, val, strict=True)
        ]
    metric = task_metric(measure)[1]
    chart = charts.figure(
        *traces,
        x="epoch",
        y=column_axis(measure),
        percent="y" if metric.is_share else "",
    )
    _whole_epochs(chart, runs)
    alt = (
        f"{column_title(measure)} by epoch: training dotted, validation solid, a star where "
        "weights were kept"
    )
    charts.show(chart, "runs-curves", table, alt=alt)
    st.caption("Solid: validation. Dotted: training. Star: the epoch whose weights were kept.")


def _curve(name: str, colour: str, epochs: Any, values: Any, split: str) -> go.Scatter:
    return go.Scatter(
        x=epochs,
        y=values,
        name=charts.as_html(name),
        legendgroup=name,
        showlegend=split == "validation",
        mode="lines+markers",
        line={"color": colour, "dash": "solid" if split == "validation" else "dot"},
        marker={"size": 5},
        hovertemplate=f"{split}, epoch %{{x}}: %{{y}}",
    )


def _whole_epochs(chart: go.Figure, runs: Runs) -> None:
    """Let the axis begin at the first epoch, with at most MAX_TICKS numbers, all whole."""
    last = max(run.history["epoch"][-1] for run in runs.values())
    step = -(-int(last) // MAX_TICKS)
    chart.update_xaxes(tick0=0, dtick=step, range=[0.5, last + 0.5])


def _gaps(runs: Runs) -> None:
    gaps = {name: gap for name, run in runs.items() if (gap := run.gap()) is not None}
    if not gaps:
        return
    st.subheader("Gap: training minus validation")
    verdicts = [generalization_gap.verdict(gap) for gap in gaps.values()]
    bars = go.Bar(
        y=[f"{charts.as_html(name)}<br>{v.name}" for name, v in zip(gaps, verdicts, strict=True)],
        x=list(gaps.values()),
        orientation="h",
        marker_color=[verdict.colour for verdict in verdicts],
        hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
    )
    chart = charts.figure(bars, x="percentage points", height=_bar_height(gaps))
    chart.update_yaxes(autorange="reversed")
    for line in generalization_gap.GAP_LINES:
        chart.add_vline(x=line, line_dash="dash", line_color=charts.GREY)
    table = {
        "run": list(gaps),
        "gap, points": list(gaps.values()),
        "verdict": [verdict.name for verdict in verdicts],
        "meaning": [verdict.meaning for verdict in verdicts],
    }
    alt = "Training minus validation accuracy of each run at its kept epoch, in percentage points"
    charts.show(chart, "runs-gaps", table, alt=alt)
    st.caption(
        "Bands of a FER capstone notebook (2024, unpublished); dashed at -5 (look for a leak) and "
        "+10 (overfits)."
    )


def _learning_rate(runs: Runs, colours: Mapping[str, str]) -> None:
    rates = {name: run.history for name, run in runs.items() if "lr" in run.history}
    if not rates:
        return
    st.subheader("Learning rate")
    traces = [
        go.Scatter(
            x=history["epoch"],
            y=history["lr"],
            name=charts.as_html(name),
            line={"color": colours[name]},
            mode="lines+markers",
        )
        for name, history in rates.items()
    ]
    chart = charts.figure(
        *traces, x="epoch", y="at the end of the epoch", height=320, showlegend=False
    )
    chart.update_yaxes(type="log", dtick=1, exponentformat="power")
    _whole_epochs(chart, runs)
    table: list[data_frames.Row] = [
        {"run": name, "epoch": int(epoch), "learning rate": float(rate)}
        for name, history in rates.items()
        for epoch, rate in zip(history["epoch"], history["lr"], strict=True)
    ]
    charts.show(chart, "runs-rate", table, alt="Learning rate by epoch, logarithmic")
    st.caption("A run has the colour that it has above.")


def _time(runs: Runs) -> None:
    timed = {name: run for name, run in runs.items() if run.seconds is not None}
    if not timed:
        return
    st.subheader("Time")
    names = [charts.as_html(name) for name in timed]
    wall_minutes = [_minutes(run, "seconds") for run in timed.values()]
    cpu_minutes = [_minutes(run, "cpu_seconds") for run in timed.values()]
    chart = charts.figure(
        go.Bar(y=names, x=wall_minutes, orientation="h", name="by the clock"),
        go.Bar(y=names, x=cpu_minutes, orientation="h", name="processor"),
        x="minutes",
        height=_bar_height(timed),
        barmode="group",
    )
    chart.update_yaxes(autorange="reversed")
    table = {
        "run": list(timed),
        "minutes": wall_minutes,
        "processor minutes": cpu_minutes,
        "epochs": [len(run) for run in timed.values()],
    }
    alt = "Minutes of each run, by the clock and of all processor cores together"
    charts.show(chart, "runs-time", table, alt=alt)
    st.caption("On a shared machine the clock misleads; compare processor minutes.")


def _bar_height(runs: Mapping[str, object]) -> int:
    return 120 + 40 * len(runs)


def _minutes(run: TrainingRun, column: str) -> float | None:
    return float(np.nansum(run.history[column])) / 60 if column in run.history else None
