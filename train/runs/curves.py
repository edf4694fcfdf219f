"""The curves of a run as one page that needs no other file: four panels and a table by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evaluation.report.html_page import GREY, LAYOUT, chart, document, table
from train.runs.gap import EpochGap
from train.runs.panels import CurvePanel, History, panels

CHART_HEIGHT_PX = 760
COSTS = ("lr", "seconds", "loading_seconds", "images_per_s")
"""Columns of the table after the figures."""


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
    curves = chart(figure(panels(history, best, gap.task if gap else None)))
    columns = [
        c
        for c in history[0]
        if (c.startswith(("train_", "val_")) and c != "val_age_error_sd") or c in COSTS
    ]
    rows = [[f"{row['epoch']:.0f}", *(_cell(c, row) for c in columns)] for row in history]
    by_epoch = table("By epoch", ["epoch", *(c.replace("_", " ") for c in columns)], rows)
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return document(name, f"<h1>{escape(name)}</h1>{text}{curves}{by_epoch}")


def figure(described: Sequence[CurvePanel]) -> go.Figure:
    """Return four panels as a chart of two rows."""
    drawn = make_subplots(
        rows=2,
        cols=2,
        subplot_titles=[panel.title for panel in described],
        vertical_spacing=0.14,
        horizontal_spacing=0.09,
    )
    for i, panel in enumerate(described):
        place = {"row": i // 2 + 1, "col": i % 2 + 1}
        _add_panel(drawn, panel, place)
    return drawn.update_layout(
        height=CHART_HEIGHT_PX, legend={"orientation": "h", "y": 1.12}, **LAYOUT
    )


def _add_panel(drawn: go.Figure, panel: CurvePanel, place: Mapping[str, int]) -> None:
    """Draw a panel's curves, bars and lines at a place of the figure: its row and column."""
    for curve in panel.curves:
        drawn.add_scatter(
            x=panel.epochs,
            y=curve.y,
            name=curve.name,
            mode="lines+markers",
            line={"color": curve.colour, "dash": "solid" if curve.is_validation else "dot"},
            marker={"size": 4},
            **place,
        )
    if panel.best is not None:
        drawn.add_vline(x=panel.best, line_dash="dash", line_color=GREY, **place)
    if panel.bars:
        drawn.add_bar(
            x=panel.bars.x,
            y=panel.bars.y,
            text=panel.bars.texts or None,
            marker_color=panel.bars.colours,
            showlegend=False,
            **place,
        )
        are_names = isinstance(panel.bars.x[0], str)
        drawn.update_xaxes(
            title_text=panel.x_title, type="category" if are_names else None, **place
        )
    for level, text in panel.levels:
        drawn.add_hline(
            y=level,
            line_dash="dash" if text else "solid",
            line_color=GREY,
            line_width=2 if text else 1,
            annotation_text=text,
            **place,
        )


def _cell(column: str, row: Mapping[str, float]) -> str:
    value = row.get(column)
    if value is None:
        return "-"
    if column.endswith("accuracy") or "_as_" in column:
        return f"{100 * value:.2f} %"
    if column == "lr":
        return f"{value:.2g}"
    if column == "val_age_mae" and "val_age_error_sd" in row:
        return f"{value:.2f} ± {row['val_age_error_sd']:.2f}"
    return f"{value:.0f}" if column in COSTS else f"{value:.4f}"
