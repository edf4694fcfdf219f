"""`core.data.base.table_header`: bounded work for any header, whatever reads the file."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import manifest
from core.data.base import table_header
from core.data.base.table_header import MAX_COLUMNS, check_columns, parquet_schema
from core.errors import DataError
from evaluation.predictions import table
from evaluation.quality.repair import review
from evaluation.robustness import curves
from evaluation.store import Store
from evaluation.training_runs.run_folder import RunFolder

PARQUET_READERS: dict[str, Callable[[Path], object]] = {
    "predictions": table.read,
    "store": lambda path: Store.open([path], names={}),
    "manifest": manifest.read,
    "robustness": curves.read,
    "findings": review.read_findings,
    "run": lambda path: RunFolder(path.parent).history(),
}
CSV_READERS = {name: PARQUET_READERS[name] for name in ("predictions", "store")}
NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1))


def refused_in(seconds: float, read: Callable[[Path], object], path: Path) -> str:
    start = time.process_time()
    with pytest.raises(DataError) as error:
        read(path)
    assert time.process_time() - start < seconds
    return str(error.value)


@settings(deadline=None)
@given(NAMES)
def test_names_pass_where_they_are_few_and_different(names: list[str]) -> None:
    if len(set(names)) == len(names):
        check_columns(names, "t.csv")
    else:
        with pytest.raises(DataError, match="unique"):
            check_columns(names, "t.csv")


def test_the_most_columns_pass_and_one_more_does_not() -> None:
    names = [f"c{i}" for i in range(MAX_COLUMNS + 1)]
    check_columns(names[:-1], "t.csv")
    with pytest.raises(DataError, match=r"at most 2,000 columns, got 2,001 in t\.csv"):
        check_columns(names, "t.csv")


@pytest.mark.parametrize("reader", CSV_READERS)
@pytest.mark.parametrize("name", ["c{}", "group_{}", "emotion_p_{}", "", "same"])
def test_a_csv_header_of_any_width_is_refused_at_once(
    reader: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "wide.csv"
    for n in (100_000, 400_000):
        path.write_text(",".join(name.format(i) for i in range(n)) + "\n", encoding="utf-8")
        assert "columns" in refused_in(1.0, CSV_READERS[reader], path)


@pytest.fixture(scope="module")
def wide_parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wide") / "history.parquet"
    pq.write_table(pa.table({f"c{i}": [1] for i in range(20_000)}), path, store_schema=False)
    return path


@pytest.mark.parametrize("reader", PARQUET_READERS)
def test_a_wide_parquet_file_is_refused_at_once(reader: str, wide_parquet: Path) -> None:
    assert "columns" in refused_in(1.0, PARQUET_READERS[reader], wide_parquet)


@pytest.mark.parametrize("reader", PARQUET_READERS)
@pytest.mark.parametrize("nested", [False, True])
def test_parquet_names_that_are_no_utf8_are_refused(
    reader: str, nested: bool, tmp_path: Path
) -> None:
    out = io.BytesIO()
    column = [{"emotion_true": 1.0}] if nested else [1.0]
    content = pa.table({"sample_id": ["a"], "outer" if nested else "emotion_true": column})
    pq.write_table(content, out, store_schema=False)
    path = tmp_path / "history.parquet"
    path.write_bytes(out.getvalue().replace(b"emotion_true", b"\xff\xfeotion_true"))
    assert "UTF-8" in refused_in(1.0, PARQUET_READERS[reader], path)


def test_a_large_footer_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    assert parquet_schema(path).names == ["a"]
    monkeypatch.setattr(table_header, "MAX_FOOTER_BYTES", 10)
    monkeypatch.setattr(pq, "read_schema", None)
    with pytest.raises(DataError, match="footer"):
        parquet_schema(path)
