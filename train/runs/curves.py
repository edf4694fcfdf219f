"""A run as one page that needs nothing else: the FER notebook's four panels (accuracy, loss, gap,
progression) and a table of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from evaluation.report.html import GREY, document, table
from evaluation.training_runs import generalization_gap

Row = dict[str, float]
COLOURS = {
    "emotion_accuracy": "#3b82c4",
    "gender_accuracy": "#d9772b",
    "age_mae": "#4a9b6e",
    "loss": "#3b82c4",
}
NAMES = {
    "emotion_accuracy": "emotion",
    "gender_accuracy": "perceived gender",
    "age_mae": "age",
    "loss": "loss",
}
STAGES = ((0.0, "start"), (0.25, "1/4"), (0.5, "1/2"), (0.75, "3/4"), (1.0, "end"))


def page(name: str, history: Sequence[Row], summary: dict[str, Any]) -> str:
    """`curves.html` of the run `name`. history: one row an epoch; summary: of
    `train.runs.summary.summarise`.
    """
    best, gap, epochs = summary["best"], summary["gap"], summary["epochs"]
    lines = [
        f"{epochs['done']} of {epochs['planned']} epochs, {summary['state']}; best: epoch {best['epoch']}."
    ]
    if gap:
        lines.append(
            f"Gap between training and validation at the best epoch: {gap['points']:+.1f} points, {gap['verdict']}: {gap['meaning']}."
        )
    lines.append(
        "Training figures are taken while training, under dropout and augmentation: they read lower than validation's would."
    )
    body = [f"<h1>{escape(name)}</h1>", *(f"<p>{escape(line)}</p>" for line in lines)]
    drawn = panels(history, int(best["epoch"]), str(gap["task"]) if gap else None)
    body.append(
        pio.to_html(
            drawn,
            include_plotlyjs=False,
            full_html=False,
            config={"displaylogo": False, "responsive": True},
        )
    )
    columns = [
        c
        for c in history[0]
        if c.startswith(("train_", "val_")) or c in ("lr", "seconds", "images_per_s")
    ]
    rows = [[f"{row['epoch']:.0f}", *(_cell(c, row.get(c)) for c in columns)] for row in history]
    body.append(table("By epoch", ["epoch", *(c.replace("_", " ") for c in columns)], rows))
    return document(name, "".join(body))


def panels(history: Sequence[Row], best: int, task: str | None) -> go.Figure:
    """Accuracy, loss, gap and progression. best: epoch; task: whose accuracy the last two show,
    None for age.
    """
    kinds = [
        k for k in ("emotion_accuracy", "gender_accuracy", "age_mae") if f"val_{k}" in history[0]
    ]
    shown = [k for k in kinds if k != "age_mae"] or kinds
    main = f"{task}_accuracy" if task else shown[0]
    unit = "years" if main == "age_mae" else "%"
    titles = (
        "Error, years" if main == "age_mae" else "Accuracy, %",
        "Loss",
        f"Gap: training minus validation, {unit}",
        "Progression",
    )
    figure = make_subplots(
        rows=2, cols=2, subplot_titles=titles, vertical_spacing=0.14, horizontal_spacing=0.09
    )
    epochs = [row["epoch"] for row in history]
    for kinds_of_panel, column in ((shown, 1), (["loss"], 2)):
        for kind in kinds_of_panel:
            for side, dash in (("train", "dot"), ("val", "solid")):
                values = [_scaled(kind, row.get(f"{side}_{kind}")) for row in history]
                line = {"color": COLOURS[kind], "dash": dash}
                label = f"{NAMES[kind]}, {'training' if side == 'train' else 'validation'}"
                figure.add_scatter(
                    x=epochs,
                    y=values,
                    name=label,
                    mode="lines+markers",
                    line=line,
                    marker={"size": 4},
                    row=1,
                    col=column,
                )
        figure.add_vline(x=best, line_dash="dash", line_color=GREY, row=1, col=column)
    gap = [_difference(main, row) for row in history]
    colours = [
        GREY if task is None or g is None else generalization_gap.verdict(g).colour for g in gap
    ]
    figure.add_bar(
        x=epochs, y=gap, marker_color=colours, name="gap", showlegend=False, row=2, col=1
    )
    figure.add_hline(y=0, line_color=GREY, line_width=1, row=2, col=1)
    for low in (
        (-5.0, 10.0) if task else ()
    ):  # the notebook's lines: negative gaps to look into, high overfitting
        figure.add_hline(
            y=low,
            line_dash="dash",
            line_color=GREY,
            annotation_text=generalization_gap.verdict(low).name,
            row=2,
            col=1,
        )
    at = {round(share * (len(history) - 1)): stage for share, stage in STAGES}
    labels = [f"{stage}: {history[i]['epoch']:.0f}" for i, stage in at.items()]
    values = [_scaled(main, history[i][f"val_{main}"]) for i in at]
    texts = [f"{v:.1f} {unit}" for v in values if v is not None]
    figure.add_bar(
        x=labels,
        y=values,
        text=texts,
        marker_color=COLOURS[main],
        name="validation",
        showlegend=False,
        row=2,
        col=2,
    )
    figure.update_xaxes(title_text="epoch", row=2, col=1)
    figure.update_xaxes(title_text="part of the run: epoch", type="category", row=2, col=2)
    look = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": GREY},
        "template": "none",
    }
    return figure.update_layout(height=760, legend={"orientation": "h", "y": 1.12}, **look)


def _scaled(kind: str, value: float | None) -> float | None:
    return None if value is None else 100 * value if kind.endswith("accuracy") else value


def _difference(kind: str, row: Row) -> float | None:
    train, val = (_scaled(kind, row.get(f"{side}_{kind}")) for side in ("train", "val"))
    return None if train is None or val is None else train - val


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return "-"
    if column.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    return (
        f"{value:.2g}"
        if column == "lr"
        else f"{value:.0f}"
        if column in ("seconds", "images_per_s")
        else f"{value:.4f}"
    )
