"""The finished parts of a table that is still being made, so that a stopped run can be resumed.

Parts are small Parquet files in a hidden folder beside the table; `key.json` records what they were
made from. Each part is renamed into place when it is complete, so a killed process leaves complete
parts only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.files import atomic_file, write_text
from core.schema import parse_json

KEY_FILE = "key.json"
UNREADABLE_KEY = b"unreadable"
PARTS_PER_ROW_GROUP = 64


class PartialTable:
    """The parts of the table at `out`, in `out`'s folder."""

    def __init__(self, out: Path) -> None:
        self.folder = out.parent / f".{out.name}.parts"
        self._key_file = self.folder / KEY_FILE

    def begin(self, key: Mapping[str, Any]) -> list[str]:
        """Keep the parts of an earlier run with the same `key`, and remove all others.

        Returns:
            The entries in which the key of a removed run differs; empty where there was none, or
            where its parts are kept.
        """
        try:
            before = parse_json(self._key_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            before = None
        now = json.loads(json.dumps(key))
        if before == now:
            return []
        self.remove()
        self.folder.mkdir(parents=True)
        write_text(self._key_file, json.dumps(now, sort_keys=True))
        return [k for k in now if before.get(k) != now[k]] if isinstance(before, dict) else []

    def sample_count(self, index: int) -> int | None:
        """Return the samples of a part, unreadable files included; None where it is not made."""
        if not self._path(index).is_file():
            return None
        metadata = pq.read_metadata(self._path(index))
        return int(metadata.num_rows) + int(metadata.metadata[UNREADABLE_KEY])

    def save(self, index: int, part: pa.Table, unreadable: int) -> None:
        """Write a part with its number of unreadable files."""
        part = part.replace_schema_metadata({UNREADABLE_KEY: str(unreadable)})
        with atomic_file(self._path(index)) as temporary:
            pq.write_table(part, temporary, compression="zstd")

    def merged(self, count: int) -> Iterator[tuple[pa.Table, int]]:
        """Yield the rows of parts 0 to `count` - 1 in larger tables, with their unreadable files.

        All parts must be there.
        """
        for start in range(0, count, PARTS_PER_ROW_GROUP):
            indices = range(start, min(start + PARTS_PER_ROW_GROUP, count))
            parts = [pq.read_table(self._path(i)) for i in indices]
            filled = [p.replace_schema_metadata(None) for p in parts if len(p)]
            unreadable = sum(int(p.schema.metadata[UNREADABLE_KEY]) for p in parts)
            yield pa.concat_tables(filled) if filled else pa.table({}), unreadable

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.parquet"
