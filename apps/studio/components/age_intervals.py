"""How often the age intervals that a model states hold the true age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.context import View
from core.calibration import INTERVAL_COVERAGE
from evaluation.analysis import store_confidence
from evaluation.analysis.store_confidence import IntervalCoverage
from evaluation.report.formatting import number
from evaluation.store import Where
from evaluation.store.counts import method


def show(view: View) -> None:
    """Draw coverage and width of the intervals, overall and by decade of the true age."""
    nominal = widgets.number(
        "cf.nominal",
        "Nominal coverage of the intervals",
        0.5,
        0.99,
        INTERVAL_COVERAGE,
        0.01,
        help="the share of true ages that they should hold; the shipped model: "
        f"{INTERVAL_COVERAGE:.0%}",
    )
    intervals_of: dict[str, list[IntervalCoverage]] = {}
    for model, where in view.each():
        intervals: list[IntervalCoverage] = context.cached(
            view.store,
            "age intervals",
            (where,),
            partial(store_confidence.age_intervals, view.store, where),
        )
        if not intervals:
            st.info(
                f"{context.as_markdown(model)} states no intervals: add the columns `age_low` and "
                "`age_high`.",
                icon=":material/info:",
            )
            continue
        _tiles(view, model, where, intervals[0], nominal)
        intervals_of[model] = intervals
    if intervals_of:
        _charts_by_decade(view, intervals_of, nominal)
        st.caption(
            "Under the dotted line intervals are too narrow, above it wider than needed. "
            f"95 % intervals: {method(view.store)}."
        )


def _charts_by_decade(
    view: View, intervals_of: Mapping[str, Sequence[IntervalCoverage]], nominal: float
) -> None:
    """Draw coverage and width side by side, both with the table of all intervals.

    Args:
        view: the selections.
        intervals_of: model -> its intervals: of all ages first, then by decade of the true age.
        nominal: the share of true ages that the intervals should hold.
    """
    table = [
        _table_row(model, one, nominal)
        for model, intervals in intervals_of.items()
        for one in intervals
    ]
    decades = sorted({one.decade for part in intervals_of.values() for one in part[1:]})
    left, right = st.columns(2)
    with left:
        lines = [_coverage_line(m, view.colour(m), part[1:]) for m, part in intervals_of.items()]
        chart = charts.figure(*lines, x="true age", y="coverage", percent="y", height=400)
        chart.add_hline(
            y=nominal,
            line={"dash": "dot", "color": charts.QUIET},
            annotation_text=f"nominal {nominal:.0%}",
        )
        chart.update_xaxes(type="category", categoryorder="array", categoryarray=decades)
        alt = "Share of the intervals that hold the true age, by decade"
        charts.show(chart, "confidence-held", table, alt=alt)
    with right:
        bars = [_width_bars(m, view.colour(m), part[1:]) for m, part in intervals_of.items()]
        chart = charts.figure(
            *bars, x="true age", y="mean width, years", height=400, barmode="group"
        )
        chart.update_xaxes(type="category", categoryorder="array", categoryarray=decades)
        alt = "Mean width of the intervals, by decade"
        charts.show(chart, "confidence-widths", table, alt=alt)


def _table_row(model: str, one: IntervalCoverage, nominal: float) -> data_frames.Row:
    return {
        "model": model,
        "true age": one.decade or "all",
        "n": one.coverage.n,
        "coverage": number(one.coverage, percent=True),
        "nominal": f"{nominal:.0%}",
        "mean width, years": f"{one.width:.1f}",
    }


def _tiles(view: View, model: str, where: Where, overall: IntervalCoverage, nominal: float) -> None:
    cells = st.columns(3)
    charts.metric(
        cells[0],
        f"{context.as_markdown(model)}: coverage",
        overall.coverage,
        about=f", nominal {nominal:.0%}",
    )
    cells[1].metric("mean width", f"{overall.width:.1f} years", border=True)
    stretch = context.cached(
        view.store,
        "stretch",
        (where, nominal),
        lambda: store_confidence.stretch(view.store, where, nominal),
    )
    if stretch is not None:
        factor, coverage = stretch
        cells[2].metric(f"factor on the width for {nominal:.0%}", f"{factor:.2f}", border=True)
        cells[2].caption(
            f"from one half; coverage of the other half {number(coverage, percent=True)}, "
            f"n = {coverage.n:,}"
        )


def _coverage_line(model: str, colour: str, decades: Sequence[IntervalCoverage]) -> go.Scatter:
    return go.Scatter(
        name=charts.as_html(model),
        x=[one.decade for one in decades],
        y=[one.coverage.value for one in decades],
        error_y=charts.error_bars([one.coverage for one in decades]),
        mode="lines+markers",
        line={"color": colour},
        customdata=[one.coverage.n for one in decades],
        hovertemplate="%{x}: coverage %{y:.1%}, %{customdata:,} samples",
    )


def _width_bars(model: str, colour: str, decades: Sequence[IntervalCoverage]) -> go.Bar:
    return go.Bar(
        name=charts.as_html(model),
        x=[one.decade for one in decades],
        y=[one.width for one in decades],
        marker_color=colour,
        hovertemplate="%{x}: %{y:.1f} years",
    )
