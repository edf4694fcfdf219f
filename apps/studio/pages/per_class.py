"""One class after the other: recall, precision, curves, mistakes and samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.components import class_confusions, class_curves, gallery
from apps.studio.context import View
from core.vocabulary import METRICS
from evaluation.analysis.from_counts import ClassScores
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
    "missed": "all that were missed",
    "called": "all predicted as this class",
}
"""Which samples of a class are shown."""
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
        context.say_no_predictions()
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
    class_confusions.show(view, model, label)
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
                name=charts.as_html(model),
                x=[charts.as_html(label) for label in of_model],
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
            st.caption(context.as_markdown(model))
        recall, precision, f1 = st.columns(3)
        charts.metric(recall, "recall", replace(one.recall, n=one.n), about=" samples")
        charts.metric(
            precision, "precision", replace(one.precision, n=one.predicted_n), about=" predictions"
        )
        charts.metric(f1, "F1", replace(one.f1, n=one.n), about=" samples")


def _samples(view: View, model: str, label: str) -> None:
    st.subheader(f"Samples of {context.as_markdown(label)}")
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
