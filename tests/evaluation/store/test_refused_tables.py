"""What a store refuses: bad values with column, row and fix, files that are no tables, and too
much memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from core.data.base import table_size
from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.predictions import table
from evaluation.predictions.importing import containers
from evaluation.predictions.schema import P_EMOTION, P_GENDER
from evaluation.store import Store, files
from tests.apps.studio.conftest import predictions
from tests.evaluation.store.test_store import FIRST, SECOND


def bad(change) -> pa.Table:
    return change({n: predictions(300)[n].to_pylist() for n in predictions(300).column_names})


def with_value(column: str, row: int, value: object):
    def change(columns: dict) -> pa.Table:
        columns[column][row] = value
        return pa.table(columns)

    return change


BAD = {
    "unknown label": (
        with_value("emotion_true", 250, "joyful"),
        ["`emotion_true`", "'joyful'", "row 251"],
    ),
    "HTML": (
        with_value("emotion_true", 250, "<img src=x onerror=alert(1)>"),
        ["`emotion_true`", "row 251"],
    ),
    "sum": (with_value(P_EMOTION + FIRST, 201, 0.99), ["emotion_p_", "sum to 1", "row 202"]),
    "range": (with_value(P_GENDER, 260, 3.5), [P_GENDER, "[0, 1]", "3.5", "row 261", "softmax"]),
    "age": (with_value("age_true", 299, 300.0), ["`age_true`", "300", "row 300"]),
    "twice": (with_value("sample_id", 280, "s00011"), ["sample_id", "'s00011'", "rows [12, 281]"]),
    "long": (
        with_value("group_race", 222, "x" * 5000),
        ["`group_race`", "1000 characters", "row 223"],
    ),
    "no truth": (
        lambda c: pa.table(c).select(["sample_id", "emotion_pred"]),
        ["emotion_true", "--map"],
    ),
    "empty": (lambda c: pa.table(c).slice(0, 0), ["no row"]),
    "group name": (
        lambda c: pa.table({**c, "group_a b; --": c["sample_id"]}),
        ["group_a b; --", "rename"],
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_bad_tables_are_refused_with_column_row_and_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, form: str
) -> None:
    monkeypatch.setattr(files, "PART_ROWS", 100)
    change, words = BAD[name]
    path = tmp_path / f"bad.{form}"
    all_rows = bad(change).drop_columns(
        [c for c in ("emotion_votes",) if c in bad(change).column_names]
    )
    pq.write_table(all_rows, path) if form == "parquet" else pcsv.write_csv(all_rows, path)
    with pytest.raises(DataError) as error:
        Store.open([path])
    for word in words:
        assert word in str(error.value), str(error.value)


def test_files_that_are_no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "c.csv").write_bytes(b"")
    for name in ("a.parquet", "b.csv", "c.csv", "none.parquet", "."):
        with pytest.raises(DataError, match="Expected"):
            Store.open([tmp_path / name])
    with pytest.raises(DataError, match="at least one"):
        Store.open([])
    table.write(predictions(50), tmp_path / "t.parquet")
    monkeypatch.setattr(files, "MAX_ROWS", 40)
    with pytest.raises(DataError, match="at most 40 rows"):
        Store.open([tmp_path / "t.parquet"])
    table.write(predictions(50), tmp_path / "t.csv")
    monkeypatch.setattr(containers, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="try Parquet"):
        Store.open([tmp_path / "t.csv"])


def test_a_small_file_that_unpacks_to_much_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, n = tmp_path / "t.parquet", len(FERPLUS8)
    some = {
        "sample_id": ["1", "2"],
        "emotion_true": [FIRST, FIRST],
        "emotion_pred": [FIRST, SECOND],
    }
    long: dict[str, list] = {
        "path": ["x" * 400_000, "y"],
        "emotion_votes": [[0.0] * 200_000, [0.0] * n],
    }
    monkeypatch.setattr(files, "_decoded_slices", lambda *_: pytest.fail("it was read"))
    for name, values in long.items():
        pq.write_table(pa.table({**some, name: values}), path, compression="zstd")
        assert path.stat().st_size < 10_000
        with pytest.raises(DataError, match=r"rows of at most 128 kB.*t\.parquet"):
            Store.open([path])
    table.write(predictions(1000), path)
    monkeypatch.setattr(table_size, "SMALL_UNPACKED_BYTES", 10_000)
    monkeypatch.setattr(table_size, "MAX_COMPRESSION", 0.1)
    with pytest.raises(DataError, match=r"GB of table.*rows"):
        Store.open([path])
    pq.write_table(
        pa.table({**some, "notes of others": ["x" * 400_000, "y"]}), path, compression="zstd"
    )
    monkeypatch.undo()
    assert Store.open([path]).rows == 2, "columns that are not read may hold anything"


def test_a_text_that_repeats_is_not_written_out_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, n = tmp_path / "t.parquet", 2000
    group = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), ["x" * 20_000])
    pq.write_table(
        pa.table({"sample_id": [f"{i}" for i in range(n)], "group_a": group}),
        path,
        store_schema=False,
    )
    monkeypatch.setattr(files, "PART_BYTES", 2**20)
    parts = list(files.parts(path, {"sample_id", "group_a"}))
    assert sum(len(p) for p in parts) == n and max(p.nbytes for p in parts) <= 2**20 + 2**17
    assert [v for p in parts for v in p["sample_id"].to_pylist()] == [f"{i}" for i in range(n)]
    assert {p["group_a"].type for p in parts} == {pa.string()}
    monkeypatch.setattr(files, "MAX_ROW_BYTES", 10_000)
    with pytest.raises(DataError, match="rows of at most"):
        list(files.parts(path, {"group_a"}))
