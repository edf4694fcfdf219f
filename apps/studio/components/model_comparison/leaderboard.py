"""Any number of models: the leaderboard, and differences from the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames
from apps.studio.components.model_comparison import critical_difference
from apps.studio.context import View
from core.vocabulary import METRICS
from evaluation.analysis.comparison import ALPHA
from evaluation.analysis.leaderboard import from_store
from evaluation.analysis.leaderboard.ranking import Leaderboard, Standing
from evaluation.report.formatting import number, p_value

KEY = "compare-leaderboard"


def show(view: View, models: Sequence[str], baseline: str) -> None:
    """Draw the table of all models, their differences from the baseline, and who differs."""
    board: Leaderboard | None = context.cached(
        view.store,
        "leaderboard",
        (view.task, tuple(models), baseline, view.where.but(models=())),
        lambda: from_store.leaderboard(view.store, view.task, models, baseline, view.where),
    )
    if board is None:
        st.info(
            "No sample is in all of these models: they can be compared on one split only. Leave "
            "models out in the sidebar, or remove a filter.",
            icon=":material/info:",
        )
        return
    table = [_row(view, board, one) for one in board.standings]
    data_frames.show(table, f"{KEY}.table")
    charts.downloads(KEY, table)
    _about(board)
    left, right = st.columns(2)
    with left:
        st.markdown(f"**Difference from {context.as_markdown(board.baseline)}**")
        _difference_chart(view, board, table)
    with right:
        st.markdown("**Which models differ**")
        critical_difference.show(view, board)


def rank_text(ranks: tuple[int, int]) -> str:
    """Return a range of ranks, such as `2` or `1 to 3`."""
    low, high = ranks
    return str(low) if low == high else f"{low} to {high}"


def _row(view: View, board: Leaderboard, one: Standing) -> data_frames.Row:
    percent, main, difference = board.is_share, view.metric.title, one.difference
    minus, fixes, regressions = (
        f"{main} minus baseline (95 %)",
        "fixes" if percent else "better on",
        "regressions" if percent else "worse on",
    )
    row: data_frames.Row = {
        "rank (95 %)": rank_text(one.ranks),
        "model": one.model,
        main: number(one.main, percent=percent),
    }
    if difference is None:
        row |= {minus: "baseline", "verdict": "", "p (Holm)": "", fixes: 0, regressions: 0}
    else:
        row |= {
            minus: number(difference.main, percent=percent, sign=True),
            "verdict": difference.verdict or "no difference shown",
            "p (Holm)": p_value(difference.p_adjusted),
            fixes: difference.wins,
            regressions: difference.losses,
        }
    if one.macro_f1 is not None:
        row[METRICS["macro_f1"].title] = number(one.macro_f1, percent=True)
    return row


def _about(board: Leaderboard) -> None:
    left_out = [
        f"{one.left_out:,} of {context.as_markdown(one.model)}"
        for one in board.standings
        if one.left_out
    ]
    if board.truth_differs:
        left_out.append(f"{board.truth_differs:,} with different labels")
    tests = {one.difference.test.split(",")[0] for one in board.standings if one.difference}
    words = "Fixes: only the model is right; regressions: only the baseline is. "
    st.caption(
        f"n = {board.n:,} samples that all {len(board.standings)} models have"
        + (f"; left out: {', '.join(left_out)}" if left_out else "")
        + f". Differences on the same samples, 95 %: {board.method.text}; p: {' or '.join(tests)}, "
        f"corrected over the {len(board.standings) - 1} models (Holm). "
        + (words if board.is_share else "")
        + f"Ranks: 95 % confidence sets from tests of all {len(board.pairs)} pairs, valid for all "
        "models at once (Mogstad and others, 2024)."
    )


def _difference_chart(view: View, board: Leaderboard, table: list[data_frames.Row]) -> None:
    compared = [one for one in board.standings if one.difference is not None]
    traces = []
    for one in compared:
        difference = one.difference
        assert difference is not None
        colour = view.colour(one.model)
        drawn = charts.in_points(difference.main, view.metric)
        text = number(difference.main, percent=board.is_share, sign=True)
        traces.append(
            go.Scatter(
                x=[drawn.value],
                y=[charts.as_html(one.model)],
                mode="markers",
                error_x={**charts.error_bars([drawn]), "color": colour},
                marker={
                    "color": colour,
                    "size": 11,
                    "symbol": "circle" if difference.verdict else "circle-open",
                    "line": {"width": 2, "color": colour},
                },
                customdata=[
                    [text, difference.wins, difference.losses, p_value(difference.p_adjusted)]
                ],
                hovertemplate=(
                    "%{y}: %{customdata[0]}<br>better on %{customdata[1]:,}, worse on "
                    "%{customdata[2]:,} samples, p %{customdata[3]}<extra></extra>"
                ),
                showlegend=False,
            )
        )
    chart = charts.figure(
        *traces,
        height=140 + 34 * len(compared),
        x=f"{view.metric.difference_axis}, minus baseline"
        + ("" if board.is_share else " (left: better)"),
    )
    chart.add_vline(x=0, line={"dash": "dot", "color": charts.QUIET})
    chart.update_yaxes(autorange="reversed")
    alt = "Difference of each model from the baseline with 95 % interval; right of 0 is better"
    charts.show(chart, "compare-differences", table, alt=alt)
    st.caption(
        f"Filled: better or worse by p below {ALPHA:g}, corrected (Holm). Hollow: no difference is "
        "shown."
    )
