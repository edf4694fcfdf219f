"""The sizes of the splits, and their shares against those that are expected."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, data_frames
from evaluation.composition.splits import TOLERANCE, SplitShare


def show(splits: Sequence[SplitShare]) -> None:
    """Draw the pie of the splits, and bars of actual and expected shares."""
    table: list[data_frames.Row] = [
        {
            "split": one.split,
            "samples": one.n,
            "share": one.share,
            "expected": one.expected,
            "difference, points": 100 * one.difference,
            "as expected": mark(one.is_expected),
        }
        for one in splits
    ]
    formats = {
        "share": st.column_config.NumberColumn(format="percent"),
        "expected": st.column_config.NumberColumn(format="percent"),
        "difference, points": st.column_config.NumberColumn(format="%+.1f"),
    }
    total = sum(one.n for one in splits)
    left, right = st.columns([2, 3])
    with left:
        pie = donut([one.split for one in splits if one.n], [one.n for one in splits if one.n])
        charts.show(pie, "dataset-split-sizes", table, alt="Share of each split", columns=formats)
    with right:
        chart = charts.figure(
            go.Bar(
                name="expected",
                x=[charts.as_html(one.split) for one in splits],
                y=[one.expected for one in splits],
                offsetgroup="expected",
                marker_color=charts.GREY,
            ),
            *_actual(splits),
            y="share of all samples",
            percent="y",
            barmode="group",
        )
        alt = "Share of each split beside the expected one"
        charts.show(chart, "dataset-splits", table, alt=alt, columns=formats, opened=True)
    st.caption(
        f"n = {total:,} samples, counted, so there is no interval. Expected means within "
        f"{100 * TOLERANCE:g} points."
    )


def _actual(splits: Sequence[SplitShare]) -> list[go.Bar]:
    """Return the bars of actual shares, those that are not as expected in another colour."""
    kinds = (("as expected", True, charts.colour(0)), ("not as expected", False, charts.BAD))
    bars = []
    for name, is_expected, colour in kinds:
        part = [one for one in splits if one.is_expected == is_expected]
        if part:
            bars.append(
                go.Bar(
                    name=name,
                    offsetgroup="actual",
                    x=[charts.as_html(one.split) for one in part],
                    y=[one.share for one in part],
                    marker_color=colour,
                    text=[f"{one.share:.1%}" for one in part],
                    textposition="outside",
                    customdata=[one.n for one in part],
                    hovertemplate="%{x}: %{y:.2%}, %{customdata:,} samples",
                    cliponaxis=False,
                )
            )
    return bars


def donut(names: Sequence[str], counts: Sequence[int]) -> go.Figure:
    """Return a pie of counts in the order of their names, with a hole for the total."""
    total = sum(counts)
    pie = go.Pie(
        labels=[charts.as_html(name) for name in names],
        values=list(counts),
        sort=False,
        direction="clockwise",
        hole=0.5,
        textinfo="label+percent",
        marker_colors=[charts.colour(i) for i in range(len(names))],
        hovertemplate="%{label}: %{value:,} (%{percent})<extra></extra>",
    )
    chart = charts.figure(pie, showlegend=False)
    chart.add_annotation(text=f"{total:,}", showarrow=False, font_size=18)
    return chart


def mark(is_good: bool) -> str:
    """Return a mark for a table: what holds, and what does not."""
    return "✓ yes" if is_good else "✗ no"
