"""What is selected, as one `View`, and what pages share."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import streamlit as st

from apps.studio.images import Faces
from apps.studio.settings import Settings
from core.vocabulary import TASKS, Metric
from evaluation.store import Store, Where

Result = TypeVar("Result")


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
