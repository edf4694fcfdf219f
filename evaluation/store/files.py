"""Reading of Parquet files for a store: checked headers, and rows in parts of bounded size."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.data.base.table_header import parquet_schema
from core.data.base.table_size import is_text, unpacked_limit
from core.errors import DataError
from evaluation.predictions.mapping import rename
from evaluation.predictions.schema import GROUP, some

MAX_ROWS = 200_000_000
MAX_UNPACKED_BYTES = 64 * 2**30
"""Uncompressed size of the columns that are read of a Parquet file; 100 million rows with every
column of the contract need about 15 GB.
"""
MAX_ROW_BYTES = 2**17
"""Size of one row; an embedding of 4,096 numbers takes an eighth."""
MAX_GROUPS = 60
PART_ROWS = 250_000
PART_BYTES = 2**29
"""Size of the texts of a part once their dictionaries are decoded."""


def column_names(path: Path) -> list[str]:
    """Return the names of a file's columns, at most `MAX_COLUMNS`, no two alike.

    Raises:
        DataError: the file is no table, or its columns are too many or alike.
    """
    try:
        names: list[str] = parquet_schema(path).names
        return names
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected a Parquet table, got {path}: {str(error)[:200]}") from None


def mapped_columns(path: Path, names: Mapping[str, str]) -> list[str]:
    """Return the names of the columns after renaming, checked.

    Args:
        path: a Parquet file.
        names: column of the contract -> column of the file.

    Raises:
        DataError: the file is no table, or a name is not valid.
    """
    columns = column_names(path)
    empty = rename(pa.table({n: pa.array([], pa.string()) for n in columns}), names)
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
        fields = {f.name: f.type for f in pq.read_schema(path) if f.name in columns}
        texts = {n: kind for n, kind in fields.items() if is_text(kind)}
        # pre_buffer would keep the bytes of all parts until the file is closed.
        with pq.ParquetFile(path, read_dictionary=list(texts), pre_buffer=False) as file:
            unpacked_size(file.metadata, list(fields), path)
            for batch in file.iter_batches(PART_ROWS, columns=list(fields)):
                yield from _decoded_slices(batch, texts, path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected a Parquet table, got {path}: {str(error)[:200]}") from None


def unpacked_size(meta: pq.FileMetaData, columns: Collection[str], path: Path) -> int:
    """Return the bytes of some columns by the footer, before anything is unpacked.

    A file of 5 kB can hold a text of 100 MB, or a list as long.

    Raises:
        DataError: the columns, or rows of them, are too large.
    """
    leaves = [
        i
        for i in range(meta.num_columns)
        if any(f"{meta.schema.column(i).path}.".startswith(f"{n}.") for n in columns)
    ]
    limit, total = unpacked_limit(path.stat().st_size, MAX_UNPACKED_BYTES), 0
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
    return total


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
    batch.validate(full=True)  # texts may be any bytes
    dictionaries = [c.dictionary for c in batch.columns if pa.types.is_dictionary(c.type)]
    row_bytes = sum(
        pc.max(pc.binary_length(d)).as_py() or 0 for d in dictionaries if is_text(d.type)
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
