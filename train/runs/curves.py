"""The curves of a run as one page that needs no other file: four panels and a table of all epochs.

The panels are those of the FER capstone notebook (2024, unpublished): accuracy, loss, gap between
training and validation, progression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.vocabulary import task_metric
from evaluation.report.html_page import GREY, LAYOUT, chart, document, table
from evaluation.training_runs import generalization_gap
from train.runs.gap import EpochGap

History = Sequence[Mapping[str, float]]
COLUMNS = ("emotion_accuracy", "gender_accuracy", "age_mae")
COLOURS = {
    "emotion_accuracy": "#3b82c4",
    "gender_accuracy": "#d9772b",
    "age_mae": "#4a9b6e",
    "loss": "#3b82c4",
}
STAGES = ((0.0, "start"), (0.25, "1/4"), (0.5, "1/2"), (0.75, "3/4"), (1.0, "end"))
GAP_LINES = (-5.0, 10.0)
"""Percentage points at which the notebook draws its lines: possible leak, overfitting."""
CHART_HEIGHT_PX = 760


def page(
    name: str, history: History, best: int, planned: int, state: str, gap: EpochGap | None
) -> str:
    """Return `curves.html`.

    Args:
        name: of the run.
        history: one row an epoch.
        best: the epoch, from 1, whose weights were kept.
        planned: number of epochs.
        state: finished, stopped early, or unfinished.
        gap: of the best epoch; None where the run has no classes.
    """
    sentences = [f"{history[-1]['epoch']:.0f} of {planned} epochs, {state}; best: epoch {best}."]
    if gap:
        sentences.append(
            f"Gap between training and validation at the best epoch: {gap.points:+.1f} points, "
            f"{gap.verdict}: {gap.meaning}."
        )
    sentences.append(
        "Training figures are taken while training, under dropout and augmentation: they are lower "
        "than validation's would be."
    )
    curves = chart(panels(history, best, gap.task if gap else None))
    columns = [
        c
        for c in history[0]
        if c.startswith(("train_", "val_")) or c in ("lr", "seconds", "images_per_s")
    ]
    rows = [[f"{row['epoch']:.0f}", *(_cell(c, row.get(c)) for c in columns)] for row in history]
    by_epoch = table("By epoch", ["epoch", *(c.replace("_", " ") for c in columns)], rows)
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return document(name, f"<h1>{escape(name)}</h1>{text}{curves}{by_epoch}")


def panels(history: History, best: int, task: str | None) -> go.Figure:
    """Return the four panels.

    Args:
        history: one row an epoch.
        best: the epoch, from 1, whose weights were kept.
        task: whose accuracy gap and progression show; None for the age error.
    """
    columns = [c for c in COLUMNS if f"val_{c}" in history[0]]
    accuracies = [c for c in columns if c != "age_mae"] or columns
    main = f"{task}_accuracy" if task else accuracies[0]
    unit = "years" if main == "age_mae" else "%"
    figure = make_subplots(
        rows=2,
        cols=2,
        subplot_titles=(
            "Error, years" if main == "age_mae" else "Accuracy, %",
            "Loss",
            f"Gap: training minus validation, {unit}",
            "Progression",
        ),
        vertical_spacing=0.14,
        horizontal_spacing=0.09,
    )
    for panel, panel_columns in ((1, accuracies), (2, ["loss"])):
        for column in panel_columns:
            _add_curve(figure, history, column, panel)
        figure.add_vline(x=best, line_dash="dash", line_color=GREY, row=1, col=panel)
    _add_gaps(figure, history, main, task is not None)
    _add_progression(figure, history, main, unit)
    figure.update_xaxes(title_text="epoch", row=2, col=1)
    figure.update_xaxes(title_text="part of the run: epoch", type="category", row=2, col=2)
    return figure.update_layout(
        height=CHART_HEIGHT_PX,
        legend={"orientation": "h", "y": 1.12},
        **LAYOUT,
    )


def _add_curve(figure: go.Figure, history: History, column: str, panel: int) -> None:
    """Training and validation of a column, in the first row."""
    task, metric = task_metric(column)
    for side, side_title, dash in (("train", "training", "dot"), ("val", "validation", "solid")):
        figure.add_scatter(
            x=[row["epoch"] for row in history],
            y=[_scaled(column, row.get(f"{side}_{column}")) for row in history],
            name=f"{task.name if task else metric.title}, {side_title}",
            mode="lines+markers",
            line={"color": COLOURS[column], "dash": dash},
            marker={"size": 4},
            row=1,
            col=panel,
        )


def _add_gaps(figure: go.Figure, history: History, column: str, is_accuracy: bool) -> None:
    gaps = [_difference(column, row) for row in history]
    colours = [
        GREY if gap is None or not is_accuracy else generalization_gap.verdict(gap).colour
        for gap in gaps
    ]
    figure.add_bar(
        x=[row["epoch"] for row in history],
        y=gaps,
        marker_color=colours,
        name="gap",
        showlegend=False,
        row=2,
        col=1,
    )
    figure.add_hline(y=0, line_color=GREY, line_width=1, row=2, col=1)
    for points in GAP_LINES if is_accuracy else ():
        figure.add_hline(
            y=points,
            line_dash="dash",
            line_color=GREY,
            annotation_text=generalization_gap.verdict(points).name,
            row=2,
            col=1,
        )


def _add_progression(figure: go.Figure, history: History, column: str, unit: str) -> None:
    """Validation at the start, quarters and end of the run."""
    stages = {round(share * (len(history) - 1)): stage for share, stage in STAGES}
    values = [_scaled(column, history[i][f"val_{column}"]) for i in stages]
    figure.add_bar(
        x=[f"{stage}: {history[i]['epoch']:.0f}" for i, stage in stages.items()],
        y=values,
        text=[f"{value:.1f} {unit}" for value in values if value is not None],
        marker_color=COLOURS[column],
        name="validation",
        showlegend=False,
        row=2,
        col=2,
    )


def _scaled(column: str, value: float | None) -> float | None:
    return 100 * value if value is not None and column.endswith("accuracy") else value


def _difference(column: str, row: Mapping[str, float]) -> float | None:
    train, val = (_scaled(column, row.get(f"{side}_{column}")) for side in ("train", "val"))
    return None if train is None or val is None else train - val


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return "-"
    if column.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    if column == "lr":
        return f"{value:.2g}"
    return f"{value:.0f}" if column in ("seconds", "images_per_s") else f"{value:.4f}"
