"""Excel and OpenDocument sheets, read by calamine: values only, no formula is computed."""

from __future__ import annotations

import io

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from core.errors import DataError
from evaluation.predictions.importing.header import check_width, header_row, named_or_filled

MAX_ROWS = 2**20


def read_spreadsheet(content: bytes) -> tuple[pa.Table, list[str]]:
    """Return the first sheet that has rows, and notes in words.

    Raises:
        DataError: it is no workbook, or has no rows.
    """
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = {name: workbook.get_sheet_by_name(name) for name in workbook.sheet_names}
        filled = {n: s for n, s in sheets.items() if s.height > 1 and s.width > 1}
        if not filled:
            raise DataError(
                "Expected a sheet with a header and rows, got none; fill the first one."
            )
        name, sheet = next(iter(filled.items()))
        check_width(sheet.width)
        rows = sheet.to_python(nrows=MAX_ROWS)
    except (CalamineError, OSError, ValueError) as error:
        raise DataError(
            f"Expected a workbook, got: {str(error)[:100]}; save the sheet as CSV (UTF-8)."
        ) from None
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows[:60]]
    at = header_row(texts)
    names = [text.strip() for text in texts[at]]
    notes = [f"sheet {name!r}"]
    if len(filled) > 1:
        notes.append(f"its other sheets left out: {', '.join(list(filled)[1:5])}")
    if at:
        notes.append(f"{at} row{'s' * (at > 1)} above the header left out")
    body = [row for row in rows[at + 1 :] if any(cell not in ("", None) for cell in row)]
    columns = [_column([row[i] for row in body]) for i in range(len(names))]
    return named_or_filled(names, columns), notes


def _column(values: list[object]) -> pa.Array:
    """Return numbers, booleans, or texts where a cell is anything else."""
    cells = [None if v == "" else v for v in values]
    filled = [v for v in cells if v is not None]
    if filled and all(isinstance(v, bool) for v in filled):
        return pa.array(cells, pa.bool_())
    if filled and all(isinstance(v, int | float) and not isinstance(v, bool) for v in filled):
        numbers = [None if v is None else float(v) for v in cells]  # type: ignore[arg-type]  # see `all`
        return pa.array(numbers, pa.float64())
    return pa.array([_text(v) for v in cells], pa.string())


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
