"""The files behind a store: their headers, checked, and their rows part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from core.errors import DataError
from evaluation import table
from evaluation.conform import GROUP, P_EMOTION, P_GENDER, TASKS, TYPES, some, tasks

MAX_ROWS = 20_000_000
"""About 3 GB with everything that a table may say."""
MAX_CSV = 4 * 2**30
MAX_GROUPS = 60
PART = 250_000


def is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def raw(path: Path) -> list[str]:
    """Names of a file's columns. Raises DataError where it is no table."""
    if not path.is_file():
        raise DataError(f"Expected a predictions table at {path}, got no file; try `python -m evaluation predict --out {path}`.")
    try:
        if not is_csv(path):
            return pq.read_schema(path).names
        if (size := path.stat().st_size) > MAX_CSV:
            raise DataError(f"Expected a CSV of at most {MAX_CSV >> 30} GB, got {size / 2**30:.1f} GB in {path}; try Parquet.")
        with path.open("rb") as file:
            return pcsv.read_csv(pa.BufferReader(file.readline(10_000_000))).column_names
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected a Parquet (or *.csv) table, got {path}: {str(error)[:200]}") from None


def header(path: Path, names: Mapping[str, str]) -> list[str]:
    """Names of the columns after renaming. Raises DataError where the file is no table or has nothing to compare."""
    found = raw(path)
    twice = sorted({n for n in found if found.count(n) > 1})
    if twice:
        raise DataError(f"Expected column names to be unique, got {twice[0]!r} twice; rename one.")
    odd = sorted(n for n in names if n not in TYPES and not n.startswith((P_EMOTION, GROUP)) and n != P_GENDER)
    if odd:
        raise DataError(f"Expected --map to name a column of the contract, got {odd[0]!r}; try one of {some(sorted(TYPES))}.")
    empty = table.rename(pa.table({n: pa.array([], pa.string()) for n in found}), names)
    if not tasks(empty):
        needed = "; or ".join(f"`{true}` and one of {some(preds)}" for true, preds in TASKS.values())
        raise DataError(f"Expected columns {needed}; got {some(sorted(empty.column_names))}; try --map emotion_true=COLUMN.")
    groups = [n for n in empty.column_names if n.startswith(GROUP)]
    strange = [n for n in groups if not (n.isidentifier() and n.isascii() and [g.lower() for g in groups].count(n.lower()) == 1)]
    if strange or len(groups) > MAX_GROUPS:
        rule = f"at most {MAX_GROUPS} columns {GROUP}<name>, different names of a-z, 0-9 and _"
        raise DataError(f"Expected {rule}, got {some(strange or groups)}; rename or drop.")
    return empty.column_names


def parts(path: Path, wanted: set[str]) -> Iterator[pa.Table]:
    try:
        if is_csv(path):
            # Everything is read as text first: inference would turn the sample "0001" into the number 1.
            found = raw(path)
            options = pcsv.ConvertOptions(
                column_types={n: pa.string() for n in found}, strings_can_be_null=True, null_values=table.NULLS,
                include_columns=[n for n in found if n in wanted],
            )  # fmt: skip
            with pcsv.open_csv(path, pcsv.ReadOptions(block_size=64 * 2**20), convert_options=options) as reader:
                yield from (pa.Table.from_batches([batch]) for batch in reader)
        else:
            with pq.ParquetFile(path) as file:
                columns = [n for n in file.schema_arrow.names if n in wanted]
                yield from (pa.Table.from_batches([batch]) for batch in file.iter_batches(PART, columns=columns))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected a Parquet (or *.csv) table, got {path}: {str(error)[:200]}") from None


def enough(rows: int, what: str) -> None:
    if rows > MAX_ROWS:
        raise DataError(f"Expected at most {MAX_ROWS:,} rows, got more in {what}; try a sample of them, or one model at a time.")
