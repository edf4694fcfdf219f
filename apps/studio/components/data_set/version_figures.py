"""Versions of a data set side by side: before and after a repair or a new division."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, data_frames
from apps.studio.components.data_set.class_figures import SHARE_FORMATS, share_chart, share_table
from evaluation.composition.changes import compare
from evaluation.composition.classes import ClassShare
from evaluation.composition.copies import Copies
from evaluation.composition.listing import Listing, column_title
from evaluation.composition.splits import SplitShare

PERCENT = st.column_config.NumberColumn(format="percent")


def show_sizes(versions: Mapping[str, Sequence[SplitShare]]) -> None:
    """Draw the samples of each version by split, and the shares of the splits.

    Args:
        versions: name -> its splits, in their order.
    """
    table: list[data_frames.Row] = [
        {
            "version": name,
            "split": one.split,
            "samples": one.n,
            "share": one.share,
            "expected": one.expected,
            "difference, points": 100 * one.difference,
        }
        for name, part in versions.items()
        for one in part
    ]
    formats = {"share": PERCENT, "expected": PERCENT}
    formats |= {"difference, points": st.column_config.NumberColumn(format="%+.1f")}
    left, right = st.columns(2)
    with left:
        chart = charts.figure(*_size_bars(versions), y="samples", barmode="stack", showlegend=True)
        alt = "Samples of each version by split"
        charts.show(chart, "dataset-version-sizes", table, alt=alt, columns=formats)
    with right:
        chart = charts.figure(
            *_share_bars(versions), y="share of all samples", percent="y", barmode="group"
        )
        alt = "Share of each split in each version beside the expected one"
        charts.show(chart, "dataset-version-splits", table, alt=alt, columns=formats)


def _by_split(versions: Mapping[str, Sequence[SplitShare]]) -> dict[str, dict[str, SplitShare]]:
    """Return name of the version -> split -> its share."""
    return {name: {one.split: one for one in part} for name, part in versions.items()}


def _size_bars(versions: Mapping[str, Sequence[SplitShare]]) -> list[go.Bar]:
    """Return a bar for each split, at each version."""
    splits = dict.fromkeys(one.split for part in versions.values() for one in part)
    return [
        go.Bar(
            name=charts.as_html(split),
            x=[charts.as_html(name) for name in versions],
            y=[part[split].n if split in part else 0 for part in _by_split(versions).values()],
            marker_color=charts.colour(k),
            hovertemplate="%{x}: %{y:,}",
        )
        for k, split in enumerate(splits)
    ]


def _share_bars(versions: Mapping[str, Sequence[SplitShare]]) -> list[go.Bar]:
    """Return a bar for the expected share and for each version, at each split."""
    expected = {one.split: one.expected for part in versions.values() for one in part}
    x = [charts.as_html(split) for split in expected]
    bars = [go.Bar(name="expected", x=x, y=list(expected.values()), marker_color=charts.GREY)]
    bars += [
        go.Bar(
            name=charts.as_html(name),
            x=x,
            y=[part[split].share if split in part else 0 for split in expected],
            marker_color=charts.colour(k),
            hovertemplate="%{x}: %{y:.1%}",
        )
        for k, (name, part) in enumerate(_by_split(versions).items())
    ]
    return bars


def show_classes(versions: Mapping[str, Sequence[ClassShare]], title: str) -> None:
    """Draw the share of each class in each version against the target.

    Args:
        versions: name -> shares of the same classes, over all its splits.
        title: of the task or group.
    """
    target = np.array([one.target for one in next(iter(versions.values()))])
    chart = share_chart(versions, target)
    rows = [
        {"version": name, **{k: v for k, v in row.items() if k != "split"}}
        for name, shares in versions.items()
        for row in share_table(shares)
    ]
    alt = f"{title}: share of each class in each version with 95 % intervals, and the target"
    charts.show(chart, "dataset-version-classes", rows, alt=alt, columns=SHARE_FORMATS)
    sizes = ", ".join(
        f"{context.as_markdown(name)} n = {shares[0].share.n:,}"
        for name, shares in versions.items()
    )
    st.caption(
        f"Labelled samples of all splits: {sizes}; 95 % intervals (Wilson). A target as over all "
        "splits is that of the first version."
    )


def show_changes(versions: Mapping[str, Listing]) -> None:
    """Draw what each version changed of the one before."""
    st.markdown("**What changed**")
    rows: list[data_frames.Row] = []
    moves: list[data_frames.Row] = []
    for (old, before), (new, after) in pairwise(versions.items()):
        changes = compare(before, after)
        relabelled = {
            f"other {column_title(name)}": n for name, n in changes.relabelled.items() if n
        }
        rows.append(
            {
                "from": old,
                "to": new,
                "kept": changes.kept,
                "removed": changes.removed,
                "added": changes.added,
                "in another split": changes.moved,
                "relabelled": ", ".join(f"{k} {n:,}" for k, n in relabelled.items()) or "0",
                "how it was made": ", ".join(f"{k} {v}" for k, v in after.made_by.items()) or "–",
            }
        )
        moves += [
            {"from": old, "to": new, "split before": a, "split after": b, "samples": n}
            for (a, b), n in changes.moves.items()
        ]
    data_frames.show(rows, "dataset-changes.table")
    charts.downloads("dataset-changes", rows)
    if moves:
        with st.expander("From which split to which", icon=":material/table:"):
            data_frames.show(moves, "dataset-moves.table")
            charts.downloads("dataset-moves", moves)
    st.caption("Samples are matched by their ids.")


def show_copies(versions: Mapping[str, Sequence[Copies]]) -> None:
    """Draw the copies and leaks that are left in each version."""
    names = [charts.as_html(name) for name in versions]
    table: list[data_frames.Row] = [
        {
            "version": name,
            "check": one.title,
            "samples with an issue": one.issues,
            "clusters across splits": one.leaking_clusters,
        }
        for name, part in versions.items()
        for one in part
    ]
    left, right = st.columns(2)
    checks = [one.title for one in next(iter(versions.values()))]
    counted = {
        "samples with an issue": [[one.issues for one in part] for part in versions.values()],
        "clusters across splits": [
            [one.leaking_clusters for one in part] for part in versions.values()
        ],
    }
    for cell, (title, counts) in zip((left, right), counted.items(), strict=True):
        bars = [
            go.Bar(
                name=charts.as_html(check),
                x=names,
                y=[of_version[k] for of_version in counts],
                text=[f"{of_version[k]:,}" for of_version in counts],
                marker_color=charts.colour(k),
                hovertemplate="%{x}: %{y:,}",
            )
            for k, check in enumerate(checks)
        ]
        chart = charts.figure(*bars, y=title, barmode="group", showlegend=True, height=320)
        key = "dataset-version-" + title.split()[0]
        with cell:
            charts.show(chart, key, table, alt=f"{title[:1].upper()}{title[1:]} in each version")
