"""CSV and its kin: any delimiter, quotes, line ends, titles above the header."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from core.errors import DataError
from core.files import FORMULA, read_csv_cell
from evaluation.predictions.importing.header import check_width, header_row, named_or_filled
from evaluation.predictions.importing.numbers import parse

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", "^": "caret", "~": "tilde"}
RARE_DELIMITERS = (":", " ")
SAMPLE_ROWS, SAMPLE_CHARACTERS = 60, 2**18
SNIFFED_CHARACTERS = 2**16
"""Enough for rows of 2,000 columns; DuckDB takes a second for 2**18 characters of empty cells."""
SEP_LINE = re.compile(r'"?sep=(.|\\t)"?\s*(?:\r\n|\n|\r)', re.I)
NULL_WORDS = ("None", "NA", "N/A", "n/a")
"""What stands for a missing value, or for a class or a group such as no mask or North America."""
NULL_TEXTS = ("", "nan", "NaN", "NAN", "<NA>", "#N/A", "null", "NULL", *NULL_WORDS)


def read_delimited(
    text: str,
) -> tuple[pa.Table, str, list[str], dict[str, pa.ChunkedArray]]:
    """Return the cells of a delimited text as strings, the delimiter, and notes in words.

    Blanks around cells are cut off; what usually stands for a missing value is null. The last
    result has the columns of words in which NULL_WORDS occur, with these.

    Raises:
        DataError: the text is no table; names the row and the fix.
    """
    notes = []
    delimiter = ""
    if match := SEP_LINE.match(text):
        delimiter = "\t" if match[1] == "\\t" else match[1]
        text = text[match.end() :]
        notes.append("its first line names the delimiter")
    first_line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    for candidate in DELIMITERS:  # before anything that takes longer
        check_width(first_line.count(candidate) + 1)
    sample = text[:SAMPLE_CHARACTERS]
    delimiter = delimiter or find_delimiter(sample)
    # A blank between a delimiter and a quotation mark would make the mark part of the cell
    if delimiter != " ":
        text = re.sub(rf'({re.escape(delimiter)}|^)[ ]+"(?!")', r'\1"', text, flags=re.M)
    start, names, skipped = _header(text, delimiter)
    if skipped:
        notes.append(f"{skipped} line{'s' * (skipped > 1)} above the header left out")
    table = _parse(text[start:], delimiter, len(names))
    columns = [_cleaned(column, NULL_TEXTS) for column in table.columns]
    words = {n: w for n, c in zip(names, table.columns, strict=True) if (w := _words(c, delimiter))}
    return named_or_filled(names, columns), delimiter, notes, words


def find_delimiter(sample: str) -> str:
    """Return the delimiter of a text: DuckDB's sniffer proposes, the rows' equal width decides."""
    import duckdb  # a script that only writes tables does without

    candidates = list(DELIMITERS)
    with tempfile.TemporaryDirectory(prefix="mien-import-") as folder:
        path = Path(folder) / "sample.csv"
        sniffed = sample[:SNIFFED_CHARACTERS]
        sniffed = sniffed[: sniffed.rfind("\n") + 1] or sniffed
        path.write_text(sniffed, encoding="utf-8", newline="")
        try:
            row = duckdb.execute("SELECT Delimiter FROM sniff_csv(?)", [str(path)]).fetchone()
        except duckdb.Error:
            row = None
    if row and row[0] in DELIMITERS:
        candidates = [row[0], *(d for d in candidates if d != row[0])]
    scores = {d: _score(sample, d) for d in candidates}
    best = max(scores, key=lambda d: scores[d])
    if scores[best] > (0.0, 0):
        return best
    return max(RARE_DELIMITERS, key=lambda d: _score(sample, d))


def _score(sample: str, delimiter: str) -> tuple[float, int]:
    """Return the share of rows as wide as most, and that width; (0, 0) for a single column."""
    widths = [len(row) for row in _rows(sample, delimiter)]
    widths = widths[:-1] if len(widths) > 2 else widths  # the last may be cut off
    if not widths:
        return 0.0, 0
    width = max(set(widths), key=widths.count)
    return (0.0, 0) if width < 2 else (widths.count(width) / len(widths), width)


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the first rows; empty ones are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [row for row in islice(reader, SAMPLE_ROWS) if row]
    except csv.Error:
        return []


def _header(text: str, delimiter: str) -> tuple[int, list[str], int]:
    """Return where the rows below the header begin, the columns' names, and the lines above it."""
    line = re.match(r"[^\r\n]*", text)
    check_width(line[0].count(delimiter) + 1 if line else 1)
    reader = csv.reader(io.StringIO(text[: 4 * SAMPLE_CHARACTERS], newline=""), delimiter=delimiter)
    rows, ends = [], []
    try:
        for row in islice(reader, SAMPLE_ROWS):
            rows.append([read_csv_cell(cell.strip()) for cell in row])
            ends.append(reader.line_num)
    except csv.Error as error:
        raise DataError(
            f"Expected a table, got line {reader.line_num}: {error}; try UTF-8 with commas."
        ) from None
    if not rows:
        raise DataError("Expected a first line with names of columns, got none; write it again.")
    at = header_row(rows)
    check_width(len(rows[at]))
    line_ends = re.finditer(r"\r\n|\n|\r", text)
    end = next(islice(line_ends, ends[at] - 1, None), None)
    skipped = ends[at - 1] if at else 0
    return end.end() if end else len(text), rows[at], skipped


def _parse(text: str, delimiter: str, columns: int) -> pa.Table:
    """Return the rows below the header, all cells as strings; columns are named 0, 1, ..."""
    names = [str(i) for i in range(columns)]
    if not text.strip():
        return pa.table({name: pa.array([], pa.string()) for name in names})
    problems: list[str] = []

    def report(row: pcsv.InvalidRow) -> str:
        # Fewer or more cells than the header has names; empty ones at the end are harmless
        if not problems:
            place = f"row {row.number - 1}" if row.number else f"the row {row.text[:60]!r}"
            problems.append(f"got {row.actual_columns} in {place}")
        return "skip"

    try:
        table = pcsv.read_csv(
            pa.BufferReader((delimiter.join(names) + "\n" + text).encode()),
            pcsv.ReadOptions(use_threads=False, block_size=2**26),
            pcsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=report
            ),
            pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowException as error:
        raise DataError(
            f"Expected a table with the delimiter {delimiter!r}, got: {str(error)[:160]}; "
            "quote cells that hold the delimiter."
        ) from None
    if problems:
        raise DataError(
            f"Expected {columns} cells in each row, as in the header, {problems[0]}; quote cells "
            f"that hold the delimiter {delimiter!r}, or complete the row."
        )
    return table


def _cleaned(column: pa.ChunkedArray, null_texts: Sequence[str]) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(column)
    is_missing = pc.is_in(trimmed, value_set=pa.array(null_texts))
    texts = pc.if_else(is_missing, pa.scalar(None, pa.string()), trimmed)
    return pc.replace_substring_regex(texts, f"^'({FORMULA})", r"\1")  # see `core.files.csv_cell`


def _words(column: pa.ChunkedArray, delimiter: str) -> pa.ChunkedArray | None:
    """Return a column with NULL_WORDS; None where there are none, or the rest are no words."""
    texts = _cleaned(column, [text for text in NULL_TEXTS if text not in NULL_WORDS])
    is_null_word = pc.is_in(texts, value_set=pa.array(NULL_WORDS))
    if not pc.any(is_null_word).as_py():
        return None
    is_number = parse(texts.filter(pc.invert(is_null_word)), delimiter) is not None
    return None if is_number else texts
