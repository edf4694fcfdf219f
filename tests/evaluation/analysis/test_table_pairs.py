"""Two tables or more: what counts as the same truth, and a group that is called class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from core.errors import DataError
from evaluation.analysis import store_pairs, table_pairs
from evaluation.analysis.leaderboard import from_store, from_tables
from evaluation.predictions import table
from evaluation.predictions.schema import to_schema
from evaluation.statistics.estimate import to_json_values
from evaluation.store import Store, Where

N = 60


def angles(model: str, kind: pa.DataType, *, offset: float = 0.0) -> pa.Table:
    """A model's angles, written in tenths, which float32 and float64 round differently."""
    rng = np.random.default_rng(N)
    true, pred = (np.round(rng.normal(0, 20, N), 1) for _ in range(2))
    columns = {"yaw_true": pa.array(true, kind), "yaw_pred": pa.array(pred + offset, kind)}
    ids = {"sample_id": [f"s{i}" for i in range(N)], "model": [model] * N}
    return to_schema(pa.table(ids | columns))


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_numbers_stored_as_float32_or_float64_are_the_same(offset: float, tmp_path: Path) -> None:
    tables = {
        "a": angles("a", pa.float32()),
        "b": angles("b", pa.float64(), offset=offset),
    }
    assert not tables["a"]["yaw_true"].equals(tables["b"]["yaw_true"])
    compared = table_pairs.compare(*tables.values()).tasks["yaw"]
    assert (compared.n, compared.truth_differs) == (N, 0)
    assert compared.disagreements.n == (N if offset else 0)
    assert compared.test.only_a + compared.test.only_b == (N if offset else 0)
    board = from_tables.leaderboards(tables, "a").tasks["yaw"]
    assert board.n == N and board.truth_differs == 0
    paths = [tmp_path / f"{name}.parquet" for name in tables]
    for path, rows in zip(paths, tables.values(), strict=True):
        table.write(rows, path)
    store = Store.open(paths)
    stored = store_pairs.compare(store, "yaw", "a", "b", Where())
    assert (stored.n, stored.truth_differs) == (N, 0)
    assert stored.mae.difference.value == pytest.approx(compared.mae.difference.value, abs=1e-12)
    n, rows = store_pairs.disagreements(store, "yaw", "a", "b", Where())
    assert n == len(rows) == (N if offset else 0)
    other = from_store.leaderboard(store, "yaw", list(tables), "a", Where())
    assert to_json_values(other) == to_json_values(board)


def test_numbers_beyond_float32_stay_apart() -> None:
    rows = angles("a", pa.float64())
    far = pa.array(np.linspace(1e39, 2e39, N))
    a, b = (rows.set_column(2, "yaw_true", values) for values in (far, pc.add(far, 1e38)))
    assert table_pairs.compare(a, a).tasks["yaw"].truth_differs == 0
    with pytest.raises(DataError, match="yaw_true"):
        table_pairs.compare(a, b)


def animals(model: str, true: list[str], **columns: list[str]) -> pa.Table:
    n = len(true)
    pets = {"sample_id": [f"s{i}" for i in range(n)], "model": [model] * n, "pet_true": true}
    return to_schema(pa.table(pets | {"pet_pred": [true[0]] * n} | columns))


def test_other_truths_everywhere_are_shown_by_one_sample() -> None:
    a, b = animals("a", ["cat", "dog"] * 9), animals("b", ["Cat", "Dog"] * 9)
    same = animals("c", ["cat", "dog"] * 9)
    says = "each of the 18 samples that all have, such as 'cat' and 'Cat' for 's0'"
    with pytest.raises(DataError, match=says):
        table_pairs.compare(a, b)
    with pytest.raises(DataError, match=says):
        from_tables.leaderboards({"a": a, "c": same, "b": b}, "a")


def test_a_group_called_class_stands_beside_the_classes() -> None:
    cars = {"group_class": ["small", "small", "large"] * 6}
    a, b = (animals(model, ["cat", "dog"] * 9, **cars) for model in "ab")
    parts = table_pairs.compare(a, b).tasks["pet"].parts
    assert [(part.by, part.value, part.n) for part in parts] == [
        ("class", "cat", 9),
        ("class", "dog", 9),
        ("group_class", "large", 6),
        ("group_class", "small", 12),
    ]
