"""Whether the model's confidence can be believed, and what is gained where it says nothing when
unsure.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, url_state
from apps.studio.components import threshold_planner
from apps.studio.components.threshold_planner import percent
from apps.studio.context import View
from core.calibration import INTERVAL_COVERAGE
from evaluation.analysis import store_confidence as confidence
from evaluation.report.text import number
from evaluation.store.counts import method

TITLE = "Confidence"
ICON = ":material/speed:"
ORDER = 50

LEAST = 10
"""Samples of a bin from which on it is drawn."""


def render(view: View) -> None:
    """Draw the page."""
    if view.task == "age":
        st.markdown("Do the age's stated intervals hold the true age as often as they promise?")
        if not context.empty(view):
            _ages(view)
        return
    st.markdown(
        "Can the model's confidence be believed, and what is gained where it says nothing when unsure?"
    )
    if context.empty(view):
        return
    if not confidence.has_confidence(view.store, view.task):
        st.info(
            "These tables have no probabilities, so there is no confidence to judge: add `*_p_*` columns.",
            icon=":material/info:",
        )
        return
    _reliability(view)
    _bands(view)
    _risk(view)
    model = (
        url_state.choose("cf.model", "Model", view.models)
        if len(view.models) > 1
        else view.models[0]
    )
    _temperature(view, model)
    threshold_planner.show(view, model)


def _reliability(view: View) -> None:
    st.subheader("Is 80 % sure right 80 % of the time?")
    bins = confidence.BINS
    traces: list[Any] = [_straight("honest", [0, 1], [0, 1])]
    counts: list[Any] = []
    rows: dict[str, list[Any]] = {
        name: []
        for name in (
            "model",
            "confidence",
            "n",
            "mean confidence",
            "accuracy",
            "right minus confidence",
        )
    }
    errors = []
    for i, (model, where) in enumerate(view.each()):
        found = context.cached(
            view.store,
            "reliability",
            (view.task, where),
            lambda w=where: confidence.reliability(view.store, view.task, w),
        )
        seen, each, error = found.diagram, found.accuracy, found.ece
        there = [b for b in range(bins) if seen.count[b]]
        drawn = [b for b in there if seen.count[b] >= LEAST]
        errors.append((model, error))
        traces.append(
            go.Scatter(
                name=charts.plain(model),
                x=seen.confidence[drawn],
                y=[each[b].value for b in drawn],
                mode="lines+markers",
                error_y=charts.error_bars([each[b] for b in drawn]),
                line={"color": charts.colour(i)},
                customdata=[int(seen.count[b]) for b in drawn],
                hovertemplate="says %{x:.1%}, right %{y:.1%}<br>%{customdata:,} samples",
            )
        )
        counts.append(
            go.Bar(
                name=charts.plain(model),
                x=[(b + 0.5) / bins for b in there],
                y=[int(seen.count[b]) for b in there],
                marker_color=charts.colour(i),
                hovertemplate="%{x:.0%}: %{y:,} samples",
                showlegend=False,
            )
        )
        for b in there:
            gap = seen.accuracy[b] - seen.confidence[b]
            values = (
                model,
                f"{b / bins:.1%} to {(b + 1) / bins:.1%}",
                int(seen.count[b]),
                f"{seen.confidence[b]:.1%}",
                percent(each[b]),
                f"{gap:+.1%}",
            )
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    for cell, (model, error) in zip(st.columns(max(3, len(errors))), errors, strict=False):
        charts.metric(cell, f"{context.plain(model)}: calibration error (ECE)", error)
    left, right = st.columns((3, 2))
    made = charts.figure(
        *traces, x="mean confidence of the bin", y="share that is right", percent="xy", height=420
    )
    made.update_xaxes(range=[0, 1.02])
    made.update_yaxes(range=[0, 1.02])
    with left:
        charts.show(
            made,
            "confidence-reliability",
            rows,
            alt="Accuracy against confidence, with 95 % intervals; on the diagonal confidence is honest",
        )
    below = charts.figure(
        *counts, x="confidence", y="samples", percent="x", height=420, barmode="group"
    )
    below.update_xaxes(range=[0, 1.02])
    with right:
        charts.show(below, "confidence-counts", rows, alt="How many samples have which confidence")
    st.caption(
        "Below the dotted line the model is too sure, above it too modest. ECE: the mean distance from that line, weighted by samples "
        f"({bins} bins; a little above 0 by chance even for honest probabilities). Bins of fewer than "
        f"{LEAST} samples stand in the table only. 95 % intervals: {method(view.store)}."
    )


def _straight(name: str, x: list[float], y: list[float]) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=x,
        y=y,
        mode="lines",
        line={"color": charts.QUIET, "dash": "dot"},
        hoverinfo="skip",
    )


def band_name(low: float, high: float) -> str:
    """A band in words."""
    return (
        f"{low:.0%} and over"
        if high >= 1
        else f"{low:.0%} to {high:.0%}"
        if low > 0
        else f"under {high:.0%}"
    )


def _bands(view: View) -> None:
    st.subheader("Sure, likely, guessed")
    rows: dict[str, list[Any]] = {
        name: [] for name in ("model", "confidence", "n", "share of the samples", "accuracy in it")
    }
    bars = []
    own = confidence.own_limit(view.store, view.task, view.models)
    limit = own or confidence.CONFIDENCE_BANDS[1]
    for i, (model, where) in enumerate(view.each()):
        found = context.cached(
            view.store,
            "bands",
            (view.task, where, limit),
            lambda w=where: confidence.bands(view.store, view.task, w, limit),
        )
        for band in found:
            values = (
                model,
                band_name(band.low, band.high),
                band.accuracy.n,
                percent(band.share),
                percent(band.accuracy),
            )
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
        texts = [
            "" if b.share.value is None else f"{b.share.value:.0%} of the samples" for b in found
        ]
        bars.append(
            go.Bar(
                name=charts.plain(model),
                x=[band_name(b.low, b.high) for b in found],
                y=[b.accuracy.value for b in found],
                error_y=charts.error_bars([b.accuracy for b in found]),
                marker_color=charts.colour(i),
                text=texts,
                textposition="inside",
                insidetextanchor="start",
                customdata=[b.accuracy.n for b in found],
                hovertemplate="%{x}: right %{y:.1%}, %{customdata:,} samples",
            )
        )
    made = charts.figure(
        *bars,
        x="confidence",
        y="accuracy in the band",
        percent="y",
        height=340,
        barmode="group",
        showlegend=len(bars) > 1,
    )
    made.update_yaxes(range=[0, 1.02])
    charts.show(
        made,
        "confidence-bands",
        rows,
        alt="Accuracy of the answers by how sure the model says it is",
        opened=True,
    )
    if own is not None:
        st.caption(
            f"Under {own:.1%} the model's own card calls its answers uncertain, and so does the demo."
        )


def _risk(view: View) -> None:
    st.subheader("Saying nothing when unsure")
    rows: dict[str, list[Any]] = {
        name: [] for name in ("model", "answered", "wrong among these", "from confidence")
    }
    traces, areas = [], []
    for i, (model, where) in enumerate(view.each()):
        seen = context.cached(
            view.store,
            "risk",
            (view.task, where),
            lambda w=where: confidence.risk_coverage(view.store, view.task, w),
        )
        if seen is None:
            continue
        curve, area = seen
        areas.append(f"{context.plain(model)}: AURC {number(area, digits=4)}, n = {area.n:,}")
        traces.append(
            go.Scatter(
                name=charts.plain(model),
                x=curve.coverage,
                y=curve.risk,
                mode="lines",
                line={"color": charts.colour(i)},
                customdata=curve.threshold,
                hovertemplate="answered %{x:.1%}, of these wrong %{y:.1%}<br>from a confidence of %{customdata:.1%}",
            )
        )
        for wanted in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0):
            at = min(int((curve.coverage < wanted - 1e-12).sum()), len(curve.coverage) - 1)
            for name, value in zip(
                rows,
                (
                    model,
                    f"{curve.coverage[at]:.1%}",
                    f"{curve.risk[at]:.2%}",
                    f"{curve.threshold[at]:.1%}",
                ),
                strict=True,
            ):
                rows[name].append(value)
    if not traces:
        return
    made = charts.figure(
        *traces,
        x="share of the samples answered, the surest first",
        y="share of these that is wrong",
        percent="xy",
        height=380,
    )
    made.update_yaxes(rangemode="tozero")
    charts.show(
        made,
        "confidence-risk",
        rows,
        alt="Risk against coverage: how many answers are wrong when only the surest are given",
    )
    st.caption(
        f"AURC: the area under the curve, the lower the better, with 95 % interval. {'; '.join(areas)}."
    )


def _temperature(view: View, model: str) -> None:
    st.subheader("Would one temperature mend it?")
    where = view.where_of(model)
    found = context.cached(
        view.store,
        "temperature",
        (view.task, where),
        lambda: confidence.temperature(view.store, view.task, where),
    )
    if found is None:
        st.info(
            "Too few samples with probabilities to fit on one half and to check on the other.",
            icon=":material/info:",
        )
        return
    cells = st.columns(3)
    cells[0].metric("temperature", f"{found.value:.3f}", border=True)
    cells[0].caption(
        f"fitted on one half, n = {found.fitted:,}; "
        + ("above 1: too sure there" if found.value > 1 else "below 1: too modest there")
    )
    for cell, name, f in (
        (cells[1], "ECE before", found.before),
        (cells[2], "ECE after", found.after),
    ):
        charts.metric(cell, name, f, about=" of the other half")
    low, high = found.change.low, found.change.high
    verdict = "no difference that the samples show"
    if low is not None and high is not None and not low <= 0 <= high:
        verdict = "it helps" if high < 0 else "it harms"
    st.caption(
        f"{context.plain(model)}: after minus before {number(found.change, percent=True, sign=True)}: {verdict}. The temperature is "
        "the one that gives the least negative log-likelihood where all logits are divided by it; the two halves share no person or film."
    )


def _ages(view: View) -> None:
    nominal = url_state.number(
        "cf.nominal",
        "Share of the true ages that an interval promises to hold",
        0.5,
        0.99,
        INTERVAL_COVERAGE,
        0.01,
        help=f"the shipped model: {INTERVAL_COVERAGE:.0%}",
    )
    coverage, widths = [], []
    rows: dict[str, list[Any]] = {
        name: [] for name in ("model", "true age", "n", "held", "promised", "mean width, years")
    }
    for i, (model, where) in enumerate(view.each()):
        found = context.cached(
            view.store,
            "age intervals",
            (where,),
            lambda w=where: confidence.age_intervals(view.store, w),
        )
        if not found:
            st.info(
                f"{context.plain(model)} states no intervals: add the columns `age_low` and `age_high`.",
                icon=":material/info:",
            )
            continue
        whole, decades = found[0], found[1:]
        cells = st.columns(3)
        charts.metric(
            cells[0],
            f"{context.plain(model)}: held",
            whole.coverage,
            about=f", promised {nominal:.0%}",
        )
        cells[1].metric("mean width", f"{whole.width:.1f} years", border=True)
        stretched = context.cached(
            view.store,
            "stretch",
            (where, nominal),
            lambda w=where: confidence.stretch(view.store, w, nominal),
        )
        if stretched is not None:
            factor, held = stretched
            cells[2].metric(
                f"factor on the width to hold {nominal:.0%}", f"{factor:.2f}", border=True
            )
            cells[2].caption(
                f"from one half; it holds {percent(held)} of the other, n = {held.n:,}"
            )
        names = [d.decade for d in decades]
        coverage.append(
            go.Scatter(
                name=charts.plain(model),
                x=names,
                y=[d.coverage.value for d in decades],
                error_y=charts.error_bars([d.coverage for d in decades]),
                mode="lines+markers",
                line={"color": charts.colour(i)},
                customdata=[d.coverage.n for d in decades],
                hovertemplate="%{x}: holds %{y:.1%}, %{customdata:,} samples",
            )
        )
        widths.append(
            go.Bar(
                name=charts.plain(model),
                x=names,
                y=[d.width for d in decades],
                marker_color=charts.colour(i),
                hovertemplate="%{x}: %{y:.1f} years",
            )
        )
        for d in found:
            values = (
                model,
                d.decade or "all",
                d.coverage.n,
                percent(d.coverage),
                f"{nominal:.0%}",
                f"{d.width:.1f}",
            )
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    if not coverage:
        return
    order = sorted({name for name in rows["true age"] if name != "all"})
    left, right = st.columns(2)
    made = charts.figure(
        *coverage, x="true age", y="share of intervals that hold it", percent="y", height=400
    )
    made.add_hline(
        y=nominal,
        line={"dash": "dot", "color": charts.QUIET},
        annotation_text=f"promised {nominal:.0%}",
    )
    made.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    with left:
        charts.show(
            made,
            "confidence-held",
            rows,
            alt="Share of the intervals that hold the true age, by decade",
        )
    made = charts.figure(*widths, x="true age", y="mean width, years", height=400, barmode="group")
    made.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    with right:
        charts.show(made, "confidence-widths", rows, alt="Mean width of the intervals, by decade")
    st.caption(
        f"Under the dotted line intervals are too narrow, above it wider than needed. 95 % intervals: {method(view.store)}."
    )
