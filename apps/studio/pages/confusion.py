"""What is taken for what: a confusion matrix whose cells open their samples, with a column for
answers that are too uncertain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, url_state
from apps.studio.components import gallery
from apps.studio.context import View
from evaluation.analysis import store_confidence
from evaluation.analysis.store_ages import overall_accuracy
from evaluation.metrics import classification
from evaluation.report.text import number
from evaluation.store import Where

TITLE = "Confusion"
ICON = ":material/grid_on:"
ORDER = 10

OTHER, UNCERTAIN = "other", "uncertain"
BY = {
    "count": "counts",
    "true": "share of the true class",
    "pred": "share of the answer",
    "all": "share of all",
}
CELL = "cm.cell"
TRUE = "true ↓  answered →"


@dataclass(frozen=True)
class Matrix:
    """counts: int64 (r, c). rows, columns: their names. members: name -> labels it stands for:
    several for OTHER, none for UNCERTAIN.
    """

    counts: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    members: dict[str, tuple[str, ...]]


def fold(counts: np.ndarray, labels: tuple[str, ...], top: int) -> Matrix:
    """The `top` classes that occur most often (as truth or answer), in their order, and all others
    as one.

    counts: int64 (k, k) or (k, k + 1), whose last column is UNCERTAIN.
    """
    k = len(labels)
    seen = counts.sum(axis=1) + counts[:, :k].sum(axis=0)
    kept = sorted(np.argsort(-seen, kind="stable")[:top].tolist())
    rest = [i for i in range(k) if i not in kept]
    names = [labels[i] for i in kept] + ([OTHER] if rest else [])
    groups = [[i] for i in kept] + ([rest] if rest else [])
    columns = groups + ([[k]] if counts.shape[1] > k else [])
    folded = np.array(
        [[counts[np.ix_(r, c)].sum() for c in columns] for r in groups], np.int64
    ).reshape(len(groups), len(columns))
    members = {name: tuple(labels[i] for i in g) for name, g in zip(names, groups, strict=True)}
    return Matrix(
        folded, tuple(names), (*names, *([UNCERTAIN] if counts.shape[1] > k else [])), members
    )


def answered(where: Where, unsure: float | None) -> Where:
    """The rows whose answers are no longer uncertain."""
    low, high = where.confidence or (0.0, 2.0)
    return where if unsure is None else where.but(confidence=(max(low, unsure), high))


def cell_where(where: Where, matrix: Matrix, cell: tuple[str, str], unsure: float | None) -> Where:
    """The rows of one cell."""
    true, pred = cell
    low, high = where.confidence or (0.0, 2.0)
    if pred == UNCERTAIN:
        assert unsure is not None
        return where.but(
            true=matrix.members[true], confidence=(low, min(high, float(np.nextafter(unsure, 0))))
        )
    return answered(where, unsure).but(true=matrix.members[true], pred=matrix.members[pred])


def render(view: View) -> None:
    """Draw the page."""
    if context.empty(view, tasks=("emotion", "gender")):
        return
    task, store = view.task, view.store
    labels = store.labels(task)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    model = (
        url_state.choose("cm.model", "Model", view.models, where=row)
        if len(view.models) > 1
        else view.models[0]
    )
    by = url_state.choose("cm.by", "Cells show", list(BY), shown=BY.__getitem__, where=row)
    top = len(labels)
    if len(labels) > 3:
        top = int(
            url_state.number(
                "cm.top",
                "Classes shown",
                2,
                len(labels),
                len(labels),
                1,
                where=row,
                help="the most frequent ones; all others as one",
            )
        )
    where = view.where_of(model)
    counts = store.confusion(task, where)
    unsure: float | None = None
    if counts.sum() and store.count(where.but(confidence=(0.0, 2.0))) == store.count(where):
        own = store_confidence.own_limit(store, task, [model])
        told = "" if own is None else f"; the model's own limit: {own:.2f}"
        said = url_state.number(
            "cm.unsure",
            "Uncertain below",
            0.0,
            1.0,
            0.0,
            0.01,
            where=row,
            help=f"answers with less confidence count as uncertain{told}",
        )
        unsure = said or None
        counts = store.confusion(task, where, unsure)
    if not counts.sum():
        st.info(
            "No row with a truth and an answer is left: loosen a filter.",
            icon=":material/filter_alt:",
        )
        return
    matrix = fold(counts, labels, top)
    said_cell = url_state.get(CELL)
    cell = (
        (said_cell[0], said_cell[1])
        if len(said_cell) == 2 and said_cell[0] in matrix.rows and said_cell[1] in matrix.columns
        else None
    )
    left, right = st.columns((3, 2), gap="medium")
    with left:
        _draw(matrix, by, cell, f"{view.title}: {model}")
        _figures(view, answered(where, unsure), counts, model)
    with right:
        if cell is None:
            st.subheader("Samples")
            st.info(
                "Choose a cell of the matrix or of its table: its samples appear here.",
                icon=":material/touch_app:",
            )
        else:
            st.subheader(
                f"{cell[0]} answered {cell[1]}"
                if cell[1] != UNCERTAIN
                else f"{cell[0]}, too uncertain to answer"
            )
            st.button("Clear", on_click=_put, args=(None,), icon=":material/close:")
            gallery.show(view, cell_where(where.but(task=task), matrix, cell, unsure), "cm.gallery")


def _draw(matrix: Matrix, by: str, cell: tuple[str, str] | None, title: str) -> None:
    counts, rows, columns = matrix.counts, matrix.rows, matrix.columns
    shares = {name: classification.normalised(counts, name) for name in ("true", "pred", "all")}
    z = counts if by == "count" else shares[by]
    heat = (
        np.sqrt(z / max(z.max(), 1)) if by == "count" else z
    )  # else the diagonal alone has colour
    size = max(30 * len(rows) + 150, 400)
    points = [(name, column) for name in rows for column in columns]
    form = "{:,}" if by == "count" else "{:.1%}"
    words = [
        [form.format(v) if n else "" for v, n in zip(*row, strict=True)]
        for row in zip(z, counts, strict=True)
    ]
    made = charts.figure(
        go.Heatmap(
            z=heat,
            x=columns,
            y=rows,
            colorscale=charts.SCALE,
            hoverinfo="skip",
            xgap=1,
            ygap=1,
            showscale=False,
            zmin=0,
            zmax=1,
        ),
        *(
            charts.cell_texts(columns, rows, words, (heat > 0.65).tolist())
            if len(rows) <= 20
            else []
        ),
        # A click on a heatmap returns nothing: the nearest of these invisible points, one per cell,
        # takes it.
        go.Scatter(
            x=[c for _, c in points],
            y=[r for r, _ in points],
            mode="markers",
            showlegend=False,
            marker={"symbol": "square", "size": 18, "opacity": 0},
            **{which: {"marker": {"opacity": 0}} for which in ("selected", "unselected")},
            customdata=np.stack([counts, *shares.values()], axis=-1).reshape(-1, 4),
            hovertemplate="true %{y}, answered %{x}: %{customdata[0]:,}<br>%{customdata[1]:.1%} of the true class, "
            "%{customdata[2]:.1%} of the answer, %{customdata[3]:.1%} of all<extra></extra>",
        ),
        height=size,
        x="answered",
        y="true",
        clickmode="event+select",
        hovermode="closest",
        hoverdistance=60,
        dragmode=False,
    )
    made.update_layout(margin_t=70)
    made.update_yaxes(autorange="reversed", showgrid=False)
    made.update_xaxes(showgrid=False, side="top")
    if cell is not None:
        i, j = rows.index(cell[0]), columns.index(cell[1])
        made.add_shape(
            type="rect",
            x0=j - 0.5,
            x1=j + 0.5,
            y0=i - 0.5,
            y1=i + 0.5,
            line={"color": charts.BAD, "width": 3},
        )
    st.plotly_chart(
        made,
        key="cm.chart",
        config={
            "displaylogo": False,
            "toImageButtonOptions": {"format": "png", "filename": "confusion", "scale": 2},
            "responsive": True,
        },
        on_select=_clicked,
        selection_mode="points",
        alt=f"Confusion matrix of {title}; its table follows",
    )
    table: dict[str, Any] = {TRUE: list(rows)}
    for j, name in enumerate(columns):
        table[name] = (
            [int(v) for v in counts[:, j]] if by == "count" else [float(v) for v in z[:, j]]
        )
    config = (
        {}
        if by == "count"
        else {name: st.column_config.NumberColumn(format="percent") for name in columns}
    )
    with st.expander(
        "The same as a table: choose a cell by mouse or keyboard", icon=":material/table:"
    ):
        st.dataframe(
            table,
            hide_index=True,
            key="cm.table",
            on_select=lambda: _picked(rows),
            selection_mode="single-cell",
            column_config=config,
        )
        charts.downloads("confusion", table, made)


def _put(cell: tuple[str, str] | None) -> None:
    url_state.put(CELL, cell or ())
    url_state.put("cm.gallery.page", ())


def _clicked() -> None:
    points = st.session_state["cm.chart"].selection.points
    _put((str(points[0]["y"]), str(points[0]["x"])) if points else None)


def _picked(rows: tuple[str, ...]) -> None:
    cells = st.session_state["cm.table"].selection.cells
    if cells and cells[0][1] != TRUE and cells[0][0] < len(rows):
        _put((rows[cells[0][0]], str(cells[0][1])))


def _figures(view: View, sure_ones: Where, counts: np.ndarray, model: str) -> None:
    n, sure = int(counts.sum()), int(counts[:, : len(counts)].sum())
    key = (view.task, sure_ones)
    accuracy = context.cached(
        view.store, "right", key, lambda: overall_accuracy(view.store, view.task, sure_ones)
    )
    text = f"{context.plain(model)}: {n:,} samples, accuracy {number(accuracy, percent=True)}"
    st.caption(
        text
        + (
            f" of the {sure:,} answered ({sure / n:.1%}); {n - sure:,} too uncertain"
            if sure < n
            else ""
        )
    )
