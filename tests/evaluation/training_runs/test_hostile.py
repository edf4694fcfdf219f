"""Histories that unpack to much more than their file are refused before they are read."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from evaluation.training_runs.run_folder import MAX_VALUES, RunFolder

N = 100_000
HOSTILE = {
    "a long text in every row": {"epoch": range(N), "t": pa.array(["x" * 5_000] * N)},
    "many values": {"epoch": range(N), **{f"c{i}": [0.0] * N for i in range(MAX_VALUES // N)}},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_large_histories_are_refused_unread(kind: str, tmp_path: Path) -> None:
    pq.write_table(pa.table(HOSTILE[kind]), tmp_path / "history.parquet")
    assert (tmp_path / "history.parquet").stat().st_size < 5_000_000
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(DataError, match="no history of a run"):
        RunFolder(tmp_path).history()
    assert time.process_time() - start < 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_what_pandas_adds_is_left_out(tmp_path: Path) -> None:
    rows = pa.table({"epoch": [1, 2], "__index_level_0__": ["a", "b"]})
    pq.write_table(rows, tmp_path / "history.parquet")
    assert list(RunFolder(tmp_path).history()) == ["epoch"]
