"""The store, the sidebar's selections as one `View`, and the frame that every page is drawn in."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import streamlit as st

from apps.studio import relabel_plan, url_state
from apps.studio.images import Faces
from apps.studio.settings import PROCESS, Settings
from core.errors import UserError
from core.vocabulary import TASKS, Metric, group_title
from evaluation.store import Store, Where

Result = TypeVar("Result")

UPLOADS_KEY = "mien_own"
"""Session key: name -> Store of the visitor's uploaded tables."""
OPENED_AT_START = "as opened"
"""The name of the tables of the command line, in the sidebar and in the URL."""
MAX_GROUP_VALUES = 200
"""A group with more values is a name, not a filter."""


FILTER_NAMES = ("datasets", "splits", "confidence", "age", "right", "text", "face")
"""Names in the URL of the filters that are not groups, whose names begin with `g.`."""


@dataclass(frozen=True, slots=True)
class View:
    """What the sidebar selects.

    A page queries `store` with `where`, which has all filters and the selected models, or with
    `where_of(model)`.

    Attributes:
        store: the opened tables.
        where: the selected rows.
        task: emotion, gender or age, one that the store has.
        models: the selected models, at least one.
        settings: the settings of the command line.
    """

    store: Store
    where: Where
    task: str
    models: tuple[str, ...]
    settings: Settings

    @property
    def faces(self) -> Faces | None:
        """The folder of the pictures, None without one."""
        return self.settings.faces

    @property
    def runs(self) -> Path | None:
        """The folder of the training runs, None without one."""
        return self.settings.runs

    @property
    def title(self) -> str:
        """The task's title, such as `Perceived gender`."""
        return TASKS[self.task].title

    @property
    def metric(self) -> Metric:
        """The metric by which models are compared on the task."""
        return TASKS[self.task].metric

    def where_of(self, model: str) -> Where:
        """Return the filters for one model alone."""
        return self.where.but(models=(model,))

    def each(self) -> Iterator[tuple[str, Where]]:
        """Yield each selected model with its filters."""
        for model in self.models:
            yield model, self.where_of(model)


@st.cache_resource(max_entries=2, show_spinner="Opening the predictions ...")
def _opened(
    paths: tuple[Path, ...],
    names: tuple[tuple[str, str], ...],
    file_stamps: tuple[tuple[int, int], ...],
) -> Store:
    return Store.open(paths, names=dict(names))


def opened(settings: Settings) -> Store:
    """Return the tables of the command line, opened once for all visitors.

    They are opened again when a file has changed.
    """
    tables = settings.tables
    stamps = tuple((p.stat().st_mtime_ns, p.stat().st_size) for p in tables if p.is_file())
    return _opened(tables, tuple(sorted(settings.names.items())), stamps)


def uploads() -> dict[str, Store]:
    """Return this visitor's uploaded tables by name."""
    stores: dict[str, Store] = st.session_state.setdefault(UPLOADS_KEY, {})
    return stores


def run(page: ModuleType, name: str) -> None:
    """Draw a page of the folder `pages`: the sidebar, `page.render(view)`, the URL."""
    url_state.begin(name)
    try:
        st.title(page.TITLE)
        view = sidebar(PROCESS.current())
        if view is not None:
            page.render(view)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
    finally:
        url_state.end()


def sidebar(settings: Settings) -> View | None:
    """Draw the selections that all pages share; return None where no table can be opened."""
    side = st.sidebar
    try:
        tables = {OPENED_AT_START: opened(settings), **uploads()}
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    for name in url_state.get("table")[:1]:
        if name not in tables:
            default_tables = ", ".join(s.path.name for s in tables[OPENED_AT_START].sources)
            st.warning(
                f"The table {plain(name)} is not open: it was uploaded in an earlier visit, or "
                "closed since, and uploads are not kept. "
                f"Shown instead: {plain(default_tables)}. To see it, upload it again on the page "
                "*Own table*.",
                icon=":material/warning:",
            )
    name = OPENED_AT_START
    if len(tables) > 1:
        name = url_state.choose("table", "Table", list(tables), where=side)
    store = tables[name]
    models = store.models
    if len(models) > 1:
        models = (
            url_state.several("models", "Models", models, where=side, empty="all models") or models
        )
    task = store.tasks[0]
    if len(store.tasks) > 1:
        task = url_state.choose(
            "task",
            "Task",
            store.tasks,
            format_func=lambda t: TASKS[t].title,
            where=side,
            style="segmented_control",
        )
    filtered = any(k in FILTER_NAMES or k.startswith("g.") for k in url_state.names())
    with side.expander("Filters", expanded=filtered):
        where = _filters(store, task)
    where = where.but(models=models if models != store.models else ())
    n = store.count(where)
    side.caption(
        f"{n:,} of {store.rows:,} rows" + ("" if n else ": no row is left, remove a filter")
    )
    relabel_plan.badge(side)
    return View(store, where, task, models, settings)


def _filters(store: Store, task: str) -> Where:
    where = Where(task=task)
    for name, label, values in (
        ("datasets", "Data set", store.datasets),
        ("splits", "Split", store.splits),
    ):
        if len(values) > 1:
            where = where.but(**{name: url_state.several(name, label, values, empty="all")})
    for group, values in store.groups.items():
        if 1 < len(values) <= MAX_GROUP_VALUES:
            where = where.group(
                group, *url_state.several(f"g.{group}", group_title(group), values, empty="all")
            )
    if f"{task}_conf" in store.columns:
        band = url_state.between("confidence", "Confidence", 0.0, 1.0, 0.01)
        where = where.but(confidence=band)
    outcome = url_state.choose(
        "right", "Prediction", ("any", "right", "wrong"), style="segmented_control"
    )
    where = where.but(
        right=None if outcome == "any" else outcome == "right",
        text=url_state.text("text", "Sample name contains"),
    )
    if "face_found" in store.columns:
        face = url_state.choose(
            "face", "Face", ("any", "found", "not found"), style="segmented_control"
        )
        where = where.but(face=None if face == "any" else face == "found")
    return where


def plain(text: str) -> str:
    r"""Escape untrusted text for places that render Markdown: nothing is formatted or loaded.

    >>> plain("![x](http://a.b)")
    '\\!\\[x\\]\\(http\\:\\/\\/a\\.b\\)'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text.replace("\n", " "))


def empty(view: View, need: str = "", tasks: Sequence[str] = ()) -> bool:
    """Return whether the page has nothing to show, and say why on the page.

    Args:
        view: the selections.
        need: a sentence to add where no row is left.
        tasks: the tasks that the page is about; empty for any.
    """
    if tasks and view.task not in tasks:
        names = " or ".join(TASKS[t].name for t in tasks)
        selectable = any(t in view.store.tasks for t in tasks)
        fix = (
            "choose it in the sidebar"
            if selectable
            else "these tables have no label and prediction of it"
        )
        st.info(f"This page is about {names}: {fix}.", icon=":material/info:")
        return True
    if view.store.count(view.where) == 0:
        st.info(
            "No row is left: remove a filter in the sidebar." + (f" {need}" if need else ""),
            icon=":material/filter_alt:",
        )
        return True
    return False


def cached(
    store: Store, name: str, key: tuple[Hashable, ...], make: Callable[[], Result]
) -> Result:
    """Return `make()`, cached for the same store, `name` and `key`, such as a `Where`.

    For what costs more than a query.
    """
    result: Result = store.remember((name, *key), make)
    return result
