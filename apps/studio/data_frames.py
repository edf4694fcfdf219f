"""Tables on a page, in the studio's number formats, and as files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import streamlit as st

from core.files import csv_cell

MISSING = "–"
"""What a table shows where there is no value."""
COUNT = st.column_config.NumberColumn(format="%,d")
"""Whole numbers, as in the pages' sentences: 3,555."""
Row: TypeAlias = dict[str, object]
Table: TypeAlias = pd.DataFrame | pa.Table | Mapping[str, Sequence[Any]] | Sequence[Row]
"""Columns by name, or rows."""


def frame(table: Table) -> pd.DataFrame:
    """Return any form of a table as a data frame."""
    if isinstance(table, pd.DataFrame):
        return table
    if isinstance(table, pa.Table):
        return table.to_pandas()
    return pd.DataFrame(dict(table) if isinstance(table, Mapping) else list(table))


def show(table: Table, key: str, columns: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """Draw a table and return what `st.dataframe` returns.

    Args:
        table: any form of a table.
        key: unique in the app.
        columns: `st.column_config` of columns that are not shown as they are.
        **options: of `st.dataframe`.
    """
    rows = frame(table)
    counts = {str(name): COUNT for name in rows.select_dtypes("integer").columns}
    return st.dataframe(
        rows,
        hide_index=True,
        column_config={**counts, **(columns or {})},
        key=key,
        placeholder=MISSING,
        **options,
    )


def csv(table: Table) -> bytes:
    """Return a table as CSV, UTF-8, in which no text is a formula."""
    rows = frame(table).rename(columns=_csv_cell)
    texts = rows.select_dtypes(exclude=["number", "bool", "datetime"]).columns
    text: str = rows.assign(**{n: rows[n].map(_csv_cell) for n in texts}).to_csv(
        index=False, lineterminator="\r\n"
    )
    return text.encode()


def _csv_cell(value: object) -> object:
    return csv_cell(value) if isinstance(value, str) else value


def parquet(table: Table) -> bytes:
    """Return a table as Parquet."""
    out = io.BytesIO()
    rows = (
        table
        if isinstance(table, pa.Table)
        else pa.Table.from_pandas(frame(table), preserve_index=False)
    )
    pq.write_table(rows, out, compression="zstd")
    return out.getvalue()
