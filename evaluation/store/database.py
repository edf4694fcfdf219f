"""The DuckDB database of a store: in memory, or in a file where the tables are large."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import duckdb

from core.errors import DataError
from core.files import remove_leftovers, scratch_folder
from core.system import usable_processors

MAX_MEMORY_ROWS = 20_000_000
"""Rows up to which a store is in memory: about 3 GB with every column of the contract."""
MAX_MEMORY_BYTES = 8 * 2**30
"""Uncompressed size of the columns up to which it is."""
MEMORY_LIMIT = "4GiB"
"""Memory of DuckDB where the database is a file: its pages, and what a query needs."""
NAME = "mien-store"
"""How the folder of the file is called, in the system's folder for temporary files."""


def connect(rows: int, size: int, folder: ExitStack) -> duckdb.DuckDBPyConnection:
    """Return an empty database that reads and writes no files but its own.

    What a killed process has left is removed first.

    Args:
        rows: that it shall hold.
        size: bytes of their columns, uncompressed.
        folder: removes the database's folder when it is closed; is given one for many rows only.

    Raises:
        DataError: the disk has no room for them, or cannot be written.
    """
    target = Path(tempfile.gettempdir()) / NAME
    remove_leftovers(target)
    if rows <= MAX_MEMORY_ROWS and size <= MAX_MEMORY_BYTES:
        con = duckdb.connect(":memory:")
        con.execute("SET temp_directory = ''")
    else:
        _check_room(target.parent, rows, size)
        try:
            place = folder.enter_context(scratch_folder(target))
            con = duckdb.connect(str(place / "store.duckdb"))
        except (OSError, duckdb.IOException) as error:
            raise DataError(
                f"Expected to write {target.parent}, got: {str(error)[:200]}; try TMPDIR=DIR with "
                f"another folder."
            ) from None
        con.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        con.execute(f"SET threads = {usable_processors()}")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    return con


def _check_room(parent: Path, rows: int, size: int) -> None:
    free = shutil.disk_usage(parent).free
    if free < size:
        raise DataError(
            f"Expected {size / 2**30:.1f} GB free in {parent} for a database of {rows:,} rows, got "
            f"{free / 2**30:.1f} GB; try TMPDIR=DIR on a larger disk, or a sample of the rows."
        )
