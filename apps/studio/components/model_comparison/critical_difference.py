"""Which models differ: the ranking on its axis, and bars that join those that do not.

The picture of Demsar (JMLR 7, 2006, figure 1) with tests that suit one data set: every pair on the
same samples, corrected by Holm's method (`evaluation.analysis.leaderboard.ranking` says why).
"""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, data_frames
from apps.studio.context import View
from evaluation.analysis.leaderboard.ranking import Leaderboard
from evaluation.report.formatting import interval, p_value

BAR_WIDTH, MAX_BAR_SHARE = 0.08, 0.4
"""Share of the chart's width that a bar gets, and all bars at most."""


def show(view: View, board: Leaderboard) -> None:
    """Draw the chart, with the tests of all pairs as its table."""
    bars = [group for group in board.groups if len(group) > 1]
    names = [charts.as_html(one.model) for one in board.standings]
    traces = [_models(view, board)]
    traces += [_bar(view, board, group, at) for at, group in enumerate(bars)]
    chart = charts.figure(
        *traces,
        height=140 + 34 * len(names),
        x=view.metric.axis,
        percent="x" if board.is_share else "",
    )
    width = min(BAR_WIDTH * len(bars), MAX_BAR_SHARE)
    chart.update_xaxes(domain=[0, 1 - width])
    chart.update_layout(
        xaxis2={
            "domain": [1 - width, 1],
            "range": [-0.7, len(bars) - 0.3],
            "visible": False,
            "anchor": "y",
        }
    )
    chart.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=names,
        range=[len(names) - 0.5, -0.5],
        zeroline=False,
    )
    table: list[data_frames.Row] = [
        {
            "model": pair.a,
            "and": pair.b,
            "p": p_value(pair.p),
            "p (Holm)": p_value(pair.p_adjusted),
            "differ": "yes" if pair.differs else "not shown",
        }
        for pair in board.pairs
    ]
    alt = (
        "Models on the axis of the metric; bars beside them join models between which no "
        "difference is shown"
    )
    charts.show(chart, "compare-critical-difference", table, alt=alt)
    st.caption(_words(board, len(bars)))


def _words(board: Leaderboard, bars: int) -> str:
    tests = f"paired tests of all {len(board.pairs)} pairs, corrected together (Holm)"
    if not bars:
        return (
            f"Every two models differ: {tests}. On the same samples a difference may show although "
            "the models' own intervals overlap."
        )
    return (
        "A bar joins the models with a dot on it: between no two of them a difference is shown, "
        f"by {tests}. No mean ranks: they are for many data sets (Demšar, 2006)."
    )


def _models(view: View, board: Leaderboard) -> go.Scatter:
    mains = [one.main for one in board.standings]
    return go.Scatter(
        x=[main.value for main in mains],
        y=list(range(len(mains))),
        mode="markers",
        error_x=charts.error_bars(mains),
        marker={"color": [view.colour(one.model) for one in board.standings], "size": 11},
        customdata=[
            [charts.as_html(one.model), interval(one.main, percent=board.is_share), one.main.n]
            for one in board.standings
        ],
        hovertemplate=(
            "%{customdata[0]}: %{x}<br>95 %: %{customdata[1]}, n = %{customdata[2]:,}"
            "<extra></extra>"
        ),
        showlegend=False,
    )


def _bar(view: View, board: Leaderboard, group: tuple[str, ...], at: int) -> go.Scatter:
    """Return one group's bar beside the models, with a dot in the row of each of its members."""
    rows = {one.model: row for row, one in enumerate(board.standings)}
    return go.Scatter(
        x=[at] * len(group),
        y=[rows[model] for model in group],
        xaxis="x2",
        mode="lines+markers",
        line={"color": charts.QUIET, "width": 5},
        marker={"color": [view.colour(model) for model in group], "size": 11},
        text=[charts.as_html(model) for model in group],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
