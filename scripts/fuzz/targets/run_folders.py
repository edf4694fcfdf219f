"""Run folders as the studio and `evaluation runs` read them: damaged and odd files in each."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.system import ROOT
from evaluation.training_runs import run_folder, training_run
from evaluation.training_runs.run_folder import RunFolder
from scripts.fuzz.mutate import mutate

SAMPLE = ROOT / "assets" / "sample" / "runs" / "fer_cnn_a"
ODD_JSON = ("", "[", "null", "[1]", '{"a": NaN}', "[" * 50_000, '{"epochs": 1e999}', "\x00", '"x"')
ODD_NUMBERS = (float("nan"), float("inf"), -1.0, 1e300, 0.0)


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Write one hostile run folder and return its reading."""
    run = folder / "run"
    run.mkdir()
    history = _history(rng) if rng.integers(2) else mutate(_file(run_folder.HISTORY), rng)
    (run / run_folder.HISTORY).write_bytes(history)
    for name in (run_folder.RECIPE, run_folder.SUMMARY):
        if rng.integers(3) == 0:
            (run / name).write_bytes(_file(run_folder.RECIPE))
        elif rng.integers(2):
            (run / name).write_text(str(rng.choice(ODD_JSON)), encoding="utf-8")
        else:
            (run / name).write_bytes(mutate(_file(run_folder.RECIPE), rng))
    if rng.integers(4) == 0:
        (run / "again").symlink_to(folder, target_is_directory=True)
    return lambda: _read(folder)


def _read(folder: Path) -> None:
    for run in run_folder.find(folder):
        training_run.overview(training_run.read(RunFolder(run.path)))


@cache
def _file(name: str) -> bytes:
    return (SAMPLE / name).read_bytes()


def _long_texts(n: int) -> pa.DictionaryArray:
    """Return a column that is small in the file and long once it is decoded."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), ["x" * 1000])


def _history(rng: np.random.Generator) -> bytes:
    """Return a valid history with odd numbers, names, types or very many columns or rows."""
    table = pq.read_table(SAMPLE / run_folder.HISTORY)
    columns = {name: table[name].to_numpy().astype(float) for name in table.column_names}
    for _ in range(int(rng.integers(1, 5))):
        name = str(rng.choice(table.column_names))
        columns[name] = columns[name].copy()
        columns[name][int(rng.integers(len(table)))] = float(rng.choice(ODD_NUMBERS))
    if rng.integers(3) == 0:
        columns |= {f"c{i}": columns["epoch"] for i in range(int(10 ** rng.uniform(0, 3.5)))}
    if rng.integers(3) == 0:
        n = int(10 ** rng.uniform(0, 6))
        columns = {name: np.resize(values, n) for name, values in list(columns.items())[:5]}
    rows = pa.table(columns)
    if rng.integers(4) == 0:
        rows = rows.append_column("texts", _long_texts(len(rows)))
    out = io.BytesIO()
    pq.write_table(rows, out)
    return out.getvalue()
