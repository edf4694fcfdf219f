"""The file formats of foreign tables, told apart by their first bytes, not by their names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from core.data.base.table_header import check_columns
from core.data.base.table_size import decoded, read_arrow, read_parquet, unpacked_limit
from core.errors import DataError
from evaluation.predictions.importing.containers import ZIP, read_bytes
from evaluation.predictions.importing.delimited import DELIMITERS, read_delimited
from evaluation.predictions.importing.encodings import decode
from evaluation.predictions.importing.header import check_width
from evaluation.predictions.importing.json_table import read_json
from evaluation.predictions.importing.spreadsheet import read_spreadsheet

PARQUET, ARROW_FILE, ARROW_STREAM, FEATHER_1 = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff", b"FEA1"
OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
REFUSED = {
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"%PDF": "a PDF",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "a database",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x7fELF": "a program",
}


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """A table as its file has it.

    Attributes:
        table: columns of texts, numbers, booleans or lists; names may be empty, not twice.
        form: format, delimiter and encoding, in words.
        delimiter: of a text file, else "".
        is_plain: nothing but UTF-8 with commas, or Parquet.
        notes: what was left out.
        words: columns in which words such as `None` are null in `table`, as they were written.
    """

    table: pa.Table
    form: str
    delimiter: str = ""
    is_plain: bool = False
    notes: list[str] = field(default_factory=list)
    words: dict[str, pa.ChunkedArray] = field(default_factory=dict)


def read_raw(path: Path) -> RawTable:
    """Read a table of any of the formats.

    Raises:
        DataError: the file is missing, too large, no table, or one with too many columns.
    """
    try:
        name, content, packing = read_bytes(path)
        raw = _of_content(name, content)
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise DataError(
            f"Expected a Parquet, Arrow, CSV, JSON Lines or Excel table, got {path}: "
            f"{str(error)[:200]}; write it again as Parquet or CSV."
        ) from None
    except DataError as error:
        if str(path) in str(error):
            raise
        raise DataError(f"{str(error).rstrip('.')} (in {path}).") from None
    check_columns([name for name in raw.table.column_names if name], path)
    if packing:
        return replace(raw, form=f"{raw.form}, {packing}", is_plain=False)
    return raw


def _of_content(name: str, content: bytes) -> RawTable:
    """Return the table in a file, told by its first bytes; the name only tells CSV from JSON."""
    if content.startswith(PARQUET):
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            check_width(file.metadata.num_columns)
        return RawTable(
            _with_simple_types(read_parquet(pa.py_buffer(content))), "Parquet", is_plain=True
        )
    if content.startswith(ARROW_FILE):
        return RawTable(_with_simple_types(read_arrow(content)), "Arrow")
    if content.startswith(ARROW_STREAM):
        return RawTable(_with_simple_types(read_arrow(content)), "Arrow stream")
    if content.startswith(FEATHER_1):
        table = feather.read_table(pa.BufferReader(content))
        table.validate(full=True)
        table = decoded(table, unpacked_limit(len(content)))
        return RawTable(_with_simple_types(table), "Arrow")
    if content.startswith((OLD_EXCEL, ZIP)):
        table, notes = read_spreadsheet(content)
        return RawTable(table, "a spreadsheet", notes=notes)
    for magic, what in REFUSED.items():
        if content.startswith(magic):
            raise DataError(
                f"Expected a table (Parquet, Arrow, CSV, JSON Lines or Excel), got {what}; "
                "write it as Parquet or CSV."
            )
    text, encoding = decode(content)
    if "\x00" in text[:10_000]:
        raise DataError(
            "Expected a table (Parquet, Arrow, CSV, JSON Lines or Excel), got another binary file; "
            "write it as Parquet or CSV."
        )
    beginning = text[:1000].lstrip()
    if beginning.lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError("Expected a table, got a web page or XML; save it as CSV.")
    if beginning.startswith("{") or (
        beginning.startswith("[") and PurePosixPath(name).suffix.lower() not in (".csv", ".tsv")
    ):
        table, form = read_json(text)
        return RawTable(_with_simple_types(table), _with(form, encoding))
    table, delimiter, notes, words = read_delimited(text)
    kind = {",": "CSV", "\t": "TSV"}.get(
        delimiter, f"CSV with {DELIMITERS.get(delimiter, repr(delimiter))}s"
    )
    is_plain = delimiter == "," and encoding == "UTF-8" and not notes
    return RawTable(table, _with(kind, encoding), delimiter, is_plain, notes, words)


def _with(form: str, encoding: str) -> str:
    return form if encoding == "UTF-8" else f"{form} in {encoding}"


def _with_simple_types(table: pa.Table) -> pa.Table:
    """Return the table with bytes as texts, decimals as floats and nulls as empty texts."""
    columns = []
    for column in table.columns:
        kind, t = column.type, pa.types
        if t.is_large_string(kind) or t.is_large_binary(kind) or t.is_binary(kind):
            column = column.cast(pa.string())
        if t.is_decimal(kind) or t.is_float16(kind):
            column = column.cast(pa.float64())
        if t.is_null(kind):
            column = column.cast(pa.string())
        columns.append(column)
    return pa.table(columns, table.column_names).replace_schema_metadata(table.schema.metadata)
