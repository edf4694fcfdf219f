"""A confusion matrix whose cells can be selected, on the chart or in its table."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from apps.studio import charts, data_frames, url_state
from evaluation.metrics import classification
from evaluation.store import Where

OTHER, UNCERTAIN = "other", "uncertain"
"""The names of all classes that are not shown, and of predictions below the threshold.

In parentheses where a class is called so.
"""
CELLS_SHOW = {
    "count": "counts",
    "true": "share of the label",
    "pred": "share of the prediction",
    "all": "share of all",
}
CELL_PARAMETER = "cm.cell"
"""URL parameter of the selected cell: its label, its prediction."""
TABLE_CORNER = "label ↓  predicted →"
MAX_CLASSES_WITH_TEXT = 20
"""Classes up to which the cells have texts."""
Cell: TypeAlias = tuple[str, str]
"""A label and a prediction."""


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A confusion matrix.

    Attributes:
        counts: int64 (rows, columns).
        rows: the labels.
        columns: the predictions.
        members: name -> labels it stands for, several for OTHER; the column UNCERTAIN has no entry.
    """

    counts: NDArray[np.int64]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    members: dict[str, tuple[str, ...]]


def fold(counts: NDArray[np.int64], labels: tuple[str, ...], top: int) -> Matrix:
    """Return the matrix of the most frequent classes, all others as one.

    Args:
        counts: int64 (k, k), or (k, k + 1), whose last column is UNCERTAIN.
        labels: the k classes.
        top: how many classes to keep, by how often they are label or prediction; their order stays.
    """
    k = len(labels)
    frequency = counts.sum(axis=1) + counts[:, :k].sum(axis=0)
    kept = sorted(np.argsort(-frequency, kind="stable")[:top].tolist())
    rest = [i for i in range(k) if i not in kept]
    names = [labels[i] for i in kept] + ([_free_name(OTHER, labels)] if rest else [])
    row_groups = [[i] for i in kept] + ([rest] if rest else [])
    column_groups = row_groups + ([[k]] if counts.shape[1] > k else [])
    folded = np.array(
        [[counts[np.ix_(r, c)].sum() for c in column_groups] for r in row_groups], np.int64
    ).reshape(len(row_groups), len(column_groups))
    members = {
        name: tuple(labels[i] for i in group) for name, group in zip(names, row_groups, strict=True)
    }
    columns = (*names, *([_free_name(UNCERTAIN, labels)] if counts.shape[1] > k else []))
    return Matrix(folded, tuple(names), columns, members)


def _free_name(name: str, labels: Sequence[str]) -> str:
    """Return a name, in as many parentheses as it takes to differ from all labels.

    >>> _free_name("other", ["happy"]), _free_name("other", ["other", "(other)"])
    ('other', '((other))')
    """
    while name in labels:
        name = f"({name})"
    return name


def above_threshold(where: Where, threshold: float | None) -> Where:
    """Return the rows whose predictions are not uncertain."""
    if threshold is None:
        return where
    low, high = where.confidence or (0.0, 2.0)
    return where.but(confidence=(max(low, threshold), high))


def cell_where(where: Where, matrix: Matrix, cell: Cell, threshold: float | None) -> Where:
    """Return the rows of one cell."""
    true, pred = cell
    if pred in matrix.members:
        return above_threshold(where, threshold).but(
            true=matrix.members[true], pred=matrix.members[pred]
        )
    assert threshold is not None
    low, high = where.confidence or (0.0, 2.0)
    below = min(high, float(np.nextafter(threshold, 0)))
    return where.but(true=matrix.members[true], confidence=(low, below))


def selected_cell(matrix: Matrix) -> Cell | None:
    """Return the cell that the URL names; None where this matrix does not have it."""
    cell = url_state.get(CELL_PARAMETER)
    if len(cell) != 2 or cell[0] not in matrix.rows or cell[1] not in matrix.columns:
        return None
    return cell[0], cell[1]


def select(cell: Cell | None) -> None:
    """Put a cell into the URL; None removes it."""
    url_state.update({CELL_PARAMETER: cell or (), "cm.gallery.page": ()})


def show(matrix: Matrix, unit: str, title: str) -> None:
    """Draw the matrix and its table.

    Args:
        matrix: the counts.
        unit: what the cells show, one of CELLS_SHOW.
        title: what the matrix is of, for screen readers.
    """
    shares = {
        name: classification.normalised(matrix.counts, name) for name in ("true", "pred", "all")
    }
    values = matrix.counts if unit == "count" else shares[unit]
    chart = _chart(matrix, values, shares, is_count=unit == "count")
    cell = selected_cell(matrix)
    if cell is not None:
        i, j = matrix.rows.index(cell[0]), matrix.columns.index(cell[1])
        chart.add_shape(
            type="rect",
            x0=j - 0.5,
            x1=j + 0.5,
            y0=i - 0.5,
            y1=i + 0.5,
            line={"color": charts.BAD, "width": 3},
        )
    st.plotly_chart(
        charts.with_clear_text(chart),
        key="cm.chart",
        config={
            "displaylogo": False,
            "toImageButtonOptions": {"format": "png", "filename": "confusion", "scale": 2},
            "responsive": True,
        },
        on_select=_on_click,
        selection_mode="points",
        alt=f"Confusion matrix of {title}; its table follows",
    )
    _table(matrix, values, chart, is_count=unit == "count")


def _chart(
    matrix: Matrix, values: NDArray[Any], shares: dict[str, NDArray[Any]], *, is_count: bool
) -> go.Figure:
    rows, columns = ([charts.as_html(n) for n in names] for names in (matrix.rows, matrix.columns))
    # The root of counts: else the diagonal alone would have colour.
    heat = np.sqrt(values / max(values.max(), 1)) if is_count else values
    texts = [
        [_text(value, is_count) if n else "" for value, n in zip(*row, strict=True)]
        for row in zip(values, matrix.counts, strict=True)
    ]
    has_text = len(rows) <= MAX_CLASSES_WITH_TEXT
    chart = charts.figure(
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
        *(charts.cell_texts(columns, rows, texts, (heat > 0.65).tolist()) if has_text else []),
        _click_targets(rows, columns, np.stack([matrix.counts, *shares.values()], axis=-1)),
        height=max(30 * len(rows) + 150, 400),
        x="predicted",
        y="label",
        clickmode="event+select",
        hovermode="closest",
        hoverdistance=60,
        dragmode=False,
    )
    chart.update_layout(margin_t=70)
    # Else some names are taken for dates, and such an axis has no place for the others.
    chart.update_yaxes(type="category", autorange="reversed", showgrid=False)
    chart.update_xaxes(type="category", showgrid=False, side="top")
    return chart


def _click_targets(
    rows: Sequence[str], columns: Sequence[str], figures: NDArray[Any]
) -> go.Scatter:
    """Return an invisible point in each cell, with the text under the pointer.

    A click on a heatmap returns nothing: the nearest of these points takes it.

    Args:
        rows: the labels, as HTML.
        columns: the predictions, as HTML.
        figures: (rows, columns, 4): the count and its shares of label, prediction and all.
    """
    cells = [(label, prediction) for label in rows for prediction in columns]
    return go.Scatter(
        x=[prediction for _, prediction in cells],
        y=[label for label, _ in cells],
        mode="markers",
        showlegend=False,
        marker={"symbol": "square", "size": 18, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=figures.reshape(-1, 4),
        hovertemplate=(
            "label %{y}, predicted %{x}: %{customdata[0]:,}<br>%{customdata[1]:.1%} of the label, "
            "%{customdata[2]:.1%} of the prediction, %{customdata[3]:.1%} of all<extra></extra>"
        ),
    )


def _text(value: float, is_count: bool) -> str:
    return f"{value:,}" if is_count else f"{value:.1%}"


def _table(matrix: Matrix, values: NDArray[Any], chart: go.Figure, *, is_count: bool) -> None:
    table: dict[str, list[Any]] = {TABLE_CORNER: list(matrix.rows)}
    table |= {name: values[:, j].tolist() for j, name in enumerate(matrix.columns)}
    percent = st.column_config.NumberColumn(format="percent")
    with st.expander(
        "The same as a table: select a cell by mouse or keyboard", icon=":material/table:"
    ):
        data_frames.show(
            table,
            "cm.table",
            {} if is_count else dict.fromkeys(matrix.columns, percent),
            on_select=lambda: _on_cell(matrix.rows),
            selection_mode="single-cell",
        )
        charts.downloads("confusion", table, chart)


def _on_click() -> None:
    points = st.session_state["cm.chart"].selection.points
    names = [html.unescape(str(points[0][axis])) for axis in "yx"] if points else None
    select((names[0], names[1]) if names else None)


def _on_cell(rows: Sequence[str]) -> None:
    cells = st.session_state["cm.table"].selection.cells
    if cells and cells[0][1] != TABLE_CORNER and cells[0][0] < len(rows):
        select((rows[cells[0][0]], str(cells[0][1])))
