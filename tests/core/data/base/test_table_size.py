"""`core.data.base.table_size`: tables come back as they were, too large ones do not."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import manifest
from core.data.base.table_size import decoded, read_arrow, read_parquet, unpacked_limit
from core.errors import DataError
from evaluation.predictions import table
from evaluation.quality.repair import review
from evaluation.robustness import curves
from evaluation.store import Store

ROWS = 20_000
COMPRESSIONS = ("zstd", "lz4", None)
TEXTS = st.one_of(st.none(), st.text(max_size=12))
COLUMNS: tuple[tuple[pa.DataType, st.SearchStrategy[object]], ...] = (
    (pa.string(), TEXTS),
    (pa.string_view(), TEXTS),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from([None, "a", "bc"])),
    (pa.list_(pa.string()), st.one_of(st.none(), st.lists(TEXTS, max_size=3))),
    (pa.list_(pa.float64()), st.lists(st.floats(allow_nan=False), max_size=3)),
    (pa.list_(pa.int32(), 2), st.lists(st.integers(0, 9), min_size=2, max_size=2)),
    (pa.struct([("k", pa.string())]), st.fixed_dictionaries({"k": TEXTS})),
    (pa.int64(), st.one_of(st.none(), st.integers(-(2**60), 2**60))),
    (pa.bool_(), st.one_of(st.none(), st.booleans())),
    (pa.null(), st.none()),
)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 5))
    kinds = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4))
    columns = [
        pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind)
        for kind, values in kinds
    ]
    return pa.table(columns, [f"c{i}" for i in range(len(columns))])


def arrow_bytes(rows: pa.Table, compression: str | None, *, as_file: bool) -> bytes:
    out = io.BytesIO()
    new = pa.ipc.new_file if as_file else pa.ipc.new_stream
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with new(out, rows.schema, options=options) as writer:
        writer.write_table(rows)
    return out.getvalue()


def parquet_bytes(rows: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(rows, out, **options)
    return out.getvalue()


@settings(deadline=None, max_examples=25)
@given(tables(), st.sampled_from(COMPRESSIONS), st.booleans())
def test_any_table_comes_back_as_it_was(
    rows: pa.Table, compression: str | None, as_file: bool
) -> None:
    content = arrow_bytes(rows, compression, as_file=as_file)
    assert read_arrow(content).to_pylist() == rows.to_pylist()
    for store_schema in (True, False):
        content = parquet_bytes(decoded(rows, 2**30), store_schema=store_schema)
        assert read_parquet(pa.py_buffer(content)).to_pylist() == rows.to_pylist()


@settings(deadline=None, max_examples=60)
@given(tables())
def test_the_size_is_never_underestimated(rows: pa.Table) -> None:
    """A limit of one byte less than the written-out texts and numbers refuses the table."""
    needed = sum(
        sum(len(text.encode()) for text in column.to_pylist() if text)
        if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)
        else 8 * len(column)
        for column in rows.select([f.name for f in rows.schema if not pa.types.is_nested(f.type)])
        if not pa.types.is_string_view(column.type)
    )
    if needed:
        with pytest.raises(DataError, match="GB of table"):
            decoded(rows, needed - 1)


def bombs() -> dict[str, bytes]:
    """Small files of tens of gigabytes."""
    index = pa.array(np.zeros(ROWS, np.int8))
    long_text = pa.DictionaryArray.from_arrays(index, pa.array(["x" * 1_000_000]))
    labels = pa.array(["cat", "dog"] * (ROWS // 2))
    repeated = pa.table({"y_true": labels, "y_pred": labels, "note": long_text})
    lists = pa.ListArray.from_arrays(np.arange(ROWS + 1, dtype=np.int32), long_text)
    nested = repeated.set_column(2, "note", lists)
    nulls = pa.table({"y_true": pa.nulls(2**30), "y_pred": pa.nulls(2**30)})
    zeros = pa.table({"y_true": np.zeros(200_000_000, np.int64)})
    return {
        "dictionary.parquet": parquet_bytes(repeated),
        "dictionary-unnamed.parquet": parquet_bytes(repeated, store_schema=False),
        "list-of-dictionary.parquet": parquet_bytes(nested),
        "dictionary.arrow": arrow_bytes(repeated, "zstd", as_file=True),
        "dictionary-stream.arrow": arrow_bytes(repeated, None, as_file=False),
        "list-of-dictionary.arrow": arrow_bytes(nested, "lz4", as_file=True),
        "nulls.arrow": arrow_bytes(nulls, None, as_file=True),
        "zeros.arrow": arrow_bytes(zeros, "zstd", as_file=True),
    }


@pytest.fixture(scope="module")
def bomb_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    for name, content in bombs().items():
        assert len(content) < 2_500_000
        (folder / name).write_bytes(content)
    return folder


READERS: dict[str, Callable[[Path], object]] = {
    "predictions": table.read,
    "store": lambda path: Store.open([path], names={}),
    "manifest": manifest.read,
    "robustness": curves.read,
    "findings": review.read_findings,
}


def test_what_unpacks_to_gigabytes_is_refused_at_once(bomb_folder: Path) -> None:
    for path in sorted(bomb_folder.iterdir()):
        for name, read in READERS.items():
            if path.suffix == ".arrow" and name not in ("predictions", "store"):
                continue
            before, start = pa.total_allocated_bytes(), time.process_time()
            with pytest.raises(DataError):
                read(path)
            assert time.process_time() - start < 2, (path.name, name)
            assert pa.total_allocated_bytes() - before < 2**26, (path.name, name)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_a_damaged_arrow_file_is_an_error_and_no_crash(data: st.DataObject) -> None:
    rows = pa.table({"y_true": ["cat", "dog"] * 20, "p": [[0.5, 0.5]] * 40})
    compression = data.draw(st.sampled_from(COMPRESSIONS))
    content = bytearray(arrow_bytes(rows, compression, as_file=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError, pa.ArrowException, OSError):
        read_arrow(bytes(content))


NESTED = {
    "top": pa.int64(),
    "struct": pa.struct([("inner", pa.int64())]),
    "list": pa.list_(pa.struct([("inner", pa.int64())])),
    "map": pa.map_(pa.string(), pa.struct([("inner", pa.int64())])),
}


@pytest.mark.parametrize("name", NESTED)
def test_a_name_that_is_not_utf8_is_an_error_at_any_depth(name: str) -> None:
    column = "inner" if name == "top" else "outer"
    schema = pa.schema([(column, NESTED[name])])
    content = arrow_bytes(schema.empty_table(), None, as_file=False)
    with pytest.raises(DataError, match="UTF-8"):
        read_arrow(content.replace(b"inner", b"\x80nner"))


def test_the_limit_grows_with_the_file_between_two_bounds() -> None:
    limits = [unpacked_limit(size) for size in (0, 10**6, 10**8, 10**12)]
    assert limits == [2**30, 2**30, 2 * 10**9, 4 * 2**30]
