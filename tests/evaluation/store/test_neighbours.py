"""Neighbours are those of a brute-force search in double precision, and come in time."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from core.errors import DataError
from evaluation.store import neighbours
from evaluation.store.neighbours import Neighbours, matrix


def brute(x: np.ndarray, one: np.ndarray) -> np.ndarray:
    x, one = x.astype(np.float64), one.astype(np.float64)
    return (x @ one) / np.linalg.norm(x, axis=1) / np.linalg.norm(one)


@pytest.mark.parametrize("chunk", [7, 100, 65_536])
def test_neighbours_are_those_of_a_plain_search(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "CHUNK_ROWS", chunk)
    x = np.random.default_rng(0).normal(1, 1, (300, 16)).astype(np.float32)
    index = Neighbours(x)
    for row in (0, 150, 299):
        cosines = brute(x, x[row])
        rows, values = index.to(row, 12)
        assert rows.tolist() == [i for i in np.argsort(-cosines) if i != row][:12]
        np.testing.assert_allclose(values, cosines[rows], atol=1e-6)
    assert len(index.to(0, 1000)[0]) == 299 and len(index.to(0, 0)[0]) == 0


def test_ties_zeros_and_missing_rows() -> None:
    x = np.array([[1, 0], [2, 0], [3, 0], [0, 0], [np.nan, 1], [-1, 0]], np.float32)
    rows, values = Neighbours(x).to(1, 9)
    assert rows.tolist() == [0, 2, 3, 5] and values.tolist() == [1, 1, 0, -1]
    assert len(Neighbours(x).to(4)[0]) == 0, "who has no embedding has no neighbours"
    assert Neighbours(x).to(0, 1)[0].tolist() == [1]


def test_the_column_of_a_table() -> None:
    rows = [[1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0]]
    table = pa.table({"embedding": pa.array(rows, pa.list_(pa.float32()))})
    np.testing.assert_array_equal(
        matrix(table), np.array([[1, 2], [np.nan] * 2, [3, 4], [5, 6]], np.float32)
    )
    np.testing.assert_array_equal(matrix(table.slice(2)), [[3, 4], [5, 6]])
    both = pa.concat_tables([table.slice(2), table.slice(0, 1)])
    np.testing.assert_array_equal(matrix(both), [[3, 4], [5, 6], [1, 2]])
    assert Neighbours.of(table).to(0, 5)[0].tolist() == [2, 3]


BAD = {
    "no column": (pa.table({"sample_id": ["a"]}), "predict --embedding"),
    "all null": (
        pa.table({"embedding": pa.array([None], pa.list_(pa.float32()))}),
        "predict --embedding",
    ),
    "lengths": (pa.table({"embedding": [[1.0, 2.0], None, [1.0]]}), "in row 3, 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_columns_are_refused(name: str) -> None:
    table, text = BAD[name]
    with pytest.raises(DataError, match=text):
        Neighbours.of(table)


def test_bad_questions_are_refused() -> None:
    index = Neighbours(np.ones((3, 4), np.float32))
    with pytest.raises(DataError, match=r"0\.\.2"):
        index.to(3)


def test_one_of_a_million_is_answered_in_half_a_second() -> None:
    x = np.random.default_rng(0).standard_normal((1_000_000, 64), np.float32)
    index, took = Neighbours(x), []
    for row in (0, 500_000, 999_999):
        start = time.process_time()  # other work on the machine does not count
        index.to(row, 20)
        took.append(time.process_time() - start)
    assert min(took) < 0.5, took
