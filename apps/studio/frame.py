"""What stands around every page: its title, the header, the sidebar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import streamlit as st

from apps.studio import context, filters, links, relabel_plan, samples, url_state, widgets
from apps.studio.context import View
from apps.studio.serving import uploads
from apps.studio.settings import PROCESS, Settings
from core.errors import UserError
from core.vocabulary import count_of
from evaluation.store import Store, Where

AT_START = ""
"""The id of the tables of the command line, or of the first sample: the URL does not mention it."""
CHIPS_IN_THE_DARK = "<style>[data-tag], [data-tag] * {color: #0e1117 !important}</style>"
"""Streamlit writes white on the accent, which is light in the dark mode: too little contrast."""
STEADY_CHIPS = """<style>
[data-testid=stMultiSelectTagsContainer]:has([data-tag]) input[value=""] {
    min-width: 0 !important; padding: 0 !important;
}
</style>"""
"""Streamlit's field takes a line of its own below its chips while it has the focus. A click on what
stands below it would be lost: the field shrinks between the press and the release.
"""
MAX_NAMES = 3
"""Names of models and files that the header lists."""


@dataclass(frozen=True, slots=True)
class OpenTable:
    """What can be chosen under *Table*.

    Attributes:
        name: what people call it, untrusted text.
        store: its rows; None where it is no longer kept, or no predictions were opened at start.
        settings: what else is open with it.
        minutes_left: until it is deleted; None where it is not.
    """

    name: str
    store: Store | None
    settings: Settings
    minutes_left: int | None = None


def run(page: ModuleType, pages: Mapping[str, ModuleType]) -> None:
    """Draw a page of the folder `pages`: title, header, sidebar and `page.render(view)`.

    Args:
        page: the page.
        pages: all pages by name, for the links in the sidebar.
    """
    opening_error = uploads.finish_opening()
    st.title(page.TITLE)
    st.html(STEADY_CHIPS)
    if st.context.theme.type == "dark":
        st.html(CHIPS_IN_THE_DARK)
    if opening_error:
        st.error(context.as_markdown(opening_error), icon=":material/error:")
    header, navigation = st.container(key="header"), st.sidebar.container(gap="xxsmall")
    try:
        tables = _tables()
        table = _choose_table(tables)
        if table.store is not None:
            view = _select(table, table.store)
            _describe(header, table, view)
        elif table is tables[AT_START]:
            view = View(None, Where(), "", (), table.settings)
        else:
            _missing(header)
            return
        with navigation:
            links.navigation([name for name, module in pages.items() if applies(module, view)])
        if view.opened_store is None and _needs_predictions(page):
            _no_predictions(header)
            return
        page.render(view)
    except UserError as error:
        st.error(context.as_markdown(str(error)), icon=":material/error:")


def _tables() -> dict[str, OpenTable]:
    """Return the tables that can be chosen by id: the command line's or samples, and uploads."""
    tables = {
        sample_id: _at_start(sample.title, sample.settings)
        for sample_id, sample in samples.offered().items()
    }
    if not tables:
        names = _names([p.stem for p in PROCESS.settings.tables])
        tables[AT_START] = _at_start(names or "no predictions", PROCESS.settings)
    of_visit = uploads.of_visit()
    for upload_id in [*of_visit, *url_state.get(uploads.SELECTED)[:1]]:
        if upload_id in tables:
            continue
        upload = of_visit.get(upload_id) or uploads.find(upload_id)
        # A sample's runs and robustness are not an upload's.
        tables[upload_id] = (
            OpenTable("no longer kept", None, PROCESS.settings)
            if upload is None
            else OpenTable(upload.name, upload.store, PROCESS.settings, upload.minutes_left)
        )
    return tables


def _at_start(name: str, settings: Settings) -> OpenTable:
    return OpenTable(name, context.opened(settings) if settings.tables else None, settings)


def _choose_table(tables: Mapping[str, OpenTable]) -> OpenTable:
    """Draw the choice; all other selections but the task belong to a table and go with it."""
    if len(tables) == 1:
        return tables[AT_START]
    table_id = widgets.choose(
        uploads.SELECTED,
        "Table",
        list(tables),
        format_func=lambda table_id: tables[table_id].name,
        where=st.sidebar,
        removes=lambda name: name not in ("task", uploads.OPENED),
    )
    if url_state.get(uploads.OPENED):
        st.sidebar.caption("Links to this page open the uploaded tables, too.")
    return tables[table_id]


def _missing(header: Any) -> None:
    """Say that an upload was deleted, with links that leave it behind."""
    header.warning(
        "The table of this link is no longer kept: an uploaded table is deleted after an hour.",
        icon=":material/warning:",
    )
    links.to("own", "Upload it again", None, ":material/upload_file:", header)
    links.to("overview", "Look at the tables opened at start", None, ":material/table:", header)
    relabel_plan.badge(st.sidebar)


def _no_predictions(header: Any) -> None:
    """Say that the page is about predictions, with links to what can be done."""
    header.info(
        "This page is about predictions, and none are open: start with "
        "`python -m apps.studio T.parquet`, or upload a table.",
        icon=":material/info:",
    )
    links.to("own", "Upload a table", {}, ":material/upload_file:", header)
    links.to("dataset", "Look at the data set", {}, ":material/database:", header)


def _select(table: OpenTable, store: Store) -> View:
    """Draw the choices of models, task and filters."""
    side = st.sidebar
    models = store.models
    if len(models) > 1:
        models = (
            widgets.several("models", "Models", models, where=side, empty="all models") or models
        )
    task = store.tasks[0]
    if len(store.tasks) > 1:
        task = widgets.choose(
            "task",
            "Task",
            store.tasks,
            format_func=lambda name: store.title(name).title,
            where=side,
        )
    with side.expander("Filters", expanded=filters.are_set()):
        where = filters.choose(store, task)
    where = where.but(models=models if models != store.models else ())
    relabel_plan.badge(side)
    return View(store, where, task, models, table.settings)


def _describe(header: Any, table: OpenTable, view: View) -> None:
    """Draw what is open: the table's name, its rows and models."""
    n, models = view.store.count(view.where), view.models
    rows = count_of(view.store.rows, "row", ",")
    rows = f"{n:,} of {rows}" if n < view.store.rows else rows
    word = "model" if len(models) == 1 else f"{len(models)} models:"
    name, names = context.as_markdown(table.name), context.as_markdown(_names(models))
    text = f"**{name}**: {rows}, {word} {names}."
    if table.minutes_left is not None:
        text += (
            f" Uploaded: it is deleted in {count_of(table.minutes_left, 'minute')}, and links to it"
            " stop then."
        )
    header.markdown(text)


def _names(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMES
    separator = "; " if any("," in name for name in names) else ", "
    return separator.join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def applies(page: ModuleType, view: View) -> bool:
    """Return whether a page has something to show; a page says so by a function `applies`."""
    if view.opened_store is None and _needs_predictions(page):
        return False
    page_applies = getattr(page, "applies", None)
    return page_applies is None or bool(page_applies(view))


def _needs_predictions(page: ModuleType) -> bool:
    """Return whether a page reads predictions; one without says `NEEDS_PREDICTIONS = False`."""
    return bool(getattr(page, "NEEDS_PREDICTIONS", True))
