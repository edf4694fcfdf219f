"""Training runs, one or many: curves, the distance of training and validation with its verdict,
learning rate, time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, settings, url_state
from apps.studio.context import View
from core.errors import DataError
from evaluation.training_runs import generalization_gap, run_folder, training_run
from evaluation.training_runs.training_run import TrainingRun

TITLE = "Training runs"
ICON = ":material/timeline:"
ORDER = 80

MOST = 8
"""Runs drawn at once: as many as the palette tells apart."""
MEASURES = {
    "emotion_accuracy": "emotion accuracy",
    "gender_accuracy": "perceived gender accuracy",
    "age_mae": "age error, years",
    "loss": "loss",
}


def render(view: View) -> None:
    """Draw the page."""
    root = view.runs
    st.caption(
        "Did training go well, and does the model know its training data better than new faces? One row and one colour per run."
    )
    if root is None:
        st.info(
            "No runs: start the studio with `--runs DIR`, a folder that `python -m train` wrote into (runs/).",
            icon=":material/info:",
        )
        return
    if root == settings.SAMPLE_RUNS:
        st.info(
            "These are the shipped studies' runs. Yours: `python -m apps.studio --runs DIR`.",
            icon=":material/info:",
        )
    found, refused = _read(root)
    for text in refused:
        st.warning(context.plain(text), icon=":material/warning:")
    if not found:
        st.info(
            f"No training run in {context.plain(str(root))}: `python -m train RECIPE --data DIR` writes one.",
            icon=":material/info:",
        )
        return
    names = list(found)
    chosen = url_state.several("runs.chosen", "Runs", names, names[:MOST])[:MOST] or tuple(
        names[:MOST]
    )
    shown = {name: found[name] for name in chosen}
    _table(shown)
    left, right = st.columns(2)
    with left:
        _curves(shown)
    with right:
        _gaps(shown)
    left, right = st.columns(2)
    with left:
        _rate(shown)
    with right:
        _time(shown)


def _read(root: Path) -> tuple[dict[str, TrainingRun], list[str]]:
    """Runs by their path below `root`, and what could not be read. Read anew at every visit: a run
    in progress grows.
    """
    found, refused = {}, []
    for folder in run_folder.find(root):
        try:
            found[
                folder.path.relative_to(root).as_posix()
                if folder.path != root
                else folder.path.name
            ] = training_run.read(folder)
        except DataError as error:
            refused.append(str(error))
    return found, refused


def _table(shown: dict[str, TrainingRun]) -> None:
    rows = [training_run.overview(run) for run in shown.values()]
    percent = st.column_config.NumberColumn(format="percent")
    columns = {
        "run": list(shown),
        "state": [r.state for r in rows],
        "best epoch": [f"{r.best_epoch} of {r.epochs}" for r in rows],
        "task": [r.task or "–" for r in rows],
        "training": [r.train for r in rows],
        "validation": [r.val for r in rows],
        "gap, points": [r.gap for r in rows],
        "verdict": [r.verdict or "–" for r in rows],
        "age error, years": [r.age_mae for r in rows],
        "minutes": [None if r.seconds is None else r.seconds / 60 for r in rows],
        "images/s": [r.images_per_s for r in rows],
        "memory, MB": [r.memory_mb for r in rows],
    }
    number = {
        name: st.column_config.NumberColumn(format="%.1f")
        for name in ("gap, points", "age error, years", "minutes")
    }
    whole = {
        name: st.column_config.NumberColumn(format="%.0f") for name in ("images/s", "memory, MB")
    }
    st.dataframe(
        columns,
        hide_index=True,
        key="runs.rows",
        column_config={"training": percent, "validation": percent, **number, **whole},
    )
    charts.downloads("runs", columns)
    meanings = {r.verdict: r.meaning for r in rows if r.verdict}
    st.caption(
        "Validation figures, at the epoch whose weights were kept. Training figures are taken while training, under "
        "augmentation and dropout. "
        + " ".join(f"**{name}**: {text}." for name, text in meanings.items())
    )


def _curves(shown: dict[str, TrainingRun]) -> None:
    there = [m for m in MEASURES if any(f"val_{m}" in run.history for run in shown.values())]
    if not there:
        return
    st.subheader("Curves")
    measure = url_state.choose(
        "runs.measure", "Measure", there, shown=MEASURES.__getitem__, style="segmented_control"
    )
    traces: list[Any] = []
    table: dict[str, list[Any]] = {"run": [], "epoch": [], "training": [], "validation": []}
    for i, (name, run) in enumerate(shown.items()):
        epochs, n = run.history["epoch"], len(run)
        sides = {
            side: run.history.get(f"{side}_{measure}", np.full(n, np.nan))
            for side in ("train", "val")
        }
        for side, dash in (("train", "dot"), ("val", "solid")):
            traces.append(
                go.Scatter(
                    x=epochs,
                    y=sides[side],
                    name=charts.plain(name),
                    legendgroup=name,
                    showlegend=side == "val",
                    mode="lines+markers",
                    line={"color": charts.colour(i), "dash": dash},
                    marker={"size": 5},
                    hovertemplate=f"{'training' if side == 'train' else 'validation'}, epoch %{{x}}: %{{y}}",
                )
            )
        kept = run.best
        marker = {"color": charts.colour(i), "size": 12, "symbol": "star"}
        traces.append(
            go.Scatter(
                x=[epochs[kept]],
                y=[sides["val"][kept]],
                legendgroup=name,
                showlegend=False,
                mode="markers",
                marker=marker,
                hovertemplate="kept: epoch %{x}, %{y}",
            )
        )
        columns = zip(epochs, sides["train"], sides["val"], strict=True)
        for epoch, train, val in columns:
            for key, value in zip(table, (name, int(epoch), float(train), float(val)), strict=True):
                table[key].append(value)
    made = charts.figure(
        *traces, x="epoch", y=MEASURES[measure], percent="y" if measure.endswith("accuracy") else ""
    )
    alt = f"{MEASURES[measure]} by epoch: training dotted, validation solid, a star where weights were kept"
    charts.show(made, "runs-curves", table, alt=alt)
    st.caption("Solid: validation. Dotted: training. Star: the epoch whose weights were kept.")


def _gaps(shown: dict[str, TrainingRun]) -> None:
    values = {name: run.gap() for name, run in shown.items()}
    known = {name: gap for name, gap in values.items() if gap is not None}
    if not known:
        return
    st.subheader("Gap: training minus validation")
    bands = [generalization_gap.verdict(gap) for gap in known.values()]
    bars = go.Bar(
        x=[charts.plain(n) for n in known],
        y=list(known.values()),
        marker_color=[b.colour for b in bands],
        text=[b.name for b in bands],
        hovertemplate="%{x}: %{y:+.1f} points",
    )
    made = charts.figure(bars, y="percentage points")
    for low in (-5.0, 10.0):
        made.add_hline(y=low, line_dash="dash", line_color=charts.GREY)
    table = {
        "run": list(known),
        "gap, points": list(known.values()),
        "verdict": [b.name for b in bands],
        "meaning": [b.meaning for b in bands],
    }
    charts.show(
        made,
        "runs-gaps",
        table,
        alt="Training minus validation accuracy of each run at its kept epoch, in percentage points",
    )
    st.caption(
        "Bands of the FER capstone notebook; dashed at -5 (look for a leak) and +10 (overfits)."
    )


def _rate(shown: dict[str, TrainingRun]) -> None:
    there = {name: run for name, run in shown.items() if "lr" in run.history}
    if not there:
        return
    st.subheader("Learning rate")
    colours = {name: charts.colour(i) for i, name in enumerate(shown)}
    look = {"mode": "lines+markers"}
    traces = [
        go.Scatter(
            x=run.history["epoch"],
            y=run.history["lr"],
            name=charts.plain(name),
            line={"color": colours[name]},
            **look,
        )
        for name, run in there.items()
    ]
    made = charts.figure(*traces, x="epoch", y="at the end of the epoch", height=320)
    made.update_yaxes(type="log")
    table = {
        "run": [n for n, r in there.items() for _ in range(len(r))],
        "epoch": [int(e) for r in there.values() for e in r.history["epoch"]],
        "learning rate": [float(v) for r in there.values() for v in r.history["lr"]],
    }
    charts.show(made, "runs-rate", table, alt="Learning rate by epoch, logarithmic")


def _time(shown: dict[str, TrainingRun]) -> None:
    there = {name: run for name, run in shown.items() if run.seconds is not None}
    if not there:
        return
    st.subheader("Time")
    minutes = [float(np.nansum(run.history["seconds"])) / 60 for run in there.values()]
    worked = [
        float(np.nansum(run.history["cpu_seconds"])) / 60 if "cpu_seconds" in run.history else None
        for run in there.values()
    ]
    names = [charts.plain(name) for name in there]
    traces = [
        go.Bar(x=names, y=minutes, name="by the clock"),
        go.Bar(x=names, y=worked, name="processor"),
    ]
    made = charts.figure(*traces, y="minutes", height=320, barmode="group")
    table = {
        "run": list(there),
        "minutes": minutes,
        "processor minutes": worked,
        "epochs": [len(run) for run in there.values()],
    }
    charts.show(
        made,
        "runs-time",
        table,
        alt="Minutes of each run, by the clock and of all processor cores together",
    )
    st.caption("On a shared machine the clock says little; processor minutes compare.")
