"""Precision-recall and ROC curves of one class, with the areas of all classes as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.context import View
from evaluation.analysis.store_classes import ClassCurve, class_curve
from evaluation.report.formatting import number
from evaluation.statistics.estimate import Estimate

MAX_CELLS = 2_000_000
"""Rows times classes up to which every class's areas are computed at once."""


def show(view: View, label: str) -> None:
    """Draw the curves of one class, a line for each model."""
    if f"{view.task}_conf" not in view.store.columns:
        st.info("No PR and ROC curves: these tables have no probabilities.", icon=":material/info:")
        return
    labels = view.store.labels(view.task)
    all_classes = widgets.toggle(
        "pc.areas",
        "Areas of every class in the table",
        view.store.count(view.where) * len(labels) <= MAX_CELLS,
        help="takes a moment on millions of rows",
    )
    curves = _curves(view, labels if all_classes else (label,))
    of_label = {model: curve for (model, name), curve in curves.items() if name == label}
    if not of_label:
        st.info(
            "No PR and ROC curves: no row with a label and probabilities is left.",
            icon=":material/info:",
        )
        return
    table = [_table_row(model, name, curve) for (model, name), curve in curves.items()]
    first = next(iter(of_label.values()))
    share = first.n / max(first.n + first.others, 1)
    left, right = st.columns(2)
    with left:
        st.markdown("**Precision and recall** as the threshold on this class's probability falls")
        chart = _precision_recall(view, of_label, share)
        charts.show(chart, "perclass-pr", table, alt=f"Precision against recall of {label}")
    with right:
        st.markdown("**ROC**: recall against the false positive rate")
        alt = f"Receiver operating characteristic of {label}"
        charts.show(_roc(view, of_label), "perclass-roc", table, alt=alt)
    n = ", ".join(f"{curve.n:,} of {curve.n + curve.others:,}" for curve in of_label.values())
    st.caption(
        f"n = {n} samples are of this class. Average precision (AP): the area under the left "
        f"curve, {share:.3f} by chance. AUROC: the chance that a sample of the class has a higher "
        "probability of it than another, 0.5 by chance. With 95 % bootstrap intervals."
    )


def _curves(view: View, labels: Sequence[str]) -> dict[tuple[str, str], ClassCurve]:
    """Return (model, class) -> its curve, where the selected rows have one."""
    curves = {
        (model, name): context.cached(
            view.store,
            "curve",
            (view.task, where, name),
            partial(class_curve, view.store, view.task, where, name),
        )
        for model, where in view.each()
        for name in labels
    }
    return {key: curve for key, curve in curves.items() if curve is not None}


def _table_row(model: str, label: str, curve: ClassCurve) -> data_frames.Row:
    return {
        "model": model,
        "class": label,
        "n": curve.n,
        "others": curve.others,
        "average precision": _area(curve.ap),
        "AUROC": _area(curve.auroc),
    }


def _area(estimate: Estimate) -> str:
    return number(estimate, digits=3)


def _precision_recall(view: View, curves: Mapping[str, ClassCurve], share: float) -> go.Figure:
    hover = "recall %{x:.1%}, precision %{y:.1%}"
    lines = [
        _line(f"{model}: AP {_area(curve.ap)}", curve.pr, view.colour(model), hover)
        for model, curve in curves.items()
    ]
    chance = _chance([0, 1], [share, share])
    chart = charts.figure(*lines, chance, x="recall", y="precision", percent="xy", height=430)
    chart.update_yaxes(range=[0, 1.02])
    return chart


def _roc(view: View, curves: Mapping[str, ClassCurve]) -> go.Figure:
    hover = "false positives %{x:.1%}, recall %{y:.1%}"
    lines = [
        _line(f"{model}: AUROC {_area(curve.auroc)}", curve.roc, view.colour(model), hover)
        for model, curve in curves.items()
    ]
    chart = charts.figure(
        *lines,
        _chance([0, 1], [0, 1]),
        x="false positive rate",
        y="recall",
        percent="xy",
        height=430,
    )
    chart.update_yaxes(range=[0, 1.02])
    return chart


def _line(name: str, points: tuple[Any, Any], colour: str, hover: str) -> go.Scatter:
    return go.Scatter(
        name=charts.as_html(name),
        x=points[0],
        y=points[1],
        mode="lines",
        line={"color": colour},
        hovertemplate=hover,
    )


def _chance(x: list[float], y: list[float]) -> go.Scatter:
    return go.Scatter(
        name="chance",
        x=x,
        y=y,
        mode="lines",
        line={"color": charts.QUIET, "dash": "dot"},
        hoverinfo="skip",
    )
