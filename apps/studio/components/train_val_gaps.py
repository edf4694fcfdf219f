"""Gaps of training and validation accuracy, and transfer learning against training from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, data_frames, samples
from apps.studio.context import View
from evaluation.report.formatting import number
from evaluation.statistics.estimate import Estimate
from evaluation.training_runs import generalization_gap, transfer
from evaluation.training_runs.transfer import ClassifierRun


@dataclass(frozen=True, slots=True)
class Gap:
    """Training minus validation accuracy of one model.

    Attributes:
        name: of the model or run.
        points: percentage points.
        verdict: the band of the gap.
        figures: both accuracies in words.
    """

    name: str
    points: float
    verdict: generalization_gap.Band
    figures: str


def applies(view: View) -> bool:
    """Return whether there are gaps to show."""
    return {"train", "val"} <= set(view.store.splits) or view.runs is not None


def show_gaps(view: View) -> None:
    """Draw the gaps of the tables' models, or of training runs where the tables lack a split."""
    st.subheader("Training against validation")
    if not view.is_regression and {"train", "val"} <= set(view.store.splits):
        gaps = gaps_of_tables(view)
        if gaps:
            _bars(
                gaps,
                "Accuracy on the training split minus accuracy on the validation split, after the "
                "filters, without augmentation.",
            )
        return
    runs = _classifier_runs(view.runs)
    if not runs:
        st.caption(
            "The gap of training and validation needs predictions on both splits "
            "(`evaluation predict --split train`, then open both tables), or the runs' folder: "
            "`python -m apps.studio --runs runs`."
        )
        return
    gaps = [
        Gap(run.run, run.gap, run.verdict, f"train {run.train:.1%}, val {run.val:.1%}")
        for run in runs
    ]
    _bars(
        gaps,
        f"Best epoch of each{_shipped(view)} run; training figures are taken under augmentation "
        "and dropout.",
    )


def gaps_of_tables(view: View) -> list[Gap]:
    """Return the gap of each selected model whose tables have both splits."""
    gaps = []
    for model, where in view.each():
        matrices = view.store.confusions(view.task, where.but(splits=()), "split")
        if not {"train", "val"} <= set(matrices):
            continue
        train, val = (
            Estimate.of_share(int(matrices[s].trace()), int(matrices[s].sum()))
            for s in ("train", "val")
        )
        if train.value is None or val.value is None:
            continue
        points = 100 * (train.value - val.value)
        figures = (
            f"train {number(train, percent=True)}, n = {train.n:,}; "
            f"val {number(val, percent=True)}, n = {val.n:,}"
        )
        gaps.append(Gap(model, points, generalization_gap.verdict(points), figures))
    return gaps


def _shipped(view: View) -> str:
    return " shipped" if samples.is_shipped(view.runs) else ""


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def _classifier_runs(root: Path | None) -> list[ClassifierRun]:
    return [] if root is None else transfer.classifier_runs(root)


def _bars(gaps: Sequence[Gap], about: str) -> None:
    chart = charts.figure(
        go.Bar(
            x=[gap.points for gap in gaps],
            y=[charts.as_html(gap.name) for gap in gaps],
            orientation="h",
            marker_color=[gap.verdict.colour for gap in gaps],
            text=[gap.verdict.name for gap in gaps],
            customdata=[f"{gap.figures}<br>{gap.verdict.meaning}" for gap in gaps],
            hovertemplate="%{y}: %{x:.1f} points<br>%{customdata}<extra></extra>",
        ),
        height=110 + 34 * len(gaps),
        x="gap, percentage points",
    )
    chart.update_yaxes(autorange="reversed")
    table: list[data_frames.Row] = [
        {
            "model": gap.name,
            "gap, points": f"{gap.points:+.1f}",
            "verdict": gap.verdict.name,
            "meaning": gap.verdict.meaning,
            "figures": gap.figures,
        }
        for gap in gaps
    ]
    charts.show(chart, "compare-gaps", table, alt="Training minus validation accuracy")
    st.caption(about)


def show_transfer(view: View) -> None:
    """Draw accuracy and size of runs from pretrained weights, beside all others."""
    st.subheader("Transfer learning against training from scratch")
    runs = _classifier_runs(view.runs)
    if not runs:
        st.caption(
            "To compare runs from pretrained weights with runs from scratch, start with the folder "
            "of the training runs, `python -m apps.studio --runs runs`."
        )
        return
    has_sizes = all(run.parameters for run in runs)
    traces = [
        _points([run for run in runs if run.kind == transfer.TRANSFER], 0, "circle", has_sizes),
        _points([run for run in runs if run.kind == transfer.CUSTOM], 1, "diamond", has_sizes),
    ]
    about = "validation accuracy of the best epoch"
    if has_sizes:
        chart = charts.figure(*traces, x="parameters, millions", y=about, percent="y", height=400)
    else:
        chart = charts.figure(*traces, x=about, percent="x", height=150 + 34 * len(runs))
        chart.update_yaxes(autorange="reversed")
    table: list[data_frames.Row] = [
        {
            "run": run.run,
            "kind": run.kind,
            "family": run.family,
            "task": run.task,
            "parameters": run.parameters,
            "train": f"{run.train:.1%}",
            "val": f"{run.val:.1%}",
            "gap, points": f"{run.gap:+.1f}",
        }
        for run in runs
    ]
    alt = "Validation accuracy of training runs from pretrained weights and from scratch"
    charts.show(chart, "compare-transfer", table, alt=alt)
    st.caption(
        f"{len(runs)}{_shipped(view)} runs, each at its best epoch, as they recorded it"
        + ("." if has_sizes else "; not all recorded their number of parameters.")
        + " Runs on different data or classes cannot be compared by it."
    )


def _points(runs: Sequence[ClassifierRun], k: int, symbol: str, has_sizes: bool) -> go.Scatter:
    names = [charts.as_html(run.run) for run in runs]
    accuracies = [run.val for run in runs]
    return go.Scatter(
        name=(transfer.TRANSFER, transfer.CUSTOM)[k],
        x=[(run.parameters or 0) / 1e6 for run in runs] if has_sizes else accuracies,
        y=accuracies if has_sizes else names,
        mode="markers+text" if has_sizes else "markers",
        text=names,
        textposition="top center",
        marker={"size": 12, "color": charts.colour(k), "symbol": symbol},
        hovertemplate="%{text}: " + ("%{y:.1%}" if has_sizes else "%{x:.1%}"),
    )
