"""Which models differ: the ranking on its axis, and bars that join those that do not.

The picture of Demsar (JMLR 7, 2006, figure 1) with tests that suit one data set: every pair on the
same samples, corrected by Holm's method (`evaluation.analysis.leaderboard.ranking` says why).
"""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts
from apps.studio.context import View
from evaluation.analysis.leaderboard.ranking import Leaderboard
from evaluation.report.formatting import interval, p_value

BAR = "no difference"
"""What stands beside a bar."""


def show(view: View, board: Leaderboard) -> None:
    """Draw the chart, with the tests of all pairs as its table."""
    bars = [group for group in board.groups if len(group) > 1]
    traces = [_models(view, board)]
    traces += [_bar(view, board, group, at) for at, group in enumerate(bars)]
    names = [charts.plain(one.model) for one in board.standings]
    chart = charts.figure(
        *traces,
        height=140 + 34 * (len(names) + len(bars)),
        x=view.metric.axis,
        percent="x" if board.is_share else "",
    )
    ticks = [*names, *(BAR for _ in bars)]
    chart.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(ticks))),
        ticktext=ticks,
        range=[len(ticks) - 0.5, -0.5],
        zeroline=False,
    )
    table: list[charts.Row] = [
        {
            "model": pair.a,
            "and": pair.b,
            "p": p_value(pair.p),
            "p (Holm)": p_value(pair.p_adjusted),
            "differ": "yes" if pair.differs else "not shown",
        }
        for pair in board.pairs
    ]
    alt = "Models on the axis of the metric; a bar joins models that do not differ"
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
            [charts.plain(one.model), interval(one.main, percent=board.is_share), one.main.n]
            for one in board.standings
        ],
        hovertemplate=(
            "%{customdata[0]}: %{x}<br>95 %: %{customdata[1]}, n = %{customdata[2]:,}"
            "<extra></extra>"
        ),
        showlegend=False,
    )


def _bar(view: View, board: Leaderboard, group: tuple[str, ...], at: int) -> go.Scatter:
    """The bar of one group, below the models."""
    values = {one.model: one.main.value for one in board.standings}
    return go.Scatter(
        x=[values[model] for model in group],
        y=[len(values) + at] * len(group),
        mode="lines+markers",
        line={"color": charts.QUIET, "width": 6},
        marker={"color": [view.colour(model) for model in group], "size": 9},
        text=[charts.plain(model) for model in group],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
