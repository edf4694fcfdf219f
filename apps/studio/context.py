"""What every page needs: the opened store, the sidebar's selections as one `View`, and the frame in
which a page is drawn.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import streamlit as st

from apps.studio import relabel_plan, settings, url_state
from apps.studio.images import Faces
from core.errors import UserError
from evaluation.report.text import TITLES
from evaluation.store import Store, Where

OWN = "mien_own"
"""Session key: name -> Store of the visitor's uploaded tables."""
SHIPPED = "as opened"


@dataclass(frozen=True)
class View:
    """What the sidebar selects. A page asks `store` with `where` (all filters and the chosen
    models) or `where_of(model)`.

    task: emotion, gender or age, one that the store has. models: the chosen ones, at least one.
    faces: None without pictures.
    """

    store: Store
    where: Where
    task: str
    models: tuple[str, ...]
    faces: Faces | None
    runs: Path | None

    def where_of(self, model: str) -> Where:
        """The filters for one model alone."""
        return self.where.but(models=(model,))

    def each(self) -> Iterator[tuple[str, Where]]:
        """(model, its conditions) for every chosen model."""
        for model in self.models:
            yield model, self.where_of(model)

    def title(self, task: str | None = None) -> str:
        """The task's name for people: gender is *perceived gender*."""
        return TITLES[task or self.task]


@st.cache_resource(max_entries=2, show_spinner="Opening the predictions ...")
def _opened(
    paths: tuple[Path, ...],
    names: tuple[tuple[str, str], ...],
    state_of_files: tuple[tuple[int, int], ...],
) -> Store:
    return Store.open(paths, names=dict(names))


def opened() -> Store:
    """The tables of the command line, opened once for all visitors; again where a file changes."""
    chosen = settings.current()
    files = tuple((p.stat().st_mtime_ns, p.stat().st_size) for p in chosen.tables if p.is_file())
    return _opened(chosen.tables, tuple(sorted(chosen.names.items())), files)


def own() -> dict[str, Store]:
    """This visitor's uploaded tables."""
    found: dict[str, Store] = st.session_state.setdefault(OWN, {})
    return found


def run(page: ModuleType, name: str) -> None:
    """Draws a page of the folder `pages`: sidebar, `page.render(view)`, URL."""
    url_state.begin(name)
    try:
        st.title(page.TITLE)
        view = sidebar()
        if view is not None:
            page.render(view)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
    finally:
        url_state.end()


def sidebar() -> View | None:
    """Draws the selections that all pages share; None where the tables cannot be opened."""
    side = st.sidebar
    try:
        tables = {SHIPPED: opened(), **own()}
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    for name in url_state.get("table")[:1]:
        if name not in tables:
            instead = ", ".join(source.path.name for source in tables[SHIPPED].sources)
            st.warning(
                f"The table {plain(name)} is not open: it was uploaded in an earlier visit, or closed since, and uploads are not kept. "
                f"Shown instead: {plain(instead)}. To see it, upload it again on the page *Own table*.",
                icon=":material/warning:",
            )
    store = tables[
        url_state.choose("table", "Table", list(tables), where=side) if len(tables) > 1 else SHIPPED
    ]
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
            shown=lambda t: TITLES[t],
            where=side,
            style="segmented_control",
        )
    chosen = st.session_state[url_state.MEMORY]
    with side.expander("Filters", expanded=any(k in FILTERS or k.startswith("g.") for k in chosen)):
        where = _filters(store, task)
    where = where.but(models=models if models != store.models else ())
    n = store.count(where)
    side.caption(
        f"{n:,} of {store.rows:,} rows" + ("" if n else ": no row is left, loosen a filter")
    )
    relabel_plan.badge(side)
    return View(store, where, task, models, settings.current().faces, settings.current().runs)


FILTERS = ("datasets", "splits", "confidence", "age", "right", "text", "face")


def _filters(store: Store, task: str) -> Where:
    where = Where(task=task)
    for name, label, values in (
        ("datasets", "Data set", store.datasets),
        ("splits", "Split", store.splits),
    ):
        if len(values) > 1:
            where = where.but(**{name: url_state.several(name, label, values, empty="all")})
    for group, values in store.groups.items():
        if 1 < len(values) <= 200:
            where = where.group(
                group, *url_state.several(f"g.{group}", group_name(group), values, empty="all")
            )
    if f"{task}_conf" in store.columns:
        band = url_state.between("confidence", "Confidence", 0.0, 1.0, 0.01)
        where = where.but(confidence=band)
    answer = url_state.choose(
        "right", "Answer", ("any", "right", "wrong"), style="segmented_control"
    )
    where = where.but(
        right=None if answer == "any" else answer == "right",
        text=url_state.text("text", "Sample name contains"),
    )
    if "face_found" in store.columns:
        face = url_state.choose(
            "face", "Face", ("any", "found", "not found"), style="segmented_control"
        )
        where = where.but(face=None if face == "any" else face == "found")
    return where


def plain(text: str) -> str:
    r"""Text of others for places that read Markdown: every mark is shown as it is, nothing is
    loaded.

    >>> plain("![x](http://a.b)")
    '\\!\\[x\\]\\(http\\:\\/\\/a\\.b\\)'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text.replace("\n", " "))


def group_name(group: str) -> str:
    """A group's name for people: gender is *perceived gender*."""
    return TITLES["gender"].lower() if group == "gender" else group.replace("_", " ")


def figure_name(task: str) -> str:
    """The headline figure of a task for people."""
    return "mean absolute error, years" if task == "age" else "accuracy"


def label(text: str) -> str:
    """Text of others for Plotly, which reads some HTML."""
    return html.escape(text, quote=False)


def empty(view: View, need: str = "", tasks: Sequence[str] = ()) -> bool:
    """Says so and returns True where the page has nothing to show: the task is not one of `tasks`
    (empty: any), or no row is left.
    """
    if tasks and view.task not in tasks:
        names = " or ".join(TITLES[t].lower() for t in tasks)
        there = [t for t in tasks if t in view.store.tasks]
        fix = (
            "choose it in the sidebar"
            if there
            else "these tables have no truth and prediction of it"
        )
        st.info(f"This page is about {names}: {fix}.", icon=":material/info:")
        return True
    if view.store.count(view.where) == 0:
        st.info(
            "No row is left: loosen a filter in the sidebar." + (f" {need}" if need else ""),
            icon=":material/filter_alt:",
        )
        return True
    return False


def cached(store: Store, name: str, key: tuple[Any, ...], make: Any) -> Any:
    """`make()`, remembered for the same store, `name` and hashable `key` (such as a Where): for
    what costs more than a query.
    """
    return store.remember((name, *key), make)
