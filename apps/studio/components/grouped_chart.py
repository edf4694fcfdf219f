"""An estimate for each value (of a group, of a band) and model: one chart and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, data_frames
from apps.studio.context import View
from evaluation.composition.group_order import in_order
from evaluation.report.formatting import interval
from evaluation.statistics.estimate import Estimate

MAX_VALUES_WITH_N = 9
"""Values up to which n stands below each."""


def show(
    view: View,
    estimates: Mapping[str, Sequence[Estimate]],
    values: Sequence[str],
    key: str,
    *,
    axis: str,
    figure: str,
    alt: str,
    percent: bool = False,
    lines: bool = False,
    zero: bool = False,
    height: int = 340,
    opened: bool = False,
    support: int = 1,
) -> None:
    """Draw the chart and its table.

    Args:
        view: the selections.
        estimates: model -> an estimate for each of `values`.
        values: of the group; drawn in this order with `lines`, else in the group's.
        key: unique in the app, also the files' name.
        axis: what the values are.
        figure: what the estimates are.
        alt: what the chart shows, in a sentence.
        percent: whether the estimates are shares; else they are in the unit of the axis.
        lines: whether points are joined, for values in an order.
        zero: whether to draw a line at 0.
        height: in pixels.
        opened: whether the table is open at first.
        support: estimates of fewer rows are left out.
    """
    drawn = _drawn(values if lines else in_order(values), values, estimates, support)
    rows_of = {
        model: [
            (values[i], per_value[i])
            for i in drawn
            if per_value[i].n >= support and per_value[i].value is not None
        ]
        for model, per_value in estimates.items()
    }
    chart = charts.figure(
        *(
            _trace(model, view.colour(model), rows, percent=percent, lines=lines)
            for model, rows in rows_of.items()
        ),
        x=axis,
        y=figure,
        percent="y" if percent else "",
        height=height,
        showlegend=len(estimates) > 1,
    )
    counts = [{e[i].n for e in estimates.values() if e[i].n} for i in drawn]
    _name_values(chart, [charts.as_html(values[i]) for i in drawn], counts)
    if zero:  # differences lie on both sides of it
        chart.add_hline(y=0, line_dash="dash", line_color=charts.QUIET)
    else:  # shares and errors
        chart.update_yaxes(rangemode="tozero")
    table = [
        _table_row(model, value, estimate, axis, figure)
        for model, rows in rows_of.items()
        for value, estimate in rows
    ]
    columns = _column_formats(figure, percent=percent, shows_model=len(estimates) > 1)
    charts.show(chart, key, table, alt=alt, columns=columns, opened=opened)


def _drawn(
    order: Sequence[str],
    values: Sequence[str],
    estimates: Mapping[str, Sequence[Estimate]],
    support: int,
) -> list[int]:
    """Return which of `values` to draw, as indices in `order`'s order; see `show`."""
    return [
        i
        for i in map(list(values).index, order)
        if any(e[i].n >= max(support, 1) for e in estimates.values())
    ]


def _name_values(chart: go.Figure, names: Sequence[str], counts: Sequence[set[int]]) -> None:
    """Name the values below the x axis, with n where there is room and all models have the same.

    Args:
        chart: the chart.
        names: of the values, in their order.
        counts: for each value the n of its estimates.
    """
    chart.update_xaxes(type="category", categoryorder="array", categoryarray=names)
    if len(names) <= MAX_VALUES_WITH_N and all(len(n) == 1 for n in counts):
        texts = [f"{name}<br>n = {min(n):,}" for name, n in zip(names, counts, strict=True)]
        chart.update_xaxes(tickvals=names, ticktext=texts, autotickangles=[0, 90])


def _table_row(
    model: str, value: str, estimate: Estimate, axis: str, figure: str
) -> data_frames.Row:
    return {
        "model": model,
        axis: value,
        figure: estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
    }


def _column_formats(figure: str, *, percent: bool, shows_model: bool) -> dict[str, object]:
    format_ = st.column_config.NumberColumn(format="percent" if percent else "%.2f")
    columns: dict[str, object] = {figure: format_, "low": format_, "high": format_}
    return columns if shows_model else columns | {"model": None}


def _trace(
    model: str, colour: str, rows: Sequence[tuple[str, Estimate]], *, percent: bool, lines: bool
) -> go.Scatter | go.Bar:
    """Return a model's estimates as a line or as bars."""
    number_format = ".1%" if percent else ".2f"
    look: dict[str, object] = {
        "name": charts.as_html(model),
        "x": [charts.as_html(value) for value, _ in rows],
        "y": [estimate.value for _, estimate in rows],
        "customdata": [[interval(e, percent=percent) or "unknown", e.n] for _, e in rows],
        "hovertemplate": (
            f"%{{x}}: %{{y:{number_format}}}<br>95 %: %{{customdata[0]}}, n = %{{customdata[1]:,}}"
        ),
        "error_y": charts.error_bars([estimate for _, estimate in rows]),
    }
    if lines:
        return go.Scatter(**look, mode="lines+markers", line={"color": colour})
    return go.Bar(**look, marker_color=colour)
