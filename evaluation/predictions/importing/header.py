"""Where the header of a table of text cells is, and what its columns are called."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from core.data.base.table_header import MAX_COLUMNS
from core.errors import DataError

MAX_TITLE_ROWS = 20
"""Rows among which the header is looked for, below titles and empty lines."""


def header_row(rows: Sequence[Sequence[str]]) -> int:
    """Return the index of the header: the first row that is filled like the widest ones.

    Titles above it fill one cell or two. One or two names may be missing: an index column, or what
    follows a delimiter at the end of each line.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:MAX_TITLE_ROWS]]
    width = max(filled, default=0)
    return next((i for i, n in enumerate(filled) if n >= max(2, width - 2) or n == width), 0)


def named_or_filled(names: Sequence[str], columns: Sequence[pa.ChunkedArray]) -> pa.Table:
    """Return a table of the columns that have a name or any value."""
    keep = [
        i for i, (n, c) in enumerate(zip(names, columns, strict=True)) if n or c.null_count < len(c)
    ]
    return pa.table([columns[i] for i in keep], [names[i] for i in keep])


def check_width(columns: int) -> None:
    """Refuse a table with more than MAX_COLUMNS columns.

    Raises:
        DataError: there are more.
    """
    if columns > MAX_COLUMNS:
        raise DataError(
            f"Expected at most {MAX_COLUMNS:,} columns, got {columns:,}; keep labels, predictions "
            "and probabilities, and drop the rest."
        )
