"""Parts of a Parquet file are read in memory that does not grow with the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.store import files

PART, PARTS, FLOATS = 20_000, 30, 8
PART_BYTES = PART * FLOATS * 4


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PART_ROWS", PART)
    rng = np.random.default_rng(0)
    names = [f"emotion_p_{i}" for i in range(FLOATS)]
    with pq.ParquetWriter(
        tmp_path / "t.parquet", pa.schema([(n, pa.float32()) for n in names])
    ) as out:
        for _ in range(PARTS):
            values = rng.random((FLOATS, PART), dtype=np.float32)
            out.write_table(pa.table(dict(zip(names, map(pa.array, values), strict=True))))
    before = pa.total_allocated_bytes()
    held = [
        pa.total_allocated_bytes() - before for _ in files.parts(tmp_path / "t.parquet", set(names))
    ]
    assert len(held) == PARTS
    assert max(held) < 8 * PART_BYTES, "a few parts, not all of them"
