"""How many samples each class has in each split, and its share against a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, data_frames, text_colours
from apps.studio.components.data_set.split_figures import donut, mark
from evaluation.composition.classes import (
    ClassCounts,
    ClassShare,
    class_shares,
    imbalance,
    split_differences,
)
from evaluation.composition.splits import TOLERANCE
from evaluation.report.formatting import interval, p_value

MAX_CLASSES_DRAWN = 40
"""The most frequent classes are drawn; the tables have all."""
MAX_SLICES = 12
"""Slices of the pie; the rest is one more."""


def show(counts: ClassCounts, target: np.ndarray, title: str) -> None:
    """Draw counts by split, the pie of all, and shares against the target.

    Args:
        counts: of the classes.
        target: float (K,), the share that each class should have.
        title: of the task or group.
    """
    drawn = most_frequent(counts, MAX_CLASSES_DRAWN)
    left, right = st.columns([3, 2])
    with left:
        _counts(counts, drawn, title)
    with right:
        pie = donut(*_slices(counts))
        table = {
            "class": counts.labels,
            "samples": counts.total.tolist(),
            "share": counts.overall_target().tolist(),
        }
        charts.show(pie, "dataset-classes", table, alt=f"{title}: share of each class")
    shares = class_shares(counts, target)
    by_split = {split: [one for one in shares if one.split == split] for split in counts.splits}
    chart = share_chart(
        {split: [part[i] for i in drawn] for split, part in by_split.items()}, target[drawn]
    )
    if len(counts.splits) > 1:
        shares = class_shares(counts.all_splits(), target) + shares
    alt = f"{title}: share of each class in each split with 95 % intervals, and the target"
    charts.show(chart, "dataset-shares", share_table(shares), alt=alt, columns=SHARE_FORMATS)
    _notes(counts)


def most_frequent(counts: ClassCounts, limit: int) -> np.ndarray:
    """Return the places of the most frequent classes.

    Args:
        counts: of the K classes.
        limit: how many classes at most.

    Returns:
        int64 (min(K, limit),), rising.
    """
    return np.sort(np.argsort(-counts.total, kind="stable")[:limit])


def _slices(counts: ClassCounts) -> tuple[list[str], list[int]]:
    at = most_frequent(counts, MAX_SLICES)
    names = [counts.labels[i] for i in at]
    sizes = counts.total[at].tolist()
    rest = int(counts.total.sum()) - sum(sizes)
    return (names, sizes) if not rest else ([*names, "all others"], [*sizes, rest])


def _counts(counts: ClassCounts, drawn: np.ndarray, title: str) -> None:
    bars = [
        go.Bar(
            name=charts.as_html(split),
            x=[charts.as_html(counts.labels[i]) for i in drawn],
            y=row[drawn],
            marker_color=charts.colour(k),
            hovertemplate="%{x}: %{y:,}",
        )
        for k, (split, row) in enumerate(zip(counts.splits, counts.counts, strict=True))
    ]
    chart = charts.figure(*bars, y="samples", barmode="group", showlegend=True)
    chart.update_xaxes(type="category")
    table: dict[str, list[object]] = {"class": [*counts.labels, "no label"]}
    for split, row, unlabelled in zip(
        counts.splits, counts.counts.tolist(), counts.unlabelled.tolist(), strict=True
    ):
        table[split] = [*row, unlabelled]
    table["all splits"] = [*counts.total.tolist(), int(counts.unlabelled.sum())]
    charts.show(chart, "dataset-counts", table, alt=f"{title}: samples of each class by split")


def share_chart(groups: Mapping[str, Sequence[ClassShare]], target: np.ndarray) -> go.Figure:
    """Return bars of shares with intervals for each group, such as a split, and the target line.

    Args:
        groups: name -> shares of the same K classes.
        target: float (K,).
    """
    labels = [charts.as_html(one.label) for one in next(iter(groups.values()))]
    bars = [
        go.Bar(
            name=charts.as_html(name),
            x=labels,
            y=[one.share.value for one in shares],
            error_y=charts.error_bars([one.share for one in shares]),
            marker_color=charts.colour(k),
            customdata=[[one.count, one.share.n] for one in shares],
            hovertemplate="%{x}: %{y:.1%} (%{customdata[0]:,} of %{customdata[1]:,})",
        )
        for k, (name, shares) in enumerate(groups.items())
    ]
    chart = charts.figure(
        *bars, y="share of the labelled samples", percent="y", barmode="group", showlegend=True
    )
    look = {"dash": "dash", "width": 2, "color": text_colours.ink()}
    if np.ptp(target) == 0:
        name = f"target {target[0]:.1%}"
        chart.add_hline(y=float(target[0]), line=look, name=name, showlegend=True)
    else:
        for k, goal in enumerate(target.tolist()):  # a line over the bars of each class
            is_first = k == 0
            chart.add_shape(
                type="line",
                x0=k - 0.45,
                x1=k + 0.45,
                y0=goal,
                y1=goal,
                line=look,
                name="target",
                legendgroup="target",
                showlegend=is_first,
            )
    chart.update_xaxes(type="category")
    chart.update_yaxes(rangemode="tozero")
    return chart


SHARE_FORMATS = {
    "share": st.column_config.NumberColumn(format="percent"),
    "target": st.column_config.NumberColumn(format="percent"),
    "difference, points": st.column_config.NumberColumn(format="%+.1f"),
}


def share_table(shares: Sequence[ClassShare]) -> list[data_frames.Row]:
    """Return shares as rows."""
    return [
        {
            "split": one.split,
            "class": one.label,
            "samples": one.count,
            "n": one.share.n,
            "share": one.share.value,
            "95 % interval, %": interval(one.share, percent=True),
            "target": one.target,
            "difference, points": 100 * one.difference,
            f"within {100 * TOLERANCE:g} points": mark(one.is_on_target),
            "interval holds the target": mark(one.holds_target),
        }
        for one in shares
    ]


def _notes(counts: ClassCounts) -> None:
    """Say how uneven the classes are, and whether the splits agree."""
    ratio = imbalance(counts.total.tolist())
    uneven = "" if ratio is None else f"The largest class has {ratio:.1f} times the smallest. "
    few = (
        f"Drawn are the {MAX_CLASSES_DRAWN} most frequent of {len(counts.labels):,} classes. "
        if len(counts.labels) > MAX_CLASSES_DRAWN
        else ""
    )
    n, unlabelled = int(counts.total.sum()), int(counts.unlabelled.sum())
    st.caption(
        f"n = {n:,} labelled samples"
        + (f", {unlabelled:,} without a label" if unlabelled else "")
        + f". {few}{uneven}Shares with 95 % intervals (Wilson), which take a split for a random "
        "sample of its source."
    )
    differences = split_differences(counts)
    if not differences:
        return
    st.markdown("**Do the splits have the same shares?**")
    table: list[data_frames.Row] = [
        {
            "splits": f"{one.first} and {one.second}",
            "stability index (PSI)": round(one.psi, 4),
            "p": p_value(one.p),
            "same shares": mark(one.psi <= 0.1),
        }
        for one in differences
    ]
    data_frames.show(table, "dataset-stratification.table")
    charts.downloads("dataset-stratification", table)
    st.caption(
        "PSI up to 0.1 is no notable shift. p: chi-square test of homogeneity, corrected by Holm; "
        "with many samples every trifle is significant."
    )
