"""What one class is confused with: its most frequent mistakes, and the samples of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from apps.studio import charts, context, data_frames, links, widgets
from apps.studio.components import gallery
from apps.studio.context import View
from evaluation.analysis.store_ages import overall_accuracy
from evaluation.report.formatting import number
from evaluation.statistics.estimate import Estimate
from evaluation.store import Where

MAX_CONFUSIONS = 8
"""Kinds of mistakes that are listed."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """One kind of mistake: how many samples, and their share of the label."""

    label: str
    prediction: str
    n: int
    share: Estimate

    @property
    def name(self) -> str:
        """The mistake in words."""
        return f"{self.label} predicted as {self.prediction}"


def top_confusions(
    matrix: NDArray[np.int64], labels: Sequence[str], label: str, limit: int = MAX_CONFUSIONS
) -> list[Confusion]:
    """Return the most frequent mistakes in which `label` is the label or the prediction.

    Args:
        matrix: counts (k, k), rows are labels.
        labels: the k classes.
        label: one of them.
        limit: mistakes to return.
    """
    at, support = labels.index(label), matrix.sum(axis=1)
    cells = {(at, j) for j in range(len(labels))} | {(i, at) for i in range(len(labels))}
    mistakes = [cell for cell in cells if cell[0] != cell[1] and matrix[cell]]
    mistakes.sort(key=lambda cell: (-matrix[cell], cell))
    return [
        Confusion(
            labels[i],
            labels[j],
            int(matrix[i, j]),
            Estimate.of_share(int(matrix[i, j]), int(support[i])),
        )
        for i, j in mistakes[:limit]
    ]


def show(view: View, model: str, label: str) -> None:
    """Draw one model's most frequent mistakes with `label`, and the samples of a chosen one."""
    st.subheader(f"What {context.as_markdown(label)} is confused with")
    where = view.where_of(model)
    matrix = view.store.confusion(view.task, where)
    confusions = top_confusions(matrix, view.store.labels(view.task), label)
    if not confusions:
        st.info(f"No mistake with {context.as_markdown(label)}.", icon=":material/check:")
        return
    table: list[data_frames.Row] = [
        {
            "label": one.label,
            "predicted": one.prediction,
            "samples": one.n,
            "share of the label": number(one.share, percent=True),
        }
        for one in confusions
    ]
    alt = f"Most frequent mistakes with {label}"
    charts.show(_bars(confusions, label), "perclass-confusions", table, alt=alt)
    accuracy = context.cached(
        view.store,
        "accuracy",
        (view.task, where),
        lambda: overall_accuracy(view.store, view.task, where),
    )
    st.caption(
        f"Orange: {context.as_markdown(label)} that is missed; grey: others that are predicted as "
        f"{context.as_markdown(label)}. 95 % intervals (Wilson). {context.as_markdown(model)}: "
        f"accuracy over all classes {number(accuracy, percent=True)}, n = {accuracy.n:,}."
    )
    by_name = {one.name: one for one in confusions}
    name = widgets.choose(
        "pc.cell", "Look at one of them", ["", *by_name], format_func=lambda n: n or "choose ..."
    )
    if name:
        _samples(view, model, where, by_name[name])


def _bars(confusions: Sequence[Confusion], label: str) -> go.Figure:
    """Return a bar for each mistake, orange where samples of `label` are missed."""
    chart = charts.figure(
        go.Bar(
            x=[one.share.value for one in confusions],
            y=[charts.as_html(one.name) for one in confusions],
            orientation="h",
            error_x=charts.error_bars([one.share for one in confusions]),
            customdata=[one.n for one in confusions],
            marker_color=[charts.BAD if c.label == label else charts.QUIET for c in confusions],
            hovertemplate="%{y}: %{customdata:,} (%{x:.1%})<extra></extra>",
        ),
        height=90 + 32 * len(confusions),
        x="share of the label",
        percent="x",
        dragmode=False,
    )
    chart.update_yaxes(autorange="reversed")
    return chart


def _samples(view: View, model: str, where: Where, mistake: Confusion) -> None:
    """Draw the samples of one mistake, and the link to its cell of the matrix."""
    links.to(
        "confusion",
        f"{mistake.name} on the page Confusion",
        {
            "cm.cell": (mistake.label, mistake.prediction),
            "cm.model": model,
            "task": view.task,
        },
        ":material/grid_on:",
    )
    rows = where.but(task=view.task, true=mistake.label, pred=mistake.prediction)
    gallery.show(view, rows, "pc.pair")
