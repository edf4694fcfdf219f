"""Stores of made-up predictions that several tests of the studio's figures look into."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from evaluation.benchmark.generated_tables import generate
from evaluation.predictions import arrays, table
from evaluation.statistics.estimate import Estimate
from evaluation.store import Store
from tests.apps.studio.conftest import predictions


def opened(rows: pa.Table, folder: Path) -> Store:
    path = folder / "t.parquet"
    table.write(rows, path, table.Meta(dataset="made", split="val"))
    return Store.open([path])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, Store]:
    """Two models on the same 1,500 samples, without persons; b lacks the last 40."""
    rows = pa.concat_tables([predictions(1500, "a"), predictions(1500, "b", seed=5).slice(0, 1460)])
    return rows, opened(rows, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, Store]:
    """Two models on 3,000 samples of about 300 persons."""
    rows = pa.concat_tables([generate(3000, model="a"), generate(3000, model="b")])
    return rows, opened(rows, tmp_path_factory.mktemp("people"))


def of(rows: pa.Table, model: str) -> pa.Table:
    return arrays.one_model(rows, model)


def close(f: Estimate, other: Estimate, slack: float = 0.25) -> None:
    """The same figure, and an interval of about the same width in about the same place."""
    assert f.value == pytest.approx(other.value, abs=1e-12) and f.n == other.n
    if other.low is None:
        assert f.low is f.high is None
        return
    wide = other.high - other.low
    assert f.low == pytest.approx(other.low, abs=slack * wide + 1e-9)
    assert f.high == pytest.approx(other.high, abs=slack * wide + 1e-9)
