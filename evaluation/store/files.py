"""Reading of prediction files for a store: checked headers, and rows in parts of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from core.data.base.table_header import csv_header, parquet_schema
from core.errors import DataError
from evaluation.predictions import table
from evaluation.predictions.schema import GROUP, P_EMOTION, P_GENDER, TASKS, TYPES, some, tasks

MAX_ROWS = 20_000_000
"""About 3 GB with every column of the contract."""
MAX_CSV_BYTES = 4 * 2**30
MAX_UNPACKED_BYTES = 8 * 2**30
"""Uncompressed size of the columns that are read of a Parquet file; 20 million rows with every
column of the contract need about 3 GB.
"""
SMALL_UNPACKED_BYTES = 2**30
"""Uncompressed size that is allowed for any file, however small."""
MAX_COMPRESSION = 20
"""Uncompressed size of a larger table, in times the file's size (real tables: 1 to 5)."""
MAX_ROW_BYTES = 2**17
"""Size of one row; an embedding of 4,096 numbers takes an eighth."""
MAX_GROUPS = 60
PART_ROWS = 250_000
PART_BYTES = 2**29
"""Size of the texts of a part once their dictionaries are decoded."""


def is_csv(path: Path) -> bool:
    """Return whether a file is CSV; otherwise it is Parquet."""
    return path.suffix.lower() == ".csv"


def column_names(path: Path) -> list[str]:
    """Return the names of a file's columns, at most `MAX_COLUMNS`, no two alike.

    Raises:
        DataError: the file is missing or no table, or its columns are too many or alike.
    """
    if not path.is_file():
        raise DataError(
            f"Expected a predictions table at {path}, got no file; try `python -m evaluation "
            f"predict --out {path}`."
        )
    try:
        if not is_csv(path):
            names: list[str] = parquet_schema(path).names
            return names
        if (size := path.stat().st_size) > MAX_CSV_BYTES:
            raise DataError(
                f"Expected a CSV of at most {MAX_CSV_BYTES >> 30} GB, got {size / 2**30:.1f} GB in "
                f"{path}; try Parquet."
            )
        return csv_header(path)
    except OSError as error:
        raise DataError(
            f"Expected a Parquet (or *.csv) table, got {path}: {str(error)[:200]}"
        ) from None


def mapped_columns(path: Path, names: Mapping[str, str]) -> list[str]:
    """Return the names of the columns after renaming, checked.

    Args:
        path: a Parquet or CSV file.
        names: column of the contract -> column of the file.

    Raises:
        DataError: the file is no table or has nothing to compare, or a name is not valid.
    """
    columns = column_names(path)
    unknown = sorted(
        n
        for n in names
        if n not in TYPES and not n.startswith((P_EMOTION, GROUP)) and n != P_GENDER
    )
    if unknown:
        raise DataError(
            f"Expected --map to name a column of the contract, got {unknown[0]!r}; try one of "
            f"{some(sorted(TYPES))}."
        )
    empty = table.rename(pa.table({n: pa.array([], pa.string()) for n in columns}), names)
    if not tasks(empty):
        required = "; or ".join(
            f"`{true}` and one of {some(preds)}" for true, preds in TASKS.values()
        )
        raise DataError(
            f"Expected columns {required}; got {some(sorted(empty.column_names))}; try --map "
            f"emotion_true=COLUMN."
        )
    groups = [n for n in empty.column_names if n.startswith(GROUP)]
    invalid = [
        n
        for n in groups
        if not (
            n.isidentifier() and n.isascii() and [g.lower() for g in groups].count(n.lower()) == 1
        )
    ]
    if invalid or len(groups) > MAX_GROUPS:
        rule = f"at most {MAX_GROUPS} columns {GROUP}<name>, different names of a-z, 0-9 and _"
        raise DataError(f"Expected {rule}, got {some(invalid or groups)}; rename or drop.")
    result: list[str] = empty.column_names
    return result


def parts(path: Path, columns: set[str]) -> Iterator[pa.Table]:
    """Yield the rows of a file in parts, with those of `columns` that it has.

    Raises:
        DataError: the file is no table, or larger than the limits above.
    """
    try:
        if is_csv(path):
            # Everything is read as text first: inference would turn the sample "0001" into the
            # number 1.
            file_columns = column_names(path)
            options = pcsv.ConvertOptions(
                column_types={n: pa.string() for n in file_columns},
                strings_can_be_null=True,
                null_values=table.NULL_TEXTS,
                include_columns=[n for n in file_columns if n in columns],
            )
            with pcsv.open_csv(
                path, pcsv.ReadOptions(block_size=64 * 2**20), convert_options=options
            ) as reader:
                yield from (table.unescape(pa.Table.from_batches([batch])) for batch in reader)
        else:
            fields = {f.name: f.type for f in pq.read_schema(path) if f.name in columns}
            texts = {n: kind for n, kind in fields.items() if _is_text(kind)}
            with pq.ParquetFile(path, read_dictionary=list(texts)) as file:
                _check_unpacked_size(file.metadata, list(fields), path)
                for batch in file.iter_batches(PART_ROWS, columns=list(fields)):
                    yield from _decoded_slices(batch, texts, path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"Expected a Parquet (or *.csv) table, got {path}: {str(error)[:200]}"
        ) from None


def _check_unpacked_size(meta: pq.FileMetaData, columns: list[str], path: Path) -> None:
    """Refuse too large columns or rows by the sizes in the footer, before anything is unpacked.

    A file of 5 kB can hold a text of 100 MB, or a list as long.
    """
    leaves = [
        i
        for i in range(meta.num_columns)
        if any(f"{meta.schema.column(i).path}.".startswith(f"{n}.") for n in columns)
    ]
    allowed = max(SMALL_UNPACKED_BYTES, MAX_COMPRESSION * path.stat().st_size)
    limit, total = min(MAX_UNPACKED_BYTES, allowed), 0
    for group in (meta.row_group(i) for i in range(meta.num_row_groups)):
        chunks = [group.column(i) for i in leaves]
        # Runs of one value pack to nothing, hence at least 4 bytes a value.
        size = sum(max(c.total_uncompressed_size, 4 * c.num_values) for c in chunks)
        if size > MAX_ROW_BYTES * max(group.num_rows, 1):
            _refuse_long_rows(path)
        total += size
    if total > limit:
        raise DataError(
            f"Expected at most {limit / 2**30:.0f} GB of table in {path}, got {total / 2**30:.1f} "
            f"GB; try a part of its rows."
        )


def _decoded_slices(
    batch: pa.RecordBatch, texts: Mapping[str, pa.DataType], path: Path
) -> Iterator[pa.Table]:
    """Yield the batch in slices of at most PART_BYTES of texts.

    Args:
        batch: rows of a Parquet file.
        texts: name -> type of the columns that were read as dictionaries, where a long text that
            repeats is held once, whatever the footer says.
        path: for messages.
    """
    dictionaries = [c.dictionary for c in batch.columns if pa.types.is_dictionary(c.type)]
    row_bytes = sum(
        pc.max(pc.binary_length(d)).as_py() or 0 for d in dictionaries if _is_text(d.type)
    )
    if row_bytes > MAX_ROW_BYTES or batch.nbytes > MAX_ROW_BYTES * max(len(batch), 1):
        _refuse_long_rows(path)
    step = min(PART_ROWS, PART_BYTES // max(row_bytes, 1))
    for start in range(0, len(batch), step):
        part = batch.slice(start, step)
        columns = {
            n: part[n].dictionary_decode().cast(texts[n]) if n in texts else part[n]
            for n in part.schema.names
        }
        yield pa.table(columns)


def _is_text(kind: pa.DataType) -> bool:
    t = pa.types
    return any(
        is_kind(kind)
        for is_kind in (
            t.is_string,
            t.is_large_string,
            t.is_string_view,
            t.is_binary,
            t.is_large_binary,
            t.is_binary_view,
        )
    )


def _refuse_long_rows(path: Path) -> NoReturn:
    raise DataError(
        f"Expected rows of at most {MAX_ROW_BYTES >> 10} kB, got larger ones in {path}; shorten "
        f"its texts and lists."
    )


def check_row_count(rows: int, source: str) -> None:
    """Refuse more than MAX_ROWS rows.

    Args:
        rows: the number of rows.
        source: the file or files, for the message.

    Raises:
        DataError: there are more.
    """
    if rows > MAX_ROWS:
        raise DataError(
            f"Expected at most {MAX_ROWS:,} rows, got more in {source}; try a sample of them, or "
            f"one model at a time."
        )
