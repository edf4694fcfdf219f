"""Two groups crossed: a heatmap of one model's metric, with its table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from apps.studio import charts
from core.vocabulary import Metric, group_title
from evaluation.composition.group_order import in_order
from evaluation.report.formatting import number
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate

MAX_CELLS_WITH_TEXT = 200
"""Cells up to which each has a text."""


def show(
    counts: GroupedCounts,
    groups: tuple[str, str],
    values: tuple[Sequence[str], Sequence[str]],
    metric: Metric,
    support: int,
) -> None:
    """Draw the heatmap and its table.

    Args:
        counts: of the crossed values, a cell for each pair, the second group fastest.
        groups: names of both groups.
        values: of both groups.
        metric: what the means of the cells are.
        support: rows below which a cell is grey.
    """
    rows, columns = values
    shape = (len(rows), len(columns))
    n = counts.n.reshape(shape).astype(int)
    means = np.where(n >= support, counts.means.reshape(shape), np.nan)
    if np.isnan(means).all():
        st.info(f"No cell has {support} rows: lower the minimum support.", icon=":material/info:")
        return
    estimates = counts.estimates(minimum=0)
    depth = _colour_depth(means, metric)
    texts = [
        [_cell_text(mean, int(k), metric, support) for mean, k in zip(*row, strict=True)]
        for row in zip(means, n, strict=True)
    ]
    hover = np.array([_hover_text(e, metric) for e in estimates]).reshape(shape)
    x, y = [charts.as_html(v) for v in columns], [charts.as_html(v) for v in rows]
    chart = charts.figure(
        _grey_cells(x, y, n < support),
        _coloured_cells(x, y, depth, hover),
        *(
            charts.cell_texts(x, y, texts, (depth > 0.75).tolist())
            if n.size <= MAX_CELLS_WITH_TEXT
            else []
        ),
        x=group_title(groups[1]),
        y=group_title(groups[0]),
        height=max(300, 34 * len(rows) + 110),
        dragmode=False,
    )
    for axis, names in ((chart.layout.xaxis, columns), (chart.layout.yaxis, rows)):
        axis.update(type="category", showgrid=False, categoryorder="array")
        axis.categoryarray = [charts.as_html(name) for name in in_order(names)]
    chart.update_yaxes(autorange="reversed")
    _show_with_table(chart, estimates, groups, values, metric)
    st.caption(
        f"The deeper the colour, the worse. Grey: below {support} rows. Intervals are in the table "
        "and under the pointer."
    )


def _colour_depth(means: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    """Return how bad each mean is, from 0 for the best cell to 1 for the worst; 0 for NaN."""
    low, high = float(np.nanmin(means)), float(np.nanmax(means))
    worse = (high - means) if metric.better == "higher" else (means - low)
    return np.where(np.isnan(means), 0, worse / (high - low or 1))


def _grey_cells(x: Sequence[str], y: Sequence[str], is_grey: NDArray[np.bool_]) -> go.Heatmap:
    """Return the cells of too few rows; `is_grey` is (rows, columns)."""
    return go.Heatmap(
        z=np.where(is_grey, 1.0, np.nan),
        x=x,
        y=y,
        colorscale=((0.0, charts.GREY), (1.0, charts.GREY)),
        xgap=2,
        ygap=2,
        showscale=False,
        hoverinfo="skip",
    )


def _coloured_cells(
    x: Sequence[str], y: Sequence[str], depth: NDArray[np.float64], hover: NDArray[np.str_]
) -> go.Heatmap:
    """Return the cells of enough rows.

    Args:
        x: names of the columns.
        y: names of the rows.
        depth: (rows, columns), see `_colour_depth`.
        hover: (rows, columns), the texts under the pointer.
    """
    return go.Heatmap(
        z=depth,
        x=x,
        y=y,
        colorscale=charts.BAD_SCALE,
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        showscale=False,
        customdata=hover,
        hovertemplate="%{y}, %{x}: %{customdata}<extra></extra>",
    )


def _cell_text(mean: float, n: int, metric: Metric, support: int) -> str:
    if n < support:
        return f"n = {n}" if n else ""
    return f"{mean * 100:.0f} %" if metric.is_share else f"{mean:.1f}"


def _hover_text(estimate: Estimate, metric: Metric) -> str:
    if not estimate.n:
        return "no rows"
    return f"{number(estimate, percent=metric.is_share)}, n = {estimate.n:,}"


def _show_with_table(
    chart: go.Figure,
    estimates: Sequence[Estimate],
    groups: tuple[str, str],
    values: tuple[Sequence[str], Sequence[str]],
    metric: Metric,
) -> None:
    rows, columns = values
    first, second = (group_title(group) for group in groups)
    table = {
        first: [row for row in rows for _ in columns],
        second: list(columns) * len(rows),
        metric.axis: [estimate.value for estimate in estimates],
        "low": [estimate.low for estimate in estimates],
        "high": [estimate.high for estimate in estimates],
        "n": [estimate.n for estimate in estimates],
    }
    format_ = st.column_config.NumberColumn(format="percent" if metric.is_share else "%.2f")
    charts.show(
        chart,
        "slices-crossed",
        table,
        alt=f"{metric.axis} for each pair of {first} and {second}",
        columns=dict.fromkeys((metric.axis, "low", "high"), format_),
    )
