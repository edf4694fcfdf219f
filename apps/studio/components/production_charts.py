"""Charts of what a demo counted: a figure and its alarm line, classes, volume and latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.colors import sample_colorscale

from apps.studio import charts, data_frames
from core.monitoring.counts_line import CONFIDENCE_BINS, SOURCES
from evaluation.production.alarms import AlarmFigure
from evaluation.production.periods import Period
from evaluation.production.validation import ValidationCounts
from evaluation.report.formatting import number
from evaluation.statistics.estimate import Estimate

FORMS = {"hour": "%d %b %H:%M", "day": "%a %d %b", "week": "week of %d %b"}
HEIGHT = 340
VALIDATION = "validation"
PERCENTILES = {"median": 0.5, "90 %": 0.9, "99 %": 0.99}


def labels_of(periods: Sequence[Period], step: str) -> list[str]:
    """Return how the periods are called, such as `Mon 02 Nov`; with the year where it changes."""
    has_years = len({period.start.year for period in periods}) > 1
    return [p.start.strftime(FORMS[step] + (" %Y" if has_years else "")) for p in periods]


def over_time(
    figures: Sequence[AlarmFigure],
    names: Sequence[str],
    key: str,
    *,
    title: str,
) -> None:
    """Draw a figure by period, with its alarm line; what alarms is marked.

    Args:
        figures: of each period.
        names: of the periods.
        key: unique in the app, also the files' name.
        title: of the axis.
    """
    values = [figure.value for figure in figures]
    raised = [figure.is_raised for figure in figures]
    traces: list[Any] = [
        go.Scatter(
            x=list(names),
            y=[value.value for value in values],
            error_y=charts.error_bars(values),
            mode="lines+markers",
            name=title,
            line={"color": charts.PALETTE[0]},
            marker={
                "size": [12 if is_raised else 7 for is_raised in raised],
                "symbol": ["diamond" if is_raised else "circle" for is_raised in raised],
                "color": [charts.BAD if is_raised else charts.PALETTE[0] for is_raised in raised],
            },
        ),
        _line(names, [figure.limit for figure in figures], "alarm line", charts.BAD, "dash"),
    ]
    if any(figure.reference for figure in figures):
        against = next(figure.against for figure in figures)
        references = [figure.reference for figure in figures]
        traces.append(_line(names, references, against, charts.QUIET, "dot"))
    chart = charts.figure(*traces, y=title, percent="y", height=HEIGHT)
    chart.update_yaxes(rangemode="tozero")
    chart.update_xaxes(type="category")
    table: list[data_frames.Row] = [
        {
            "period": name,
            title: number(figure.value, percent=True),
            "n": figure.value.n,
            "alarm line": number(figure.limit, percent=True),
            "alarm": "alarm" if figure.is_raised else "–",
        }
        for name, figure in zip(names, figures, strict=True)
    ]
    charts.show(chart, key, table, alt=f"{title} by period, with its alarm line")


def _line(
    names: Sequence[str], values: Sequence[float | None], name: str, colour: str, dash: str
) -> go.Scatter:
    return go.Scatter(
        x=list(names),
        y=list(values),
        name=name,
        mode="lines",
        line={"color": colour, "dash": dash, "width": 1.5},
        hovertemplate="%{y:.1%}",
    )


def class_shares(
    periods: Sequence[Period],
    names: Sequence[str],
    task: str,
    labels: Sequence[str],
    validation: ValidationCounts | None,
) -> None:
    """Draw the shares of the predicted classes in validation and in each period, stacked."""
    columns = [period.classes(task, labels) for period in periods]
    titles = list(names)
    if validation is not None:
        columns = [validation.counts(labels), *columns]
        titles = [VALIDATION, *titles]
    totals = [int(counts.sum()) for counts in columns]
    shares = [counts / max(1, counts.sum()) for counts in columns]
    colours = [charts.colour(k) for k in range(len(labels))]
    if len(labels) > len(charts.PALETTE):  # decades, or more classes than the palette has colours
        colours = sample_colorscale("Viridis", np.linspace(0, 1, len(labels)).tolist())
    traces = [
        go.Bar(
            x=titles,
            y=[float(share[k]) for share in shares],
            name=charts.as_html(label),
            marker={"color": colours[k], "line": {"width": 0}},
            hovertemplate="%{y:.1%}",
        )
        for k, label in enumerate(labels)
    ]
    chart = charts.figure(
        *traces, y="share of the predictions", percent="y", height=HEIGHT + 40, barmode="stack"
    )
    chart.update_xaxes(type="category")
    chart.update_yaxes(range=[0, 1])
    table: dict[str, list[object]] = {"period": list(titles), "n": list(totals)}
    for k, label in enumerate(labels):
        table[label] = [float(share[k]) for share in shares]
    percents = {label: st.column_config.NumberColumn(format="percent") for label in labels}
    alt = "Shares of the predicted classes in validation and in each period"
    charts.show(chart, "production-classes", table, alt=alt, columns=percents)


def against_validation(
    shares: Mapping[str, Sequence[Estimate]], labels: Sequence[str], key: str, *, x: str = ""
) -> None:
    """Draw shares by label, a bar for each series, with intervals where they are known.

    Args:
        shares: series -> an estimate for each label.
        labels: classes, or bins.
        key: unique in the app, also the files' name.
        x: title of the axis.
    """
    traces = [
        go.Bar(
            x=[charts.as_html(label) for label in labels],
            y=[estimate.value for estimate in estimates],
            error_y=charts.error_bars(estimates),
            name=series,
            marker={"color": charts.QUIET if series == VALIDATION else charts.PALETTE[0]},
        )
        for series, estimates in shares.items()
    ]
    chart = charts.figure(
        *traces, x=x, y="share of the predictions", percent="y", height=HEIGHT, barmode="group"
    )
    chart.update_xaxes(type="category")
    table: dict[str, list[object]] = {x or "class": list(labels)}
    for series, estimates in shares.items():
        table[series] = [number(estimate, percent=True) for estimate in estimates]
        table[f"{series}: n"] = [estimate.n for estimate in estimates]
    charts.show(chart, key, table, alt="Shares in validation and in production, side by side")


def volume(periods: Sequence[Period], names: Sequence[str]) -> None:
    """Draw the counted faces of each period."""
    chart = charts.figure(
        go.Bar(x=list(names), y=[p.faces for p in periods], marker={"color": charts.PALETTE[0]}),
        y="faces",
        height=HEIGHT,
    )
    chart.update_xaxes(type="category")
    table = {
        "period": list(names),
        "faces": [p.faces for p in periods],
        "pictures": [int(sum(map(np.sum, p.latency.values()))) for p in periods],
    }
    charts.show(chart, "production-volume", table, alt="Counted faces by period")


def latency(periods: Sequence[Period], names: Sequence[str]) -> None:
    """Draw percentiles of the pictures' latency in each period, for each source that has any."""
    table: dict[str, list[object]] = {"period": list(names)}
    traces: list[Any] = []
    for i, source in enumerate(SOURCES):
        if not any(period.latency[source].any() for period in periods):
            continue
        for k, (title, share) in enumerate(PERCENTILES.items()):
            values = [period.percentile_ms(source, share) for period in periods]
            name = f"{source}, {title}"
            table[name] = [None if value is None else round(value, 1) for value in values]
            line = {"color": charts.colour(i), "dash": ("solid", "dash", "dot")[k]}
            traces.append(
                go.Scatter(x=list(names), y=values, name=name, mode="lines+markers", line=line)
            )
    chart = charts.figure(*traces, y="milliseconds", height=HEIGHT)
    chart.update_xaxes(type="category")
    chart.update_yaxes(rangemode="tozero")
    alt = "Median, 90 % and 99 % percentile of the latency by period"
    charts.show(chart, "production-latency", table, alt=alt)


def confidence_labels() -> list[str]:
    """Return what the bins of the confidence are called, such as `90 to 100 %`."""
    width = 100 // CONFIDENCE_BINS
    return [f"{i * width} to {(i + 1) * width} %" for i in range(CONFIDENCE_BINS)]
