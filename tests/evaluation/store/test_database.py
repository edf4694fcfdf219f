"""A store in a file has the same figures as one in memory, and its file goes with it."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from evaluation.analysis import store_classes
from evaluation.analysis.store_summary import summary
from evaluation.predictions import table
from evaluation.store import Store, Where, database
from tests.conftest import ROOT
from tests.evaluation.store.test_agreement import TASK, few, opened, random_table

OPEN = """
import sys
from evaluation.store import Store, database
database.MAX_MEMORY_ROWS = 10
store = Store.open([sys.argv[1]])
print(store.rows, flush=True)
sys.stdin.read()
"""
"""Opens a table on disk and waits for the end of its input."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, with stores of more than 10 rows on disk."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(database, "MAX_MEMORY_ROWS", 10)
    return tmp_path


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "t.parquet"
    table.write(random_table(3, 50, 0, 0.1), path)
    return path


@few
@given(
    classes=st.integers(1, 12),
    n=st.integers(20, 120),
    seed=st.integers(0, 999),
    missing=st.sampled_from([0.0, 0.3]),
)
def test_figures_are_those_of_a_store_in_memory(
    classes: int, n: int, seed: int, missing: float
) -> None:
    models = [random_table(classes, n, seed, missing, name) for name in ("a", "b")]
    predictions = pa.concat_tables(models)
    in_memory = opened(predictions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "MAX_MEMORY_ROWS", 10)
        on_disk = opened(predictions)
    where = Where(models=("a",), task=TASK)
    for look in (
        lambda s: (s.rows, s.models, s.tasks, s.labels(TASK), s.groups, s.columns, s.notes),
        lambda s: summary(s, where),
        lambda s: store_classes.per_class(s, TASK, where) if TASK in s.tasks else None,
        lambda s: s.confusion(TASK, where).tolist() if TASK in s.tasks else None,
        lambda s: s.samples(where, "row", 30, 5).to_pylist(),
        lambda s: s.samples(where, "-error", 30, 5)["sample_id"].to_pylist(),
        lambda s: s.sample("s3"),
    ):
        assert repr(look(on_disk)) == repr(look(in_memory))


def test_the_file_goes_with_its_store(folder: Path, path: Path) -> None:
    steps: dict[str, list[int]] = {}

    @contextmanager
    def show(name: str, total: int) -> Iterator[Callable[..., None]]:
        steps[name] = [total]
        yield steps[name].append

    store = Store.open([path], progress=show)
    [place] = folder.iterdir()
    assert place.stat().st_mode & 0o077 == 0 and (place / "store.duckdb").is_file()
    assert store.count(Where()) == 50
    assert steps == {"read the rows": [50, 50], "look for duplicates": [1, 1]}
    with pytest.raises(Exception, match="disabled by configuration"):
        store.sql(f"SELECT * FROM '{path}'")
    del store
    gc.collect()
    assert list(folder.iterdir()) == []


def test_a_table_that_is_refused_leaves_nothing(folder: Path, path: Path) -> None:
    twice = table.read(path)
    pq.write_table(pa.concat_tables([twice, twice]), path)
    with pytest.raises(DataError, match="one row per `sample_id`"):
        Store.open([path])
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_said_before_anything_is_read(
    folder: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(DataError, match=r"GB free in .* 50 rows.*TMPDIR"):
        Store.open([path])
    assert list(folder.iterdir()) == []


def test_the_end_of_a_process_removes_its_file_and_the_next_start_that_of_a_killed_one(
    folder: Path, path: Path
) -> None:
    killed, ended = (
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(path)],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    )
    for process in (killed, ended):
        assert process.stdout.readline() == "50\n"
    assert len(list(folder.iterdir())) == 2
    ended.communicate()
    [left] = folder.iterdir()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert left.exists()
    table.write(random_table(2, 5, 0, 0), path)
    assert Store.open([path]).rows == 5  # in memory, and yet it cleans up
    assert list(folder.iterdir()) == []
