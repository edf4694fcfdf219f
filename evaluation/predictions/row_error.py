"""The error that names a column, a row and what to do."""

from __future__ import annotations

from typing import NoReturn

from core.errors import DataError


class RowError(DataError):
    """A value that does not fit. `row` is an index, people count from 1."""

    def __init__(self, columns: str, rule: str, got: object, row: int, fix: str) -> None:
        super().__init__(f"Expected {columns} to be {rule}, got {got} in row {row + 1}; {fix}")
        self.parts = (columns, rule, got, row, fix)

    def moved(self, by: int) -> RowError:
        """Return the same error for a part of a table that begins with row `by`."""
        columns, rule, got, row, fix = self.parts
        return RowError(columns, rule, got, row + by, fix)


def refuse(columns: str, rule: str, got: object, row: int, fix: str) -> NoReturn:
    """Raise `RowError`."""
    raise RowError(columns, rule, got, row, fix)
