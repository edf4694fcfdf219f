"""Names of a table's columns, read with bounded work before anything else of the file is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import DataError

MAX_COLUMNS = 2_000
MAX_HEADER_BYTES = 1 << 20
"""First line of a CSV file: 500 characters for each name."""
MAX_FOOTER_BYTES = 16 << 20
"""Names, types and positions in a Parquet file; 30 columns in 1,000 groups of rows take 4 MB."""


def check_columns(names: Sequence[str], source: str | Path) -> None:
    """Refuse too many columns, and two of one name; the work grows with their number alone.

    Args:
        names: of the columns.
        source: the file, for messages.

    Raises:
        DataError: names the limit, or the repeated name.
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"Expected at most {MAX_COLUMNS:,} columns, got {len(names):,} in {source}; try a file "
            "with the columns of the predictions alone."
        )
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise DataError(
            f"Expected column names to be unique, got {repeated[0]!r:.80} twice in {source}; "
            "rename one."
        )


def parquet_schema(path: Path) -> pa.Schema:
    """Return names and types of the columns of a Parquet file, checked.

    Raises:
        DataError: the file is no Parquet, its footer is too large, a name is not UTF-8, or as
            `check_columns`.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8))
        tail = file.read(8)
    footer_bytes = int.from_bytes(tail[:4], "little")
    if tail[4:] == b"PAR1" and footer_bytes > MAX_FOOTER_BYTES:
        raise DataError(
            f"Expected a Parquet file whose footer has at most {MAX_FOOTER_BYTES >> 20} MB, got "
            f"{footer_bytes / 2**20:.0f} MB in {path}; try fewer columns or larger groups of rows."
        )
    try:
        with only_utf8_names(path):
            schema = pq.read_schema(path)
            read_names(schema)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected a Parquet table, got {path}: {str(error)[:200]}") from None
    check_columns(schema.names, path)
    return schema


@contextmanager
def only_utf8_names(source: str | Path) -> Iterator[None]:
    """Refuse names of columns that are no UTF-8, which whatever looks at them cannot decode.

    Args:
        source: the file, for messages.

    Raises:
        DataError: a name is not UTF-8.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"Expected column names in UTF-8, got the bytes {error.object[:40]!r} in {source}; "
            "rename the column."
        ) from None


def read_names(fields: Iterable[pa.Field]) -> list[str]:
    """Return the names of columns and of the fields nested in them.

    Each name is read by itself, since `str(schema)` does not fail on one that is not UTF-8.

    Raises:
        UnicodeDecodeError: a name is not UTF-8.
    """
    names = []
    for field in fields:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        names += [field.name, *read_names(_children(kind))]
    return names


def _children(kind: pa.DataType) -> list[pa.Field]:
    """Return the fields of a struct, list, map or union."""
    if pa.types.is_map(kind):
        return [kind.key_field, kind.item_field]
    if hasattr(kind, "value_field"):  # every kind of list
        return [kind.value_field]
    return [kind.field(i) for i in range(kind.num_fields)]
