"""What loading leaves: one DuckDB table with the rows of all files, and what its codes mean."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from evaluation.predictions.meta import Meta
from evaluation.predictions.tasks import Task

Advance = Callable[..., None]
"""Is told how many steps are finished."""
ShowProgress = Callable[[str, int], AbstractContextManager[Advance]]
"""Shows a bar with a name and a number of steps, as `core.progress.task` does."""


def no_progress(name: str, total: int) -> AbstractContextManager[Advance]:
    """Show nothing."""
    return nullcontext(lambda done: None)


@dataclass(frozen=True, slots=True)
class Source:
    """One file of predictions that was opened."""

    path: Path
    rows: int
    meta: Meta
    models: tuple[str, ...]
    tasks: tuple[str, ...]


@dataclass
class LoadedTables:
    """Table `t` of a DuckDB connection with the rows of all files.

    Attributes:
        con: the connection.
        close: removes the database's folder, where it has one.
        codes: column of names or groups -> the text of each code.
        columns: columns of `t`.
        sources: the files.
        notes: what a reader should know.
        tasks: by name, also those without truth or prediction.
    """

    con: duckdb.DuckDBPyConnection
    close: Callable[[], None]
    codes: dict[str, list[str]]
    columns: tuple[str, ...]
    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
