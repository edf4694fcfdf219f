"""One class after the other: recall, precision, curves, mistakes and samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from apps.studio import charts, context, data_frames, links, widgets
from apps.studio.components import class_curves, gallery
from apps.studio.context import View
from core.vocabulary import METRICS
from evaluation.analysis.from_counts import ClassScores
from evaluation.analysis.store_ages import overall_accuracy
from evaluation.analysis.store_classes import per_class
from evaluation.report.formatting import number
from evaluation.statistics.estimate import Estimate
from evaluation.store import Where
from evaluation.store.counts import method

TITLE = "Per class"
ICON = ":material/category:"
ORDER = 20

TABS = ("All classes", "One class", "Mistakes and samples")
METRIC_NAMES = ("recall", "precision", "f1")
KINDS = {
    "wrong": "most confident wrong",
    "right": "most confident right",
    "unsure": "least confident",
    "missed": "all missed",
    "called": "all predicted as it",
}
"""Which samples of a class are shown."""
MAX_CONFUSIONS = 8
"""Kinds of mistakes that are listed."""
ScoresByClass: TypeAlias = Mapping[str, ClassScores]

applies = context.has_classes


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "Which classes does the model recognise, which does it miss, and what does it take them "
        "for?"
    )
    if context.empty(view, of_classes=True):
        return
    scores: dict[str, ScoresByClass] = {}
    for model, where in view.each():
        of_model = context.cached(
            view.store,
            "per class",
            (view.task, where),
            partial(per_class, view.store, view.task, where),
        )
        if of_model:
            scores[model] = of_model
    if not scores:
        st.info(
            "No row with a label and a prediction is left: remove a filter.",
            icon=":material/filter_alt:",
        )
        return
    title, tab = widgets.open_tab("pc.tab", TABS)
    with tab:
        if title == TABS[0]:
            _all_classes(view, scores)
        else:
            _draw_class(view, scores, title)


def _draw_class(view: View, scores: Mapping[str, ScoresByClass], title: str) -> None:
    labels = [
        label
        for label in next(iter(scores.values()))
        if any(of_model[label].n for of_model in scores.values())
    ]
    label = widgets.choose("pc.label", "Class", labels, style="pills")
    if title == TABS[1]:
        _one_class(scores, label)
        class_curves.show(view, label)
        return
    model = (
        widgets.choose("pc.model", "Model", list(scores)) if len(scores) > 1 else next(iter(scores))
    )
    _confusions(view, model, label)
    _samples(view, model, label)


def _estimate(scores: ClassScores, metric: str) -> Estimate:
    estimates = {"recall": scores.recall, "precision": scores.precision, "f1": scores.f1}
    return estimates[metric]


def _all_classes(view: View, scores: Mapping[str, ScoresByClass]) -> None:
    metric = widgets.choose(
        "pc.figure",
        "Metric",
        METRIC_NAMES,
        format_func=lambda name: METRICS[name].title,
        style="segmented_control",
    )
    bars = []
    for model, of_model in scores.items():
        estimates = [_estimate(one, metric) for one in of_model.values()]
        bars.append(
            go.Bar(
                name=charts.plain(model),
                x=list(of_model),
                y=[estimate.value for estimate in estimates],
                marker_color=view.colour(model),
                error_y=charts.error_bars(estimates),
                customdata=[[one.n, one.predicted_n] for one in of_model.values()],
                hovertemplate=(
                    "%{x}: %{y:.1%}<br>%{customdata[0]:,} samples, predicted %{customdata[1]:,} "
                    "times"
                ),
            )
        )
    table: list[data_frames.Row] = [
        {
            "model": model,
            "class": label,
            "n": one.n,
            "predicted n": one.predicted_n,
            **{METRICS[m].title: number(_estimate(one, m), percent=True) for m in METRIC_NAMES},
        }
        for model, of_model in scores.items()
        for label, one in of_model.items()
    ]
    title = METRICS[metric].title
    chart = charts.figure(*bars, y=title, percent="y", barmode="group", showlegend=len(scores) > 1)
    alt = f"{title} of each class and model with 95 % intervals"
    charts.show(chart, "perclass-figures", table, alt=alt, opened=True)
    st.caption(
        "Recall: of the samples of a class, the share that is predicted as it. Precision: of its "
        "predictions, the share that is right. F1: their harmonic mean. "
        f"95 % intervals: {method(view.store)}."
    )


def _one_class(scores: Mapping[str, ScoresByClass], label: str) -> None:
    for model, of_model in scores.items():
        one = of_model[label]
        if len(scores) > 1:
            st.caption(context.plain(model))
        recall, precision, f1 = st.columns(3)
        charts.metric(recall, "recall", replace(one.recall, n=one.n), about=" samples")
        charts.metric(
            precision, "precision", replace(one.precision, n=one.predicted_n), about=" predictions"
        )
        charts.metric(f1, "F1", replace(one.f1, n=one.n), about=" samples")


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


def _confusions(view: View, model: str, label: str) -> None:
    st.subheader(f"What {context.plain(label)} is confused with")
    where = view.where_of(model)
    matrix = view.store.confusion(view.task, where)
    confusions = top_confusions(matrix, view.store.labels(view.task), label)
    if not confusions:
        st.info(f"No mistake with {context.plain(label)}.", icon=":material/check:")
        return
    chart = charts.figure(
        go.Bar(
            x=[one.share.value for one in confusions],
            y=[one.name for one in confusions],
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
    table: list[data_frames.Row] = [
        {
            "label": one.label,
            "predicted": one.prediction,
            "samples": one.n,
            "share of the label": number(one.share, percent=True),
        }
        for one in confusions
    ]
    charts.show(chart, "perclass-confusions", table, alt=f"Most frequent mistakes with {label}")
    accuracy = context.cached(
        view.store,
        "accuracy",
        (view.task, where),
        lambda: overall_accuracy(view.store, view.task, where),
    )
    st.caption(
        f"Orange: {context.plain(label)} that is missed; grey: others that are predicted as "
        f"{context.plain(label)}. 95 % intervals (Wilson). {context.plain(model)}: accuracy "
        f"over all classes {number(accuracy, percent=True)}, n = {accuracy.n:,}."
    )
    by_name = {one.name: one for one in confusions}
    name = widgets.choose(
        "pc.cell", "Look at one of them", ["", *by_name], format_func=lambda n: n or "choose ..."
    )
    if name:
        mistake = by_name[name]
        cell = (mistake.label, mistake.prediction)
        links.to(
            "confusion",
            f"{name} on the page Confusion",
            {"cm.cell": cell, "cm.model": model, "task": view.task},
            ":material/grid_on:",
        )
        rows = where.but(task=view.task, true=mistake.label, pred=mistake.prediction)
        gallery.show(view, rows, "pc.pair")


def _samples(view: View, model: str, label: str) -> None:
    st.subheader(f"Samples of {context.plain(label)}")
    has_confidence = f"{view.task}_conf" in view.store.columns
    kinds = [kind for kind in KINDS if has_confidence or kind in ("missed", "called")]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    kind = widgets.choose(
        "pc.kind",
        "Show",
        kinds,
        format_func=KINDS.__getitem__,
        style="segmented_control",
        where=row,
    )
    gallery.show(
        view,
        samples_of(view.where_of(model).but(task=view.task), label, kind),
        "pc.gallery",
        order="confidence" if kind == "unsure" else "-confidence",
    )


def samples_of(where: Where, label: str, kind: str) -> Where:
    """Return the samples of a class that one of KINDS names."""
    if kind == "called":
        return where.but(pred=label)
    correct = {"wrong": False, "missed": False, "right": True}
    return where.but(true=label, **({"correct": correct[kind]} if kind in correct else {}))
