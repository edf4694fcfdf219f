"""What a data set is made of: splits, classes, numbers, pictures, copies, and its versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from apps.studio import context, data_sets, settings, url_state, widgets
from apps.studio.components.data_set import (
    class_figures,
    class_pictures,
    copy_figures,
    number_figures,
    split_figures,
    version_figures,
)
from apps.studio.context import View
from core.errors import UserError
from evaluation.composition import of_store
from evaluation.composition.classes import ClassCounts, class_counts, class_shares, of_versions
from evaluation.composition.copies import Copies, checks_of_samples, copies_in, holds_any
from evaluation.composition.listing import NO_SPLIT, ClassColumn, Listing, column_title
from evaluation.composition.numbers import (
    AGE_BIN_YEARS,
    NumberDistribution,
    bin_edges,
    binned,
    distributions,
)
from evaluation.composition.splits import expected_shares, split_shares
from evaluation.quality.repair.review import FindingsFile

TITLE = "Data set"
ICON = ":material/database:"
ORDER = 83
NEEDS_PREDICTIONS = False

COMMAND = "python -m apps.studio --dataset BEFORE.parquet --dataset AFTER.parquet"
AUDIT_COMMAND = "python -m evaluation audit --dataset D --data DIR --findings F.parquet"
USUAL_SHARES = "80/10/10"
SPLITS, DISTRIBUTION, PICTURES = "Splits", "Distribution", "Pictures"
COPIES, VERSIONS = "Copies and leaks", "Before and after"
"""Tabs."""
EQUAL, OVERALL = "equal", "overall"
TARGETS = {EQUAL: "equal shares", OVERALL: "as over all splits"}
PICTURE_BIN_YEARS = 10
Result = TypeVar("Result")
PREDICTIONS = "predictions"
"""The source in the URL that is not a version but the labels of the open predictions."""


def render(view: View) -> None:
    """Draw the page."""
    versions = data_sets.opened(view.settings)
    st.caption("What is in the data, is it divided as it should be, and what did a repair change?")
    if view.settings.datasets == settings.SAMPLE_DATASETS:
        st.info(
            "This is a sample: four classes of FER+ as published, and divided anew. Yours: "
            f"`{COMMAND}`.",
            icon=":material/info:",
        )
    sources = {str(i): name for i, name in enumerate(data_sets.names(versions), 1)}
    if view.opened_store is not None:
        sources[PREDICTIONS] = "labels of the open predictions"
    if not sources:
        st.info(f"No data set is open: `{COMMAND}`.", icon=":material/info:")
        return
    left, right = st.columns(2)
    source = widgets.choose(
        "ds.set", "Data set", list(sources), format_func=sources.__getitem__, where=left
    )
    if source == PREDICTIONS:
        _of_predictions(view, right)
    else:
        _of_versions(view, versions, int(source) - 1, right)


def _choose_column(columns: Sequence[str], where: Any) -> str:
    """Draw the choice of what is counted; "" where the data have no labels."""
    if not columns:
        return ""
    return widgets.choose(
        "ds.column", "Label or group", columns, format_func=column_title, where=where
    )


def _expected() -> dict[str, float]:
    """Draw the field of the expected shares and return them by split."""
    field = st.columns(3)[0]
    text = widgets.text("ds.expected", "Expected splits", where=field, placeholder=USUAL_SHARES)
    try:
        return expected_shares(text or USUAL_SHARES)
    except UserError as error:
        st.error(context.as_markdown(str(error)), icon=":material/error:")
        return expected_shares(USUAL_SHARES)


def _draw_splits(sizes: Mapping[str, int]) -> None:
    """Draw the shares of the splits; one split alone is judged only by shares that were typed in.

    A table of one split, such as predictions on test, is a part of a data set and no bad division.
    """
    expected = _expected()
    occupied = [split for split, n in sizes.items() if n]
    if len(occupied) == 1 and not url_state.get("ds.expected"):
        [split] = occupied
        where = (
            "have no split"
            if split == NO_SPLIT
            else f"are in the split {context.as_markdown(split)}"
        )
        st.info(
            f"All {sizes[split]:,} samples {where}, so there are no shares to compare. If there "
            "should be several splits, type in the expected ones.",
            icon=":material/info:",
        )
        return
    split_figures.show(split_shares(sizes, expected))


def _target(counts: ClassCounts) -> np.ndarray:
    """Draw the choice of a target and return the share that each class should have, (K,)."""
    name = widgets.choose(
        "ds.target",
        "Target",
        list(TARGETS),
        format_func=TARGETS.__getitem__,
        style="segmented_control",
    )
    return counts.equal_target() if name == EQUAL else counts.overall_target()


def _of_predictions(view: View, where_column: Any) -> None:
    """Draw the figures of the labels in the open predictions, as far as the filters leave them."""
    store, where = view.store, view.where
    classes, numbers = of_store.class_columns(store), of_store.number_columns(store)
    column = _choose_column([*classes, *numbers], where_column)
    sizes = _remembered(view, "splits", lambda: of_store.split_counts(store, where))
    if not sizes:
        context.empty(view)
        return
    tab, cell = widgets.open_tab("ds.tab", [SPLITS, DISTRIBUTION] if column else [SPLITS])
    with cell:
        if tab == SPLITS:
            _draw_splits(sizes)
        elif column in classes:
            counts = _remembered(
                view, column, lambda: of_store.class_counts(store, where, classes[column])
            )
            _draw_classes(counts, column)
        else:
            edges, parts = _remembered(
                view,
                column,
                lambda: _histogram(column, *of_store.numbers(store, where, numbers[column])),
            )
            number_figures.show(parts, edges, column_title(column))


def _remembered(view: View, name: str, make: Callable[[], Result]) -> Result:
    return context.cached(view.store, "dataset", (name, view.where), make)


def _histogram(
    column: str, values: np.ndarray, splits: ClassColumn
) -> tuple[np.ndarray, list[NumberDistribution]]:
    edges = bin_edges(values, AGE_BIN_YEARS if column == "age" else None)
    return edges, distributions(values, splits, edges)


def _draw_classes(counts: ClassCounts, column: str) -> None:
    if not counts.labels:
        st.info("No sample has this label.", icon=":material/info:")
        return
    class_figures.show(counts, _target(counts), column_title(column))


def _of_versions(view: View, versions: Sequence[Listing], at: int, where_column: Any) -> None:
    """Draw the figures of one version, and of all side by side."""
    listing = versions[at]
    column = _choose_column([*listing.classes, *listing.numbers], where_column)
    tab, cell = widgets.open_tab("ds.tab", [SPLITS, DISTRIBUTION, PICTURES, COPIES, VERSIONS])
    with cell:
        if tab == SPLITS:
            _draw_splits(listing.splits.sizes())
        elif tab == COPIES:
            _draw_copies(view, versions, listing)
        elif tab == VERSIONS:
            _draw_versions(view, versions, column)
        elif not column:
            st.info("The samples have no labels.", icon=":material/info:")
        elif tab == PICTURES:
            class_pictures.show(view.faces, listing, _classes_of(listing, column))
        elif column in listing.classes:
            _draw_classes(class_counts(listing.classes[column], listing.splits), column)
        else:
            edges, parts = _histogram(column, listing.numbers[column], listing.splits)
            number_figures.show(parts, edges, column_title(column))


def _classes_of(listing: Listing, column: str) -> ClassColumn:
    """Return the classes of a column; of numbers their bins."""
    if column in listing.classes:
        return listing.classes[column]
    values = listing.numbers[column]
    return binned(values, bin_edges(values, PICTURE_BIN_YEARS if column == "age" else None))


def _audit(view: View) -> FindingsFile | None:
    """Return the audit of the command line, or that of the sample."""
    is_sample = view.settings.datasets == settings.SAMPLE_DATASETS
    path = view.settings.audit or (settings.SAMPLE_FINDINGS if is_sample else None)
    return None if path is None else data_sets.findings(path)


def _copies(listing: Listing, findings: FindingsFile) -> list[Copies]:
    return [copies_in(listing, findings, check) for check in checks_of_samples(findings)]


def _draw_copies(view: View, versions: Sequence[Listing], listing: Listing) -> None:
    findings = _audit(view)
    if findings is None:
        st.info(
            f"Nothing was searched: `{AUDIT_COMMAND}`, then "
            "`python -m apps.studio --dataset ... --audit F.parquet`.",
            icon=":material/info:",
        )
        return
    if not any(holds_any(version, findings) for version in versions):
        st.warning(
            "The audit is of other data: it names no sample of this data set.",
            icon=":material/warning:",
        )
        return
    copy_figures.show(view.faces, listing, findings, _copies(listing, findings))


def _draw_versions(view: View, versions: Sequence[Listing], column: str) -> None:
    if len(versions) < 2:
        st.info(f"There is one version. To compare: `{COMMAND}`.", icon=":material/info:")
        return
    names = data_sets.names(versions)
    named = dict(zip(names, versions, strict=True))
    expected = _expected()
    version_figures.show_sizes(
        {name: split_shares(one.splits.sizes(), expected) for name, one in named.items()}
    )
    if counts := of_versions(named, column):
        goal = _target(next(iter(counts.values())))
        version_figures.show_classes(
            {name: class_shares(one.all_splits(), goal) for name, one in counts.items()},
            column_title(column),
        )
    version_figures.show_changes(named)
    if (findings := _audit(view)) and checks_of_samples(findings):
        version_figures.show_copies({name: _copies(one, findings) for name, one in named.items()})
