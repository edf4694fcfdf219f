"""Accuracy against confidence: the reliability diagram, and bands of confidence."""

from __future__ import annotations

from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames
from apps.studio.context import View
from core.vocabulary import METRICS
from evaluation.analysis import store_confidence
from evaluation.analysis.from_counts import BINS
from evaluation.analysis.store_confidence import ConfidenceBand, ReliabilityEstimates
from evaluation.report.formatting import number
from evaluation.store.counts import method

MIN_BIN_SIZE = 10
"""Samples of a bin from which on it is drawn."""
RANGE = [0, 1.02]
"""Range of an axis of shares, so that points at 1 are drawn whole."""


def show_diagram(view: View) -> None:
    """Draw the reliability diagram, the calibration errors and how often each confidence occurs."""
    st.subheader("Does confidence match accuracy?")
    diagrams: dict[str, ReliabilityEstimates] = {}
    for model, where in view.each():
        diagrams[model] = context.cached(
            view.store,
            "reliability",
            (view.task, where),
            partial(store_confidence.reliability, view.store, view.task, where),
        )
    for cell, (model, diagram) in zip(
        st.columns(max(3, len(diagrams))), diagrams.items(), strict=False
    ):
        charts.metric(cell, f"{context.as_markdown(model)}: {METRICS['ece'].title}", diagram.ece)
    table = [row for model, diagram in diagrams.items() for row in _rows(model, diagram)]
    left, right = st.columns((3, 2))
    with left:
        _accuracy_chart(view, diagrams, table)
    with right:
        _counts_chart(view, diagrams, table)
    st.caption(
        "Below the dotted line the model is overconfident, above it underconfident. ECE: the mean "
        f"distance from that line, weighted by samples ({BINS} bins; a little above 0 by chance "
        f"even with perfect calibration). Bins of fewer than {MIN_BIN_SIZE} samples stand in the "
        f"table only. 95 % intervals: {method(view.store)}."
    )


def _rows(model: str, diagram: ReliabilityEstimates) -> list[data_frames.Row]:
    """Return a row for each bin that has samples."""
    bins = diagram.diagram
    return [
        {
            "model": model,
            "confidence": f"{b / BINS:.1%} to {(b + 1) / BINS:.1%}",
            "n": int(bins.count[b]),
            "mean confidence": f"{bins.confidence[b]:.1%}",
            "accuracy": number(diagram.accuracy[b], percent=True),
            "accuracy minus confidence": METRICS["accuracy"].difference(
                bins.accuracy[b] - bins.confidence[b]
            ),
        }
        for b in range(BINS)
        if bins.count[b]
    ]


def _accuracy_chart(
    view: View, diagrams: dict[str, ReliabilityEstimates], table: list[data_frames.Row]
) -> None:
    traces: list[Any] = [
        go.Scatter(
            name="perfect calibration",
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": charts.QUIET, "dash": "dot"},
            hoverinfo="skip",
        )
    ]
    for model, diagram in diagrams.items():
        bins = diagram.diagram
        drawn = [b for b in range(BINS) if bins.count[b] >= MIN_BIN_SIZE]
        traces.append(
            go.Scatter(
                name=charts.as_html(model),
                x=bins.confidence[drawn],
                y=[diagram.accuracy[b].value for b in drawn],
                mode="lines+markers",
                error_y=charts.error_bars([diagram.accuracy[b] for b in drawn]),
                line={"color": view.colour(model)},
                customdata=[int(bins.count[b]) for b in drawn],
                hovertemplate=("confidence %{x:.1%}, accuracy %{y:.1%}<br>%{customdata:,} samples"),
            )
        )
    chart = charts.figure(
        *traces, x="mean confidence of the bin", y="accuracy", percent="xy", height=420
    )
    chart.update_xaxes(range=RANGE)
    chart.update_yaxes(range=RANGE)
    alt = "Accuracy against confidence, with 95 % intervals; the diagonal is perfect calibration"
    charts.show(chart, "confidence-reliability", table, alt=alt)


def _counts_chart(
    view: View, diagrams: dict[str, ReliabilityEstimates], table: list[data_frames.Row]
) -> None:
    traces = [
        go.Bar(
            name=charts.as_html(model),
            x=[(b + 0.5) / BINS for b in range(BINS) if diagram.diagram.count[b]],
            y=[int(n) for n in diagram.diagram.count if n],
            marker_color=view.colour(model),
            hovertemplate="%{x:.0%}: %{y:,} samples",
            showlegend=False,
        )
        for model, diagram in diagrams.items()
    ]
    chart = charts.figure(
        *traces, x="confidence", y="samples", percent="x", height=420, barmode="group"
    )
    chart.update_xaxes(range=RANGE)
    charts.show(chart, "confidence-counts", table, alt="How many samples have which confidence")


def band_name(low: float, high: float) -> str:
    """Return a band of confidence in words, such as `70% to 90%`."""
    if high >= 1:
        return f"{low:.0%} and over"
    return f"{low:.0%} to {high:.0%}" if low > 0 else f"under {high:.0%}"


def show_bands(view: View) -> None:
    """Draw the accuracy in three bands of confidence."""
    st.subheader("Sure, likely, guessed")
    card_threshold = store_confidence.own_limit(view.store, view.task, view.models)
    threshold = card_threshold or store_confidence.CONFIDENCE_BANDS[1]
    table: list[data_frames.Row] = []
    bars = []
    for model, where in view.each():
        bands: list[ConfidenceBand] = context.cached(
            view.store,
            "bands",
            (view.task, where, threshold),
            partial(store_confidence.bands, view.store, view.task, where, threshold),
        )
        table += [
            {
                "model": model,
                "confidence": band_name(band.low, band.high),
                "n": band.accuracy.n,
                "share of the samples": number(band.share, percent=True),
                "accuracy in the band": number(band.accuracy, percent=True),
            }
            for band in bands
        ]
        bars.append(_band_bars(model, view.colour(model), bands))
    chart = charts.figure(
        *bars,
        x="confidence",
        y="accuracy in the band",
        percent="y",
        height=340,
        barmode="group",
        showlegend=len(bars) > 1,
    )
    chart.update_yaxes(range=RANGE)
    alt = "Accuracy of the predictions by band of confidence"
    charts.show(chart, "confidence-bands", table, alt=alt, opened=True)
    if card_threshold is not None:
        st.caption(
            f"Under {card_threshold:.1%} the model's own card calls predictions uncertain, and so "
            "does the demo."
        )


def _band_bars(model: str, colour: str, bands: list[ConfidenceBand]) -> go.Bar:
    return go.Bar(
        name=charts.as_html(model),
        x=[band_name(band.low, band.high) for band in bands],
        y=[band.accuracy.value for band in bands],
        error_y=charts.error_bars([band.accuracy for band in bands]),
        marker_color=colour,
        text=[
            "" if band.share.value is None else f"{band.share.value:.0%} of the samples"
            for band in bands
        ],
        textposition="inside",
        insidetextanchor="start",
        customdata=[band.accuracy.n for band in bands],
        hovertemplate="%{x}: accuracy %{y:.1%}, %{customdata:,} samples",
    )
