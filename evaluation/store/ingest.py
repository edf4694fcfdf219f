"""Loading of prediction tables of any size into one DuckDB table in memory.

Files are checked and integer-coded part by part, so that 10 million rows fit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import DataError
from core.labels import age_decade
from evaluation.metrics import regression
from evaluation.predictions.importing import ImportOptions
from evaluation.predictions.mapping import rename
from evaluation.predictions.meta import Meta
from evaluation.predictions.row_error import RowError
from evaluation.predictions.schema import GROUP, TYPES, conform, some
from evaluation.predictions.tasks import Task, task_names
from evaluation.store import files
from evaluation.store.encoding import (
    NAME_COLUMNS,
    OrderCheck,
    TextCodes,
    column_types,
    encode_columns,
)
from evaluation.store.opened_file import OpenedFile, all_tasks, open_file

MAX_TEXT_LENGTH = 1000
"""Characters of a name, a path or a group."""
MAX_EMBEDDING_ROWS = 200_000
"""Rows up to which embeddings are kept: 200 MB at 256 numbers."""
DUPLICATE_CHECK_ROWS = 2_000_000
"""Rows among which duplicates are looked for at a time."""


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
        codes: column of names or groups -> the text of each code.
        columns: columns of `t`.
        sources: the files.
        notes: what a reader should know.
        tasks: by name, also those without truth or prediction.
    """

    con: duckdb.DuckDBPyConnection
    codes: dict[str, list[str]]
    columns: tuple[str, ...]
    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)


def load(paths: Sequence[Path], options: ImportOptions) -> LoadedTables:
    """Load prediction tables for a store; see `Store.open`.

    Raises:
        DataError: names the column, the row and the fix.
    """
    with tempfile.TemporaryDirectory(prefix="mien-import-") as folder:
        opened = [
            open_file(path, options, Path(folder) / f"{i}.parquet") for i, path in enumerate(paths)
        ]
        return _load(opened)


def _load(opened: Sequence[OpenedFile]) -> LoadedTables:
    paths = [file.path for file in opened]
    available = {n for file in opened for n in files.mapped_columns(file.content, file.names)}
    rows = sum(pq.read_metadata(file.content).num_rows for file in opened)
    files.check_row_count(rows, str(paths[0]) if len(paths) == 1 else f"{len(paths)} tables")
    has_embedding = "embedding" in available and rows <= MAX_EMBEDDING_ROWS
    group_columns = sorted(n for n in available if n.startswith(GROUP))
    tasks = all_tasks(opened)
    types = column_types(available, tasks.values(), group_columns, has_embedding=has_embedding)
    con = duckdb.connect(":memory:")
    con.execute(
        "SET temp_directory = ''; SET enable_external_access = false; SET lock_configuration = true"
    )  # no file is read or written
    con.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, kind in types.items())})")
    codes: dict[str, TextCodes] = {name: {} for name in (*NAME_COLUMNS, *group_columns)}
    loaded = LoadedTables(con, {}, tuple(types), tasks=tasks)
    for file in opened:
        loaded.notes += [*file.notes, *file.warnings]
    if "embedding" in available and not has_embedding:
        loaded.notes.append(
            f"Embeddings are left out beyond {MAX_EMBEDDING_ROWS:,} rows: no map and no nearest "
            f"neighbours."
        )
    for file_index, file in enumerate(opened):
        loaded.sources.append(_insert(loaded, codes, file_index, file))
    loaded.codes = {name: list(c) for name, c in codes.items()}
    loaded.codes["age_decade"] = [age_decade(regression.WIDTH * i) for i in range(regression.BANDS)]
    _name_datasets(loaded)
    splits = sorted(name for name in loaded.codes["split"] if name)
    if len(splits) > 1:
        loaded.notes.append(
            f"Several splits are taken together: {some(splits)}; choose one under Split."
        )
    _check_duplicates(loaded)
    if len(loaded.sources) > 1:
        _separate_models(loaded)
    pa.default_memory_pool().release_unused()
    return loaded


def _insert(
    loaded: LoadedTables, codes: dict[str, TextCodes], file_index: int, file: OpenedFile
) -> Source:
    """Check one file and add its rows."""
    tasks, names = loaded.tasks.values(), file.names
    ours = {theirs: ours for ours, theirs in names.items()}
    prefixes = (GROUP, *(f"{task.name}_" for task in tasks))
    needed = set()
    for name in files.column_names(file.content):
        column = ours.get(name, name)
        if column in TYPES or column.startswith(prefixes):
            needed.add(name)
        if column == "embedding" and column not in loaded.columns:
            needed.discard(name)
    rows, file_models, file_tasks = 0, set[str](), set[str]()
    order = {name: OrderCheck() for name, task in loaded.tasks.items() if not task.is_regression}
    for raw_part in files.parts(file.content, needed):
        try:
            part = conform(rename(raw_part, names), model=file.path.stem)
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


def _name_datasets(loaded: LoadedTables) -> None:
    """Name the data set of rows that name none, by other rows with the same `sample_id`.

    Only where these name exactly one; `notes` count the rows of both kinds.
    """
    con, texts = loaded.con, loaded.codes["dataset"]
    if "" not in texts or len(texts) == 1:
        return
    unnamed = texts.index("")
    con.execute(
        "CREATE TEMP TABLE named AS SELECT hash(sample_id) AS sample, min(dataset) AS first, "
        "max(dataset) AS last FROM t "
        "WHERE dataset <> $1 AND hash(sample_id) IN (SELECT hash(sample_id) FROM t WHERE dataset = "
        "$1) GROUP BY sample",
        [unnamed],
    )
    match = "t.dataset = ? AND hash(t.sample_id) = named.sample AND named.first"
    ambiguous_rows = _scalar(
        con, f"SELECT count(*) FROM t, named WHERE {match} <> named.last", [unnamed]
    )
    update = (
        "UPDATE t SET dataset = named.first, key = hash(t.sample_id, named.first) "
        f"FROM named WHERE {match} = named.last"
    )
    named_rows = _scalar(con, update, [unnamed])
    con.execute("DROP TABLE named")
    if named_rows:
        loaded.notes.append(
            f"{named_rows:,} rows name no data set: they are assigned to the one that other rows "
            f"with their `sample_id` name."
        )
    if ambiguous_rows:
        loaded.notes.append(
            f"{ambiguous_rows:,} rows name no data set, and their `sample_id` is in several: they "
            f"are paired with no row that names one, and may count twice; fill the column "
            f"`dataset`."
        )


def _check_duplicates(loaded: LoadedTables) -> None:
    """Refuse tables without rows, or with a sample twice in one file for one model.

    Raises:
        DataError: names the sample and both rows.
    """
    con = loaded.con
    rows = _scalar(con, "SELECT count(*) FROM t")
    if not rows:
        raise DataError(
            f"Expected predictions in {some([str(s.path) for s in loaded.sources])}, got no row; "
            f"make the table again."
        )
    # Buckets of samples are checked one after another, so that ten million rows need no gigabyte
    # more; numbers group faster than texts.
    buckets = rows // DUPLICATE_CHECK_ROWS + 1
    query = (
        "SELECT count(*) FROM (SELECT DISTINCT file, model, hash(sample_id) AS h FROM t "
        "WHERE hash(sample_id) % ? = ?)"
    )
    if sum(_scalar(con, query, [buckets, i]) for i in range(buckets)) < rows:
        _refuse_duplicates(loaded)


def _refuse_duplicates(loaded: LoadedTables) -> None:
    """Raise for the first sample that is there twice; equal hashes of two samples pass."""
    con = loaded.con
    duplicate = con.execute(
        "SELECT file, model, sample_id FROM t GROUP BY ALL HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if duplicate:
        file_index, _, sample_id = duplicate
        row_ids = con.execute(
            "SELECT rowid FROM t WHERE file = ? AND model = ? AND sample_id = ? ORDER BY 1 LIMIT 2",
            duplicate,
        ).fetchall()
        offset = sum(s.rows for s in loaded.sources[:file_index])
        row_numbers = [row_id - offset + 1 for (row_id,) in row_ids]
        raise DataError(
            f"Expected one row per `sample_id` and `model`, got {sample_id!r} in rows "
            f"{row_numbers}; drop one or name its model."
            + (f" (in {loaded.sources[file_index].path})" if len(loaded.sources) > 1 else "")
        )


def _separate_models(loaded: LoadedTables) -> None:
    """Rename the model of a file that shares samples with an earlier file's model of that name."""
    con = loaded.con
    texts = loaded.codes["model"]
    shared_models = (
        "SELECT DISTINCT model FROM (SELECT model, key FROM t GROUP BY ALL "
        "HAVING count(DISTINCT file) > 1)"
    )
    for (model,) in con.execute(shared_models).fetchall():
        for (file_index,) in con.execute(
            "SELECT DISTINCT file FROM t WHERE model = ? ORDER BY 1", [model]
        ).fetchall()[1:]:
            new_name = f"{texts[model]} ({loaded.sources[file_index].path.stem})"
            new_name = new_name if new_name not in texts else f"{new_name} {file_index + 1}"
            texts.append(new_name)
            con.execute(
                "UPDATE t SET model = ? WHERE model = ? AND file = ?",
                [len(texts) - 1, model, file_index],
            )
            loaded.notes.append(
                f"Two tables name their model {texts[model]!r} and share samples; that of "
                f"{loaded.sources[file_index].path.name} is {new_name!r}."
            )


def _scalar(con: duckdb.DuckDBPyConnection, query: str, params: Sequence[int] = ()) -> int:
    row = con.execute(query, list(params)).fetchone()
    assert row is not None
    return int(row[0])
