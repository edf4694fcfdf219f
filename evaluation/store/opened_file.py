"""Files of predictions before they are loaded: foreign ones imported, and the tasks of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from core.errors import DataError
from evaluation.predictions.importing import ImportOptions, import_predictions
from evaluation.predictions.importing.opening import is_own_parquet
from evaluation.predictions.mapping import rename
from evaluation.predictions.meta import Meta
from evaluation.predictions.tasks import MAX_CLASSES, SPACES, Task, tasks_of


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file whose content is Parquet in the form of the contract, once renamed.

    Attributes:
        path: as the user named it.
        content: the Parquet file that is read: `path`, or what was imported from it.
        names: column of the contract -> column of `content`.
        meta: metadata.
        tasks: its tasks.
        notes: what was taken for what.
        warnings: what is likely wrong.
    """

    path: Path
    content: Path
    names: Mapping[str, str]
    meta: Meta
    tasks: Mapping[str, Task]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def open_file(path: Path, options: ImportOptions, imported: Path) -> OpenedFile:
    """Return a file that can be read part by part.

    Args:
        path: any table of predictions.
        options: what its columns cannot say.
        imported: where to write what is imported, if it must be.

    Raises:
        DataError: names the column, the row and the fix.
    """
    if is_own_parquet(path, options):
        empty = rename(pq.read_schema(path).empty_table(), options.names)
        return OpenedFile(path, path, options.names, Meta.of(empty), tasks_of(empty))
    result = import_predictions(path, options)
    pq.write_table(result.table, imported)
    meta, tasks = Meta.of(result.table), tasks_of(result.table)
    return OpenedFile(path, imported, {}, meta, tasks, result.notes, result.warnings)


def all_tasks(opened: Sequence[OpenedFile]) -> dict[str, Task]:
    """Return the tasks of several files, the known ones first.

    Raises:
        DataError: a task predicts classes in one and numbers in another, or has too many classes.
    """
    tasks = {name: Task(name, space.labels) for name, space in SPACES.items()}
    tasks["age"] = Task("age", unit="years")
    for file in opened:
        for name, task in file.tasks.items():
            other = tasks.get(name, task)
            if task.is_regression != other.is_regression:
                raise DataError(
                    f"Expected `{name}` to be classes or numbers in all tables, got both; name one "
                    f"in {file.path} otherwise: --map other_true={name}_true."
                )
            tasks[name] = other
            if task.labels is not None and other.labels is not None:
                labels = tuple(dict.fromkeys([*other.labels, *task.labels]))
                tasks[name] = Task(name, labels)
                if len(labels) > MAX_CLASSES:
                    raise DataError(
                        f"Expected at most {MAX_CLASSES:,} classes of `{name}` in all tables "
                        f"together, got {len(labels):,}; open fewer."
                    )
    return tasks
