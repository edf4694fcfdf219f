"""What is selected, as one `View`, and what pages share."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import streamlit as st

from apps.studio import charts
from apps.studio.serving.images import Faces
from apps.studio.settings import Settings
from core.vocabulary import Metric
from evaluation.predictions.importing import ImportOptions
from evaluation.store import Store, Where
from evaluation.store.loaded import ShowProgress, no_progress

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class View:
    """What the sidebar selects.

    A page queries `store` with `where`, which has all filters and the selected models, or with
    `where_of(model)`.

    Attributes:
        opened_store: the opened tables of predictions; None where none are open.
        where: the selected rows.
        task: one that the store has; "" without one.
        models: the selected models, at least one where a store is open.
        settings: the settings of the command line.
    """

    opened_store: Store | None
    where: Where
    task: str
    models: tuple[str, ...]
    settings: Settings

    @property
    def store(self) -> Store:
        """The opened tables of predictions.

        Raises:
            RuntimeError: none are open; only a page with NEEDS_PREDICTIONS = False is drawn then.
        """
        if self.opened_store is None:
            raise RuntimeError("Expected opened predictions, got none.")
        return self.opened_store

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
        return self.store.title(self.task).title

    @property
    def metric(self) -> Metric:
        """The metric by which models are compared on the task."""
        return self.store.title(self.task).metric

    @property
    def is_regression(self) -> bool:
        """Whether the task predicts numbers, not classes."""
        return self.store.is_regression(self.task)

    def colour(self, model: str) -> str:
        """Return the colour of a model on all pages: by its place in the opened tables."""
        return charts.colour(self.store.models.index(model))

    def where_of(self, model: str) -> Where:
        """Return the filters for one model alone."""
        return self.where.but(models=(model,))

    def each(self) -> Iterator[tuple[str, Where]]:
        """Yield each selected model with its filters."""
        for model in self.models:
            yield model, self.where_of(model)


@st.cache_resource(max_entries=3, show_spinner="Opening the predictions ...")
def _opened(
    paths: tuple[Path, ...],
    _options: ImportOptions,
    options_text: str,
    file_stamps: tuple[tuple[int, int], ...],
    _progress: ShowProgress,
) -> Store:
    return Store.open(paths, options=_options, progress=_progress)


def opened(settings: Settings, progress: ShowProgress = no_progress) -> Store:
    """Return the tables of the command line or a sample, opened once for all visitors.

    They are opened again when a file has changed.

    Args:
        settings: what is open.
        progress: shows bars while they are opened, as `core.progress.task` does.
    """
    tables = settings.tables
    stamps = tuple(stamp(path) for path in tables)
    return _opened(tables, settings.options, repr(settings.options), stamps, progress)


def stamp(path: Path) -> tuple[int, int]:
    """Return when a file was written, in ns, and its bytes, (0, 0) where it cannot be read.

    As an argument of a cached function it has a changed file read again.
    """
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def as_markdown(text: str) -> str:
    r"""Return untrusted text as Markdown that shows it as it is: nothing is formatted or loaded.

    >>> as_markdown("![x](http://a.b)")
    '\\!\\[x\\]\\(http\\:\\/\\/a\\.b\\)'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text.replace("\n", " "))


def quoted(text: str) -> str:
    """Return words that quote by backticks, as on a terminal, for places that render Markdown."""
    return as_markdown(text.replace("`", '"'))


def has_classes(view: View) -> bool:
    """Return whether any task of the table predicts classes."""
    return not all(view.store.is_regression(task) for task in view.store.tasks)


def empty(view: View, need: str = "", *, of_classes: bool = False) -> bool:
    """Return whether the page has nothing to show, and say why on the page.

    Args:
        view: the selections.
        need: a sentence to add where no row is left.
        of_classes: whether the page is about classes, not about numbers.
    """
    if of_classes and view.is_regression:
        fix = "choose another task in the sidebar" if has_classes(view) else "this table has none"
        st.info(f"This page is about tasks with classes: {fix}.", icon=":material/info:")
        return True
    if view.store.count(view.where) == 0:
        st.info(
            "No row is left: remove a filter in the sidebar." + (f" {need}" if need else ""),
            icon=":material/filter_alt:",
        )
        return True
    return False


def say_no_predictions() -> None:
    """Say on the page that the filters leave no row from which anything could be computed."""
    st.info(
        "No row with a label and a prediction is left: remove a filter.",
        icon=":material/filter_alt:",
    )


def cached(
    store: Store, name: str, key: tuple[Hashable, ...], make: Callable[[], Result]
) -> Result:
    """Return `make()`, cached for the same store, `name` and `key`, such as a `Where`.

    For what costs more than a query.
    """
    result: Result = store.remember((name, *key), make)
    return result
