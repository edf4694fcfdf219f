"""Finished parts of a table that is still being made: small Parquet files in a hidden folder beside
it, so that a stopped run goes on.

`key` says what the parts were made from. Each part is renamed into place when whole, so a killed
process leaves whole parts only.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

KEY_FILE = "key.json"
BAD = b"unreadable"
MERGED = 16
"""Parts that become one row group of the table."""


class Parts:
    """Parts of the table at `out`, in `out`'s folder."""

    def __init__(self, out: Path) -> None:
        self.folder = out.parent / f".{out.name}.parts"
        self._key = self.folder / KEY_FILE

    def begin(self, key: Mapping[str, Any]) -> list[str]:
        """Keeps what an earlier run with the same `key` has made and drops all else.

        Returns: names of the entries in which an earlier run that was dropped differs; empty where there was none, or where it goes on.
        """
        try:
            before = json.loads(self._key.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            before = None
        now = json.loads(json.dumps(key))
        if before == now:
            return []
        self.drop()
        self.folder.mkdir(parents=True)
        new = self._key.with_suffix(".new")
        new.write_text(json.dumps(now, sort_keys=True), encoding="utf-8")
        new.replace(self._key)
        return [k for k in now if before.get(k) != now[k]] if isinstance(before, dict) else []

    def done(self, i: int) -> int | None:
        """How many samples part `i` has settled, rows and unreadable files together; None where it
        is still to be made.
        """
        if not self._path(i).is_file():
            return None
        found = pq.read_metadata(self._path(i))
        return found.num_rows + int(found.metadata[BAD])

    def save(self, i: int, part: pa.Table, unreadable: int) -> None:
        """Writes part `i`."""
        new = self._path(i).with_suffix(".new")
        with new.open("wb") as file:
            pq.write_table(
                part.replace_schema_metadata({BAD: str(unreadable)}), file, compression="zstd"
            )
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path(i))

    def merged(self, count: int) -> Iterator[tuple[pa.Table, int]]:
        """The rows of parts 0 to `count` - 1 in larger tables, each with its number of unreadable
        files; all must be there.
        """
        for start in range(0, count, MERGED):
            parts = [pq.read_table(self._path(i)) for i in range(start, min(start + MERGED, count))]
            filled = [p.replace_schema_metadata(None) for p in parts if len(p)]
            bad = sum(int(p.schema.metadata[BAD]) for p in parts)
            yield pa.concat_tables(filled) if filled else pa.table({}), bad

    def drop(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, i: int) -> Path:
        return self.folder / f"{i:06d}.parquet"
