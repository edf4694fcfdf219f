"""Whether confidence matches accuracy, and what abstention on uncertain predictions brings."""

from __future__ import annotations

from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.components import age_intervals, reliability, threshold_planner
from apps.studio.context import View
from core.vocabulary import METRICS
from evaluation.analysis import store_confidence
from evaluation.metrics.selective import RiskCoverage
from evaluation.report.formatting import number

TITLE = "Confidence"
ICON = ":material/speed:"
ORDER = 50

CALIBRATION, SELECTIVE = "Calibration", "Selective prediction"
SCALING, THRESHOLDS = "Temperature scaling", "Thresholds"
"""The tabs."""
COVERAGES_LISTED = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Coverages for which the table has a row."""


def applies(view: View) -> bool:
    """Return whether the page has something to show."""
    return "age" in view.store.tasks or any(
        store_confidence.has_confidence(view.store, task) for task in view.store.tasks
    )


def render(view: View) -> None:
    """Draw the page."""
    if view.is_regression and view.task != "age":
        st.info(
            "Classes have a confidence and ages have intervals; another number has neither here.",
            icon=":material/info:",
        )
        return
    if view.task == "age":
        st.markdown("Do the stated age intervals hold the true age as often as they should?")
        if not context.empty(view):
            age_intervals.show(view)
        return
    st.markdown(
        "Can the model's confidence be believed, and what does abstention on uncertain predictions "
        "bring?"
    )
    if context.empty(view):
        return
    if not store_confidence.has_confidence(view.store, view.task):
        st.info(
            "These tables have no probabilities, so there is no confidence to judge: add `*_p_*` "
            "columns.",
            icon=":material/info:",
        )
        return
    model = view.models[0]
    if len(view.models) > 1:
        label = "Model, for temperature scaling and thresholds"
        model = widgets.choose("cf.model", label, view.models)
    tab, container = widgets.open_tab("cf.tab", (CALIBRATION, SELECTIVE, SCALING, THRESHOLDS))
    with container:
        if tab == CALIBRATION:
            reliability.show_diagram(view)
            reliability.show_bands(view)
        elif tab == SELECTIVE:
            _risk_coverage(view)
        elif tab == SCALING:
            _temperature(view, model)
        else:
            threshold_planner.show(view, model)


def _risk_coverage(view: View) -> None:
    st.subheader("Selective prediction: risk against coverage")
    table: list[data_frames.Row] = []
    traces: list[Any] = []
    areas = []
    for model, where in view.each():
        result = context.cached(
            view.store,
            "risk",
            (view.task, where),
            partial(store_confidence.risk_coverage, view.store, view.task, where),
        )
        if result is None:
            continue
        curve, area = result
        areas.append(f"{context.as_markdown(model)}: AURC {number(area, digits=4)}, n = {area.n:,}")
        traces.append(
            go.Scatter(
                name=charts.as_html(model),
                x=curve.coverage,
                y=curve.risk,
                mode="lines",
                line={"color": view.colour(model)},
                customdata=curve.threshold,
                hovertemplate=(
                    "coverage %{x:.1%}, risk %{y:.1%}<br>from a confidence of %{customdata:.1%}"
                ),
            )
        )
        table += _rows(model, curve)
    if not traces:
        return
    chart = charts.figure(
        *traces,
        x="coverage: share of the samples with a prediction, the most confident first",
        y="risk: share of these that is wrong",
        percent="xy",
        height=380,
    )
    chart.update_yaxes(rangemode="tozero")
    alt = "Risk against coverage: the error where only the most confident predictions are kept"
    charts.show(chart, "confidence-risk", table, alt=alt)
    st.caption(
        f"AURC: {METRICS['aurc'].title}, the lower the better, with 95 % interval. "
        f"{'; '.join(areas)}."
    )


def _rows(model: str, curve: RiskCoverage) -> list[data_frames.Row]:
    """Return a row for each coverage of COVERAGES_LISTED."""
    rows: list[data_frames.Row] = []
    for coverage in COVERAGES_LISTED:
        i = min(int((curve.coverage < coverage - 1e-12).sum()), len(curve.coverage) - 1)
        rows.append(
            {
                "model": model,
                "coverage": f"{curve.coverage[i]:.1%}",
                "risk": f"{curve.risk[i]:.2%}",
                "from confidence": f"{curve.threshold[i]:.1%}",
            }
        )
    return rows


def _temperature(view: View, model: str) -> None:
    st.subheader("Would temperature scaling help?")
    where = view.where_of(model)
    fit = context.cached(
        view.store,
        "temperature",
        (view.task, where),
        lambda: store_confidence.temperature(view.store, view.task, where),
    )
    if fit is None:
        st.info(
            "Too few samples with probabilities to fit on one half and to check on the other.",
            icon=":material/info:",
        )
        return
    cells = st.columns(3)
    cells[0].metric("temperature", f"{fit.value:.3f}", border=True)
    direction = "above 1: overconfident" if fit.value > 1 else "below 1: underconfident"
    cells[0].caption(f"fitted on one half, n = {fit.fitted:,}; {direction} there")
    charts.metric(cells[1], "ECE before", fit.before, about=" of the other half")
    charts.metric(cells[2], "ECE after", fit.after, about=" of the other half")
    low, high = fit.change.low, fit.change.high
    verdict = "no difference that the samples show"
    if low is not None and high is not None and not low <= 0 <= high:
        verdict = "it helps" if high < 0 else "it harms"
    st.caption(
        f"{context.as_markdown(model)}: after minus before "
        f"{number(fit.change, percent=True, sign=True)}: {verdict}. The temperature is the one "
        "with the lowest negative log-likelihood where all logits are divided by it; the two "
        "halves share no person or film."
    )
