"""Loading of prediction tables of any size into one DuckDB table.

Files are checked and integer-coded part by part, so that 100 million rows fit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.labels import age_decade
from evaluation.metrics import regression
from evaluation.predictions.importing import ImportOptions
from evaluation.predictions.mapping import rename
from evaluation.predictions.row_error import RowError
from evaluation.predictions.schema import GROUP, TYPES, some, to_schema
from evaluation.predictions.tasks import Task, task_names
from evaluation.store import database, files
from evaluation.store.encoding import (
    NAME_COLUMNS,
    OrderCheck,
    TextCodes,
    column_types,
    encode_columns,
)
from evaluation.store.identity import check_duplicates, name_datasets, separate_models
from evaluation.store.loaded import Advance, LoadedTables, ShowProgress, Source, no_progress
from evaluation.store.opened_file import OpenedFile, all_tasks, open_file

MAX_TEXT_LENGTH = 1000
"""Characters of a name, a path or a group."""
MAX_EMBEDDING_ROWS = 200_000
"""Rows up to which embeddings are kept: 200 MB at 256 numbers."""


def load(
    paths: Sequence[Path], options: ImportOptions, show: ShowProgress = no_progress
) -> LoadedTables:
    """Load prediction tables for a store; see `Store.open`.

    Raises:
        DataError: names the column, the row and the fix.
    """
    with tempfile.TemporaryDirectory(prefix="mien-import-") as imports:
        opened = [
            open_file(path, options, Path(imports) / f"{i}.parquet") for i, path in enumerate(paths)
        ]
        with ExitStack() as folder:
            loaded = _load(opened, show, folder)
            loaded.close = folder.pop_all().close
            return loaded


def _load(opened: Sequence[OpenedFile], show: ShowProgress, folder: ExitStack) -> LoadedTables:
    """Load opened files into a new database, in memory or, where they are large, in `folder`."""
    paths = [file.path for file in opened]
    available = {n for file in opened for n in files.mapped_columns(file.content, file.names)}
    rows = sum(pq.read_metadata(file.content).num_rows for file in opened)
    files.check_row_count(rows, str(paths[0]) if len(paths) == 1 else f"{len(paths)} tables")
    has_embedding = "embedding" in available and rows <= MAX_EMBEDDING_ROWS
    group_columns = sorted(n for n in available if n.startswith(GROUP))
    tasks = all_tasks(opened)
    types = column_types(available, tasks.values(), group_columns, has_embedding=has_embedding)
    size = sum(
        files.unpacked_size(
            pq.read_metadata(file.content), _needed_columns(file, types, tasks), file.path
        )
        for file in opened
    )
    con = database.connect(rows, size, folder)
    con.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, kind in types.items())})")
    codes: dict[str, TextCodes] = {name: {} for name in (*NAME_COLUMNS, *group_columns)}
    loaded = LoadedTables(con, folder.close, {}, tuple(types), tasks=tasks)
    for file in opened:
        loaded.notes += [*file.notes, *file.warnings]
    if "embedding" in available and not has_embedding:
        loaded.notes.append(
            f"Embeddings are left out beyond {MAX_EMBEDDING_ROWS:,} rows: no map and no nearest "
            f"neighbours."
        )
    with show("read the rows", rows) as advance:
        for file_index, file in enumerate(opened):
            loaded.sources.append(_insert(loaded, codes, file_index, file, advance))
    loaded.codes = {name: list(c) for name, c in codes.items()}
    loaded.codes["age_decade"] = [age_decade(regression.WIDTH * i) for i in range(regression.BANDS)]
    name_datasets(loaded)
    splits = sorted(name for name in loaded.codes["split"] if name)
    if len(splits) > 1:
        loaded.notes.append(
            f"Several splits are taken together: {some(splits)}; choose one under Split."
        )
    check_duplicates(loaded, show)
    if len(loaded.sources) > 1:
        separate_models(loaded)
    pa.default_memory_pool().release_unused()
    return loaded


def _needed_columns(file: OpenedFile, kept: Collection[str], tasks: Mapping[str, Task]) -> set[str]:
    """Return the columns of a file that are read; embeddings only where they are `kept`."""
    ours = {theirs: ours for ours, theirs in file.names.items()}
    prefixes = (GROUP, *(f"{name}_" for name in tasks))
    needed = set()
    for name in files.column_names(file.content):
        column = ours.get(name, name)
        if column in TYPES or column.startswith(prefixes):
            needed.add(name)
        if column == "embedding" and column not in kept:
            needed.discard(name)
    return needed


def _insert(
    loaded: LoadedTables,
    codes: dict[str, TextCodes],
    file_index: int,
    file: OpenedFile,
    advance: Advance,
) -> Source:
    """Check one file and add its rows."""
    tasks, names = loaded.tasks.values(), file.names
    needed = _needed_columns(file, loaded.columns, loaded.tasks)
    rows_before = sum(source.rows for source in loaded.sources)
    rows, file_models, file_tasks = 0, set[str](), set[str]()
    order = {name: OrderCheck() for name, task in loaded.tasks.items() if not task.is_regression}
    for raw_part in files.parts(file.content, needed):
        try:
            part = to_schema(rename(raw_part, names), model=file.path.stem)
            _check_text_lengths(part, ("sample_id", "path", *codes))
        except RowError as error:
            raise error.moved(rows) from None
        columns = encode_columns(part, tasks, codes, file_index, order)
        columns = {n: c for n, c in columns.items() if n in loaded.columns}
        loaded.con.register("part", pa.table(columns))
        column_list = ", ".join(columns)
        loaded.con.execute(
            f"INSERT INTO t ({column_list}, key) "
            f"SELECT {column_list}, hash(sample_id, dataset) FROM part"
        )
        loaded.con.unregister("part")
        rows += len(part)
        advance(rows_before + rows)
        file_models |= set(part["model"].unique().to_pylist())
        file_tasks |= set(task_names(part.column_names))
        files.check_row_count(rows, str(file.path))
    if file.content == file.path:  # an imported one has been checked
        warnings = [w for name, check in order.items() if (w := check.warning(name))]
        loaded.notes += [f"{file.path.name}: {warning}" for warning in warnings]
    models = tuple(sorted(file_models))
    return Source(
        file.path, rows, file.meta, models, tuple(t for t in loaded.tasks if t in file_tasks)
    )


def _check_text_lengths(part: pa.Table, columns: Sequence[str]) -> None:
    for name in columns:
        if name in part.column_names:
            is_long = pc.greater(pc.utf8_length(part[name]), MAX_TEXT_LENGTH)
            if (row := int(pc.index(pc.fill_null(is_long, False), True).as_py())) >= 0:
                raise RowError(
                    f"column `{name}`",
                    f"at most {MAX_TEXT_LENGTH} characters",
                    "more",
                    row,
                    "shorten it.",
                )
