"""A figure for each value (of a group, of a band) and model: one chart with intervals and n, and
its table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context
from evaluation.report.text import interval
from evaluation.statistics.estimate import Estimate

FEW = 9
"""Values up to which n stands below each."""


def show(
    found: Mapping[str, Sequence[Estimate]],
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
    """found: model -> a figure {value, low, high, n} for each of `values`, left out below `support`
    rows. axis, figure: what they are, for the axes and the table. percent: shares; else years.
    lines: for values in an order. zero: a line at 0.
    """
    traces, table = [], {name: [] for name in ("model", axis, figure, "low", "high", "n")}  # type: ignore[var-annotated]
    there = [
        i for i in range(len(values)) if any(f[i].n >= support and f[i].n for f in found.values())
    ]
    form = ".1%" if percent else ".2f"
    for k, (model, figures) in enumerate(found.items()):
        rows = [
            (values[i], figures[i])
            for i in there
            if figures[i].n >= support and figures[i].value is not None
        ]
        shown = [f for _, f in rows]
        look: dict[str, Any] = {
            "name": context.label(model),
            "x": [context.label(v) for v, _ in rows],
            "y": [f.value for f in shown],
            "customdata": [[interval(f, percent=percent) or "unknown", f.n] for f in shown],
            "hovertemplate": f"%{{x}}: %{{y:{form}}}<br>95 %: %{{customdata[0]}}, n = %{{customdata[1]:,}}",
        }
        bars = charts.error_bars(shown)
        if lines:
            traces.append(
                go.Scatter(
                    **look, error_y=bars, mode="lines+markers", line={"color": charts.colour(k)}
                )
            )
        else:
            traces.append(
                go.Bar(
                    **look, error_y=bars | {"color": charts.QUIET}, marker_color=charts.colour(k)
                )
            )
        for value, f in rows:
            for name, cell in zip(table, (model, value, f.value, f.low, f.high, f.n), strict=True):
                table[name].append(cell)
    made = charts.figure(
        *traces,
        x=axis,
        y=figure,
        percent="y" if percent else "",
        height=height,
        showlegend=len(found) > 1,
    )
    names = [context.label(values[i]) for i in there]
    made.update_xaxes(type="category", categoryorder="array", categoryarray=names)
    counts = [{f[i].n for f in found.values() if f[i].n} for i in there]
    if len(there) <= FEW and all(len(n) == 1 for n in counts):
        words = [f"{name}<br>n = {n.pop():,}" for name, n in zip(names, counts, strict=True)]
        made.update_xaxes(tickvals=names, ticktext=words, tickangle=0)
    if zero:
        made.add_hline(y=0, line_dash="dash", line_color=charts.QUIET)
    number = st.column_config.NumberColumn(format="percent" if percent else "%.2f")
    columns = {name: number for name in (figure, "low", "high")} | (
        {"model": None} if len(found) == 1 else {}
    )
    charts.show(made, key, table, alt=alt, columns=columns, opened=opened)
