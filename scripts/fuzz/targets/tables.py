"""Predictions tables as the studio opens them: mutated, wide, long and odd Parquet and CSV."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.feather as feather
import pyarrow.parquet as pq

from core.labels import FERPLUS8, GENDER2
from evaluation.store import Store, Where
from scripts.fuzz.mutate import mutate

ROWS = 40
LABEL = FERPLUS8.labels[0]
MAX_SECONDS, MAX_MEMORY_MB = 3.0, 1200
"""A table may unpack to a gigabyte (`core.data.base.table_size`), however small its file is."""
MAX_COLUMNS = 200_000
ODD_NAMES = ("", "\x00", "a\nb", '"', "=1+1", "group_", "emotion_p_", "é" * 600, "__proto__", "key")
ODD_TEXTS = (
    "",
    "nan",
    "1e999",
    "-0",
    "[",
    "[1e999]",
    "\x00",
    "=1+1",
    "0x10",
    "9" * 400,
    "[" * 5000,
)


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Write one hostile table and return its opening."""
    make = MAKERS[int(rng.integers(len(MAKERS)))]
    suffix, content = make(rng)
    path = folder / f"table{suffix}"
    path.write_bytes(content)
    return lambda: _open(path)


def _open(path: Path) -> None:
    Store.open([path], names={}).count(Where())


@cache
def _valid() -> pa.Table:
    rng = np.random.default_rng(0)
    p = rng.random(ROWS).astype(np.float32)
    return pa.table(
        {
            "sample_id": [f"s{i}" for i in range(ROWS)],
            "dataset": ["d"] * ROWS,
            "split": ["val"] * ROWS,
            "model": ["m"] * ROWS,
            "path": [f"a/{i}.png" for i in range(ROWS)],
            "emotion_true": rng.choice(FERPLUS8.labels, ROWS).tolist(),
            "emotion_pred": rng.choice(FERPLUS8.labels, ROWS).tolist(),
            "gender_p_female": p,
            "gender_true": rng.choice(GENDER2.labels, ROWS).tolist(),
            "age_true": rng.integers(0, 100, ROWS).astype(np.float32),
            "age_pred": rng.integers(0, 100, ROWS).astype(np.float32),
            "group_race": rng.choice(["a", "b"], ROWS).tolist(),
        }
    )


def _csv(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pcsv.write_csv(table, out)
    return out.getvalue()


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _arrow(table: pa.Table) -> bytes:
    out = io.BytesIO()
    feather.write_feather(table, out, compression="zstd")
    return out.getvalue()


WRITERS = ((".csv", _csv), (".parquet", _parquet), (".arrow", _arrow))


def _mutated(rng: np.random.Generator) -> tuple[str, bytes]:
    suffix, write = WRITERS[int(rng.integers(len(WRITERS)))]
    return suffix, mutate(write(_valid()), rng)


def _wide(rng: np.random.Generator) -> tuple[str, bytes]:
    """Return many columns, some of them alike."""
    n = int(10 ** rng.uniform(2, np.log10(MAX_COLUMNS)))
    prefix = str(rng.choice(["c", "group_", "emotion_p_", ""]))
    names = [f"{prefix}{i % max(1, int(n * rng.choice([1, 0.5])))}" for i in range(n)]
    cells = ",".join(["1"] * n)
    return ".csv", f"sample_id,emotion_true,{','.join(names)}\nx,{LABEL},{cells}\n".encode()


def _odd(rng: np.random.Generator) -> tuple[str, bytes]:
    """Return odd names and texts in an otherwise valid table."""
    table = _valid()
    for _ in range(rng.integers(1, 4)):
        i = int(rng.integers(table.num_columns))
        text = str(rng.choice(ODD_TEXTS))
        values = [str(v) for v in table[i].to_pylist()]
        values[int(rng.integers(ROWS))] = text
        name = str(rng.choice(ODD_NAMES)) if rng.random() < 0.5 else table.column_names[i]
        table = table.set_column(i, name, pa.array(values))
    return (".csv", _csv(table)) if rng.random() < 0.5 else (".parquet", _parquet(table))


def _repeated(rng: np.random.Generator) -> tuple[str, bytes]:
    """Return a text many times: one long row or cell, or a file that unpacks to much more."""
    n = int(10 ** rng.uniform(3, 7))
    header = b"sample_id,emotion_true,emotion_pred\n"
    kind = rng.integers(4)
    if kind == 0:
        return ".csv", header + b"x" * n + f",{LABEL},{LABEL}\n".encode()
    if kind == 1:
        return ".csv", header + b"," * n + b"\n"
    if kind == 2:
        return ".csv", header + b"\n" * n
    long_text = pa.array(["x" * int(min(n, 10**6))])
    index = pa.array(np.zeros(int(rng.integers(1, 100_000)), np.int8))
    texts = pa.DictionaryArray.from_arrays(index, long_text)
    table = pa.table({"sample_id": texts, "emotion_true": texts, "emotion_pred": texts})
    suffix, write = WRITERS[int(rng.integers(1, len(WRITERS)))]
    return suffix, write(table)


def _bytes_for_names(rng: np.random.Generator) -> tuple[str, bytes]:
    """Return column names that are no UTF-8, in a Parquet file's footer or a CSV's header."""
    table = _valid()
    suffix, content = (".csv", _csv(table)) if rng.random() < 0.5 else (".parquet", _parquet(table))
    name = str(rng.choice(table.column_names)).encode()
    return suffix, content.replace(name, b"\xff\xfe" + name[2:])


MAKERS = (_mutated, _mutated, _mutated, _wide, _odd, _repeated, _bytes_for_names)
