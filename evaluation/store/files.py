"""The files behind a store: their headers, checked, and their rows part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from core.errors import DataError
from evaluation.predictions import table
from evaluation.predictions.schema import GROUP, P_EMOTION, P_GENDER, TASKS, TYPES, some, tasks

MAX_ROWS = 20_000_000
"""About 3 GB with everything that a table may say."""
MAX_CSV = 4 * 2**30
MAX_UNPACKED = 8 * 2**30
"""Bytes of a Parquet file's columns that are read, unpacked; 20 million rows of everything need
about 3 GB.
"""
SMALL, TIMES = 2**30, 20
"""Bytes that any file may unpack to; a larger table may unpack to so many times the file's size
(real ones: 1 to 5).
"""
ROW_BYTES = 2**17
"""Bytes of one row; an embedding of 4,096 numbers takes an eighth."""
MAX_GROUPS = 60
PART = 250_000
PART_BYTES = 2**29
"""Texts of a part, written out."""


def is_csv(path: Path) -> bool:
    """Return whether a table is CSV; else it is Parquet."""
    return path.suffix.lower() == ".csv"


def raw(path: Path) -> list[str]:
    """Names of a file's columns. Raises DataError where it is no table."""
    if not path.is_file():
        raise DataError(
            f"Expected a predictions table at {path}, got no file; try `python -m evaluation "
            f"predict --out {path}`."
        )
    try:
        if not is_csv(path):
            result: list[str] = pq.read_schema(path).names
            return result
        if (size := path.stat().st_size) > MAX_CSV:
            raise DataError(
                f"Expected a CSV of at most {MAX_CSV >> 30} GB, got {size / 2**30:.1f} GB in "
                f"{path}; try Parquet."
            )
        with path.open("rb") as file:
            result = pcsv.read_csv(pa.BufferReader(file.readline(10_000_000))).column_names
            return result
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"Expected a Parquet (or *.csv) table, got {path}: {str(error)[:200]}"
        ) from None


def header(path: Path, names: Mapping[str, str]) -> list[str]:
    """Names of the columns after renaming.

    Raises DataError where the file is no table or has nothing to compare.
    """
    found = raw(path)
    twice = sorted({n for n in found if found.count(n) > 1})
    if twice:
        raise DataError(f"Expected column names to be unique, got {twice[0]!r} twice; rename one.")
    odd = sorted(
        n
        for n in names
        if n not in TYPES and not n.startswith((P_EMOTION, GROUP)) and n != P_GENDER
    )
    if odd:
        raise DataError(
            f"Expected --map to name a column of the contract, got {odd[0]!r}; try one of "
            f"{some(sorted(TYPES))}."
        )
    empty = table.rename(pa.table({n: pa.array([], pa.string()) for n in found}), names)
    if not tasks(empty):
        needed = "; or ".join(
            f"`{true}` and one of {some(preds)}" for true, preds in TASKS.values()
        )
        raise DataError(
            f"Expected columns {needed}; got {some(sorted(empty.column_names))}; try --map "
            f"emotion_true=COLUMN."
        )
    groups = [n for n in empty.column_names if n.startswith(GROUP)]
    strange = [
        n
        for n in groups
        if not (
            n.isidentifier() and n.isascii() and [g.lower() for g in groups].count(n.lower()) == 1
        )
    ]
    if strange or len(groups) > MAX_GROUPS:
        rule = f"at most {MAX_GROUPS} columns {GROUP}<name>, different names of a-z, 0-9 and _"
        raise DataError(f"Expected {rule}, got {some(strange or groups)}; rename or drop.")
    result: list[str] = empty.column_names
    return result


def parts(path: Path, wanted: set[str]) -> Iterator[pa.Table]:
    """Yield the table in parts, with the columns of `wanted` that it has."""
    try:
        if is_csv(path):
            # Everything is read as text first: inference would turn the sample "0001" into the
            # number 1.
            found = raw(path)
            options = pcsv.ConvertOptions(
                column_types={n: pa.string() for n in found},
                strings_can_be_null=True,
                null_values=table.NULL_TEXTS,
                include_columns=[n for n in found if n in wanted],
            )
            with pcsv.open_csv(
                path, pcsv.ReadOptions(block_size=64 * 2**20), convert_options=options
            ) as reader:
                yield from (pa.Table.from_batches([batch]) for batch in reader)
        else:
            fields = {f.name: f.type for f in pq.read_schema(path) if f.name in wanted}
            texts = {n: kind for n, kind in fields.items() if _is_text(kind)}
            with pq.ParquetFile(path, read_dictionary=list(texts)) as file:
                _check_unpacked(file.metadata, list(fields), path)
                for batch in file.iter_batches(PART, columns=list(fields)):
                    yield from _written_out(batch, texts, path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"Expected a Parquet (or *.csv) table, got {path}: {str(error)[:200]}"
        ) from None


def _check_unpacked(meta: pq.FileMetaData, columns: list[str], path: Path) -> None:
    """Refuses by what the footer says, before anything is unpacked.

    A file of 5 kB can hold a text of 100 MB, or a list as long.
    """
    leaves = [
        i
        for i in range(meta.num_columns)
        if any(f"{meta.schema.column(i).path}.".startswith(f"{n}.") for n in columns)
    ]
    most, total = min(MAX_UNPACKED, max(SMALL, TIMES * path.stat().st_size)), 0
    for group in (meta.row_group(i) for i in range(meta.num_row_groups)):
        chunks = [group.column(i) for i in leaves]
        size = sum(
            max(c.total_uncompressed_size, 4 * c.num_values) for c in chunks
        )  # runs of one value pack to nothing
        if size > ROW_BYTES * max(group.num_rows, 1):
            _refuse_rows(path)
        total += size
    if total > most:
        raise DataError(
            f"Expected at most {most / 2**30:.0f} GB of table in {path}, got {total / 2**30:.1f} "
            f"GB; try a part of its rows."
        )


def _written_out(
    batch: pa.RecordBatch, texts: Mapping[str, pa.DataType], path: Path
) -> Iterator[pa.Table]:
    """The batch in slices of at most PART_BYTES of texts.

    texts: name -> type of columns that were read as dictionaries, where a long text that repeats is
    held once, whatever the footer says.
    """
    words = [c.dictionary for c in batch.columns if pa.types.is_dictionary(c.type)]
    row = sum(pc.max(pc.binary_length(w)).as_py() or 0 for w in words if _is_text(w.type))
    if row > ROW_BYTES or batch.nbytes > ROW_BYTES * max(len(batch), 1):
        _refuse_rows(path)
    step = min(PART, PART_BYTES // max(row, 1))
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
        of(kind)
        for of in (
            t.is_string,
            t.is_large_string,
            t.is_string_view,
            t.is_binary,
            t.is_large_binary,
            t.is_binary_view,
        )
    )


def _refuse_rows(path: Path) -> NoReturn:
    raise DataError(
        f"Expected rows of at most {ROW_BYTES >> 10} kB, got larger ones in {path}; shorten its "
        f"texts and lists."
    )


def enough(rows: int, what: str) -> None:
    """Refuse more than MAX_ROWS rows.

    Raises:
        DataError: there are more.
    """
    if rows > MAX_ROWS:
        raise DataError(
            f"Expected at most {MAX_ROWS:,} rows, got more in {what}; try a sample of them, or one "
            f"model at a time."
        )
