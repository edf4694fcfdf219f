"""Confusion matrix: a selected cell shows its samples, uncertain predictions have a column."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from apps.studio import context, widgets
from apps.studio.components import confusion_matrix, gallery
from apps.studio.components.confusion_matrix import CELLS_SHOW, Matrix
from apps.studio.context import View
from evaluation.analysis import store_confidence
from evaluation.analysis.store_ages import overall_accuracy
from evaluation.report.formatting import number
from evaluation.store import Where

TITLE = "Confusion"
ICON = ":material/grid_on:"
ORDER = 10

MIN_CLASSES_TO_FOLD = 4
"""Classes from which on the rare ones can be shown as one."""

applies = context.has_classes


def render(view: View) -> None:
    """Draw the page."""
    if context.empty(view, of_classes=True):
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    model = (
        widgets.choose("cm.model", "Model", view.models, where=row)
        if len(view.models) > 1
        else view.models[0]
    )
    unit = widgets.choose(
        "cm.by", "Cells show", list(CELLS_SHOW), format_func=CELLS_SHOW.__getitem__, where=row
    )
    labels = view.store.labels(view.task)
    top = _choose_top(len(labels), row)
    where = view.where_of(model)
    threshold = _choose_threshold(view, model, row)
    counts = view.store.confusion(view.task, where, threshold)
    if not counts.sum():
        context.say_no_predictions()
        return
    matrix = confusion_matrix.fold(counts, labels, top)
    left, right = st.columns((3, 2), gap="medium")
    with left:
        confusion_matrix.show(matrix, unit, f"{view.title}: {model}")
        _accuracy(view, confusion_matrix.above_threshold(where, threshold), counts, model)
    with right:
        _samples(view, where, matrix, threshold)


def _choose_top(classes: int, row: st.delta_generator.DeltaGenerator) -> int:
    if classes < MIN_CLASSES_TO_FOLD:
        return classes
    return int(
        widgets.number(
            "cm.top",
            "Classes shown",
            2,
            classes,
            classes,
            1,
            where=row,
            help="the most frequent ones; all others as one",
        )
    )


def _choose_threshold(
    view: View, model: str, row: st.delta_generator.DeltaGenerator
) -> float | None:
    """Return the confidence below which a prediction is uncertain; None for no threshold."""
    where, store = view.where_of(model), view.store
    has_predictions = store.confusion(view.task, where).sum() > 0
    if not has_predictions or store.count(where.but(confidence=(0.0, 2.0))) != store.count(where):
        return None
    card_threshold = store_confidence.own_limit(store, view.task, [model])
    on_card = "" if card_threshold is None else f"; the model's own threshold: {card_threshold:.2f}"
    threshold = widgets.number(
        "cm.unsure",
        "Uncertain below",
        0.0,
        1.0,
        0.0,
        0.01,
        where=row,
        help=f"predictions with less confidence count as uncertain{on_card}",
    )
    return threshold or None


def _samples(view: View, where: Where, matrix: Matrix, threshold: float | None) -> None:
    cell = confusion_matrix.selected_cell(matrix)
    if cell is None:
        st.subheader("Samples")
        st.info(
            "Select a cell of the matrix or of its table: its samples appear here.",
            icon=":material/touch_app:",
        )
        return
    label, prediction = cell
    is_uncertain = prediction not in matrix.members
    title = f"{label}, uncertain" if is_uncertain else f"{label} predicted as {prediction}"
    st.subheader(context.as_markdown(title))
    st.button("Clear", on_click=confusion_matrix.select, args=(None,), icon=":material/close:")
    rows = confusion_matrix.cell_where(where.but(task=view.task), matrix, cell, threshold)
    gallery.show(view, rows, "cm.gallery")


def _accuracy(view: View, where: Where, counts: NDArray[np.int64], model: str) -> None:
    n, certain = int(counts.sum()), int(counts[:, : len(counts)].sum())
    accuracy = context.cached(
        view.store,
        "accuracy",
        (view.task, where),
        lambda: overall_accuracy(view.store, view.task, where),
    )
    text = f"{context.as_markdown(model)}: {n:,} samples, accuracy {number(accuracy, percent=True)}"
    if certain < n:
        text += f" of the {certain:,} predicted ({certain / n:.1%}); {n - certain:,} uncertain"
    st.caption(text)
