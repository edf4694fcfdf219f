"""Copies and leaks between splits that an audit found, in one version of the data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from apps.studio import charts, context, data_frames, widgets
from apps.studio.components.data_set import thumbnails
from apps.studio.components.data_set.thumbnails import PictureRow
from apps.studio.serving.images import Faces
from evaluation.composition.copies import SEARCHES, Copies, clusters_in
from evaluation.composition.listing import Listing
from evaluation.quality.repair.review import FindingsFile

MAX_CLUSTERS = 8
MAX_PICTURES = 10
"""Clusters, and pictures of each, that are shown."""


def show(
    faces: Faces | None, listing: Listing, findings: FindingsFile, checks: Sequence[Copies]
) -> None:
    """Draw what each check found, and the leaks and clusters of a selected one."""
    n = len(listing)
    table: list[data_frames.Row] = [
        {
            "check": one.title,
            "samples with an issue": one.issues,
            "share of all": one.issues / n,
            "clusters": one.clusters,
            "clusters across splits": one.leaking_clusters,
        }
        for one in checks
    ]
    formats = {"share of all": st.column_config.NumberColumn(format="percent")}
    data_frames.show(table, "dataset-copies.table", formats)
    charts.downloads("dataset-copies", table)
    st.caption(
        f"n = {n:,} samples of {context.as_markdown(listing.name)}, counted. Of each cluster "
        f"of copies, all but one sample counts as an issue. An audit of "
        f"{findings.header.samples:,} samples found the clusters. Only samples that this version "
        "holds are counted, in its own splits."
    )
    clustered = [one for one in checks if one.clusters]
    if not clustered and not set(findings.header.checks) & set(SEARCHES):
        st.info(
            f"The audit did not search for copies: `--checks +{','.join(SEARCHES[1:3])}` does.",
            icon=":material/info:",
        )
        return
    if not clustered:
        st.success("No copies are left in this version.", icon=":material/check:")
        return
    by_check = {one.check: one for one in clustered}
    check = widgets.choose(
        "ds.check",
        "Check",
        list(by_check),
        format_func=lambda name: by_check[name].title,
        style="segmented_control" if len(by_check) <= 4 else "selectbox",
    )
    left, right = st.columns([2, 3])
    with left:
        _leaks(by_check[check], listing)
    with right:
        _clusters(faces, listing, findings, by_check[check])


def _leaks(copies: Copies, listing: Listing) -> None:
    st.markdown("**Leaks between splits**")
    labels = listing.splits.labels
    sizes = [int((listing.splits.codes == code).sum()) for code in range(len(labels))]
    if len(labels) < 2:
        st.info("There is one split, so nothing can leak.", icon=":material/info:")
        return
    shares = copies.leaks / [[max(size, 1)] for size in sizes]
    table: list[data_frames.Row] = [
        {
            "samples of": a,
            "have a copy in": b,
            "samples": int(copies.leaks[i, j]),
            "share of the split": float(shares[i, j]),
        }
        for i, a in enumerate(labels)
        for j, b in enumerate(labels)
        if i != j
    ]
    alt = "Samples of each split that have a copy in another one"
    charts.show(_leak_matrix(copies.leaks, shares, labels), "dataset-leaks", table, alt=alt)


def _leak_matrix(
    leaks: NDArray[np.int64], shares: NDArray[np.float64], labels: Sequence[str]
) -> go.Figure:
    """Return the heatmap of leaks; its diagonal is empty.

    Args:
        leaks: (splits, splits), samples of the row's split that have a copy in the column's.
        shares: (splits, splits), the same as shares of the row's split.
        labels: names of the splits.
    """
    splits = [charts.as_html(split) for split in labels]
    texts = [
        ["" if i == j else f"{leaks[i, j]:,}<br>{shares[i, j]:.1%}" for j in range(len(splits))]
        for i in range(len(splits))
    ]
    highest = max(float(shares.max()), 1e-9)
    chart = charts.figure(
        go.Heatmap(
            x=splits,
            y=splits,
            z=[[None if i == j else v for j, v in enumerate(row)] for i, row in enumerate(shares)],
            zmin=0,
            zmax=highest,
            colorscale=[list(stop) for stop in charts.BAD_SCALE],
            showscale=False,
            xgap=2,
            ygap=2,
            hoverinfo="skip",
        ),
        *charts.cell_texts(
            splits, splits, texts, [[v > 0.7 * highest for v in row] for row in shares]
        ),
        height=320,
        x="has a copy in",
        y="samples of",
    )
    chart.update_yaxes(autorange="reversed", showgrid=False)
    chart.update_xaxes(showgrid=False)
    return chart


def _clusters(
    faces: Faces | None, listing: Listing, findings: FindingsFile, copies: Copies
) -> None:
    st.markdown("**Clusters, those across splits first**")
    clusters = clusters_in(listing, findings, copies.check, MAX_CLUSTERS)

    def splits_of(places: Sequence[int]) -> str:
        codes = {int(listing.splits.codes[place]) for place in places}
        return ", ".join(listing.splits.labels[code] for code in sorted(codes))

    if faces is None:
        st.caption("No pictures: start with `--images DIR`.")
    else:
        rows = [
            PictureRow(f"{len(places)} samples in {splits_of(places)}", places[:MAX_PICTURES])
            for places in (cluster.tolist() for cluster in clusters)
        ]
        if n_missing := thumbnails.show(faces, listing, rows):
            st.caption(f"{n_missing:,} of these have no picture below `--images`.")
    table: list[data_frames.Row] = [
        {"cluster": i, "id": listing.ids[place], "split": splits_of([place])}
        for i, cluster in enumerate(clusters, 1)
        for place in cluster.tolist()
    ]
    with st.expander("Table and downloads", expanded=faces is None, icon=":material/table:"):
        data_frames.show(table, "dataset-clusters.table")
        charts.downloads("dataset-clusters", table)
