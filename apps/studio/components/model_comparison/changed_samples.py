"""The samples on which two models differ: regressions, fixes, and those that both have wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import streamlit as st

from apps.studio import charts, context, data_frames, widgets
from apps.studio.components import gallery
from apps.studio.context import View
from evaluation.analysis import store_pairs

CLASS_KINDS = {
    "a": "regressions: A right, B wrong",
    "b": "fixes: A wrong, B right",
    "neither": "both wrong, and differently",
}
NUMBER_KINDS = {"a": "worse in B", "b": "better in B"}
"""Kinds of `store_pairs.disagreements`, and what they are called."""
MAX_LISTED = 500
"""Samples listed of each kind."""


def show(view: View, a: str, b: str) -> None:
    """Draw the samples of one kind: pictures where there are some, and both predictions."""
    kinds = NUMBER_KINDS if view.is_regression else CLASS_KINDS
    kind = widgets.choose(
        "vs.kind", "Samples", list(kinds), format_func=kinds.__getitem__, style="segmented_control"
    )
    n, rows = context.cached(
        view.store,
        "disagreements",
        (view.task, a, b, view.where.but(models=()), kind),
        lambda: store_pairs.disagreements(
            view.store, view.task, a, b, view.where, kind, MAX_LISTED
        ),
    )
    order = "the largest differences" if view.is_regression else "the most confident"
    st.caption(
        f"n = {n:,} samples, {kinds[kind]}"
        + (f"; {order[4:]} {MAX_LISTED} are shown" if n > MAX_LISTED else "")
        + f". A: {context.as_markdown(a)}, B: {context.as_markdown(b)}."
    )
    if not n:
        return
    _table(view, rows)
    texts = {(row["sample_id"], row["dataset"]): _caption(row) for row in rows.to_pylist()}
    if view.faces is not None:
        st.caption("Below each picture: A's prediction → B's prediction (label).")
    gallery.show(
        view,
        view.where_of(b).but(task=view.task, ids=tuple(dict.fromkeys(id_ for id_, _ in texts))),
        "vs.gallery",
        caption_of=lambda row: texts.get((row["sample_id"], row["dataset"] or ""), ""),
    )


def _table(view: View, rows: pa.Table) -> None:
    with st.expander(
        "Both predictions as a table", expanded=view.faces is None, icon=":material/table:"
    ):
        data_frames.show(rows, "compare-disagreements.table")
        charts.downloads("compare-disagreements", rows)


def _caption(row: Mapping[str, Any]) -> str:
    """Return both predictions and the label, such as `fear → sadness (fear)`.

    >>> _caption({"true": 30.0, "a": 31.4, "b": 44.6})
    '31 → 45 (30)'
    """
    true, a, b = (
        f"{row[name]:.0f}" if isinstance(row[name], float) else str(row[name])
        for name in ("true", "a", "b")
    )
    return f"{a} → {b} ({true})"
