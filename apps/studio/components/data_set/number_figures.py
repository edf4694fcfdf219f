"""The distribution of a number, such as the age, in each split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, data_frames
from evaluation.composition.numbers import NumberDistribution, bin_names
from evaluation.report.formatting import number

QUANTILES = ("minimum", "lower quartile", "median", "upper quartile", "maximum")


def show(distributions: Sequence[NumberDistribution], edges: np.ndarray, title: str) -> None:
    """Draw a histogram of each split as shares, and a table of means and quantiles.

    Args:
        distributions: of the splits.
        edges: float (bins + 1,), of the bins.
        title: of the task.
    """
    nonempty = [one for one in distributions if one.mean.n]
    if not nonempty:
        st.info("No sample has this number.", icon=":material/info:")
        return
    names = bin_names(edges)
    traces = [
        go.Scatter(
            name=charts.as_html(one.split),
            x=edges,  # a step from edge to edge; the last one ends it
            y=np.append(one.counts, one.counts[-1]) / one.mean.n,
            mode="lines",
            line={"shape": "hv", "color": charts.colour(k), "width": 2},
            fill="tozeroy" if len(nonempty) == 1 else None,
            customdata=[*zip(names, one.counts, strict=True), (names[-1], one.counts[-1])],
            hovertemplate="%{customdata[0]}: %{y:.1%} (%{customdata[1]:,})",
        )
        for k, one in enumerate(nonempty)
    ]
    chart = charts.figure(
        *traces, x=title, y="share of the split", percent="y", showlegend=len(nonempty) > 1
    )
    chart.update_yaxes(rangemode="tozero")
    table: dict[str, list[object]] = {"bin": [*names]}
    for one in nonempty:
        table[one.split] = one.counts.tolist()
    charts.show(chart, "dataset-numbers", table, alt=f"{title}: distribution in each split")
    rows: list[data_frames.Row] = [
        {
            "split": one.split,
            "n": one.mean.n,
            "unknown": one.unknown,
            "mean (95 % interval)": number(one.mean),
            **dict(zip(QUANTILES, (round(q, 4) for q in one.quantiles), strict=True)),
        }
        for one in nonempty
    ]
    data_frames.show(rows, "dataset-quantiles.table")
    charts.downloads("dataset-quantiles", rows)
    st.caption("Intervals of the means: Student's t, which takes a split for a random sample.")
