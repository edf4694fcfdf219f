"""Plans of repair as CSV files, written for spreadsheets and read back strictly.

The columns are `sample_id, action, value, reason, split, fingerprint`; all but the first two may be
absent. Semicolons, tabs, a byte order mark and Windows line ends, as spreadsheets write them, are
read too; a row's number is the spreadsheet's. A cell that a spreadsheet would run as a formula is
written with an apostrophe before it, which reading takes away again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

from core.errors import DataError
from core.files import csv_cell, read_csv_cell
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.repair.destination import result_file
from evaluation.quality.repair.plan import PlanRow, check_rows

COLUMNS = ("sample_id", "action", "value", "reason", "split", "fingerprint")
REQUIRED_COLUMNS = COLUMNS[:2]
MAX_FILE_BYTES = 512 * 2**20


def write_plan(rows: Sequence[PlanRow], path: Path) -> None:
    """Write a plan as a CSV file that appears whole.

    Raises:
        DataError: it cannot be written, or a name is no text.
    """
    content = encode(rows)
    with result_file(path) as temporary:
        temporary.write_bytes(content)


def encode(rows: Iterable[PlanRow]) -> bytes:
    """Return the bytes of a plan's file.

    Raises:
        DataError: a name is no text.
    """
    try:
        return to_csv(rows).encode()
    except UnicodeEncodeError as error:
        name = error.object[error.start : error.start + 40]
        raise DataError(
            f"Expected names of pictures in UTF-8, got {name!r}; rename the file."
        ) from None


def to_csv(rows: Iterable[PlanRow]) -> str:
    """Return a plan as CSV in which no cell is a formula; the same rows give the same text."""
    lines = []
    for cells in (COLUMNS, *(astuple(row)[: len(COLUMNS)] for row in rows)):
        line = io.StringIO(newline="")
        # With both characters as line end the writer quotes a cell that holds either.
        csv.writer(line, lineterminator="\r\n").writerow([csv_cell(cell) for cell in cells])
        lines.append(line.getvalue()[:-2] + "\n")
    return "".join(lines)


def read_plan(path: Path, dataset: AuditDataset) -> list[PlanRow]:
    """Return the plan in a file, checked against the data, sorted by sample and action.

    Raises:
        DataError: not a table, made for other data, or rows that are wrong or contradict each
            other.
    """
    return check_rows(parse_plan(path), dataset, str(path))


def parse_plan(path: Path) -> list[PlanRow]:
    """Return the rows of a CSV file as they stand there.

    Raises:
        DataError: there is no such file, or it is no table with the required columns.
    """
    text = _read_text(path)
    first_line = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first_line.count)
    names: list[str] = []
    rows: list[PlanRow] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader, 1):
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = _header(cells, path)
            else:
                _check_length(cells, names, number, path, delimiter)
                rows.append(_row(cells, names, number))
    except csv.Error as error:
        raise DataError(
            f"Expected a CSV table in {path}, got: {error}; save it again as CSV (UTF-8)."
        ) from None
    if not names:
        raise DataError(
            f"Expected a plan in {path}, got an empty file; "
            f"make one with `python -m evaluation audit --fix {path}`."
        )
    return rows


def _header(cells: Sequence[str], path: Path) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if missing := [column for column in REQUIRED_COLUMNS if column not in names]:
        raise DataError(
            f"Expected columns {', '.join(COLUMNS)} in {path}, got no {' and no '.join(missing)}; "
            "keep the first row."
        )
    if len(set(names)) < len(names):
        raise DataError(f"Expected each column once in {path}, got {', '.join(names)}.")
    return names


def _check_length(
    cells: Sequence[str], names: Sequence[str], number: int, path: Path, delimiter: str
) -> None:
    if len(cells) > len(names) and any(cells[len(names) :]):
        raise DataError(
            f"Expected {len(names)} cells in row {number} of {path}, got {len(cells)}; "
            f"put text with {delimiter!r} in quotes."
        )


def _row(cells: Sequence[str], names: Sequence[str], number: int) -> PlanRow:
    plain = map(read_csv_cell, cells)
    value = dict.fromkeys(COLUMNS, "") | dict(zip(names, plain, strict=False))
    return PlanRow(
        value["sample_id"],
        value["action"].strip().lower(),
        value["value"].strip(),
        value["reason"],
        value["split"].strip(),
        value["fingerprint"].strip(),
        number,
    )


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DataError(
                f"Expected a plan of at most {MAX_FILE_BYTES >> 20} MiB, got more: {path}."
            )
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(
            f"Expected a plan at {path}, got: {error}; "
            f"make one with `python -m evaluation audit --fix {path}`."
        ) from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"Expected {path} in UTF-8, got byte {error.object[error.start]:#x} "
            f"at {error.start}; save it as CSV UTF-8."
        ) from None
