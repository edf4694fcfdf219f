"""JSON from others that nests deeply is refused as any other fault of a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.data import manifest
from core.errors import UserError
from core.monitoring import counts_line
from core.schema import parse_json
from evaluation.predictions import table
from evaluation.predictions.meta import METADATA_KEY
from evaluation.predictions.partial import PartialTable
from evaluation.quality.repair import decisions
from evaluation.report import gate_limits
from train.recipe.arguments import data_folders

HOSTILE = [
    "[" * 100_000,
    '{"a":' * 100_000,
    "9" * 5_000,
    "[" * 900 + "]" * 900,
    "\\ud800",
    "NaN",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_it_parses_or_is_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_json(text)


def manifest_with(text: str, folder: Path) -> None:
    rows = pa.table({"id": ["a"]}).replace_schema_metadata({manifest.KEY: text.encode()})
    pq.write_table(rows, folder / manifest.FILE)
    manifest.load(folder, "all")


def table_with(text: str, folder: Path) -> None:
    rows = pa.table({"sample_id": ["a"], "mood_true": ["x"], "mood_pred": ["x"]})
    pq.write_table(
        rows.replace_schema_metadata({METADATA_KEY: text.encode()}), folder / "t.parquet"
    )
    table.read(folder / "t.parquet")


def votes_with(text: str, folder: Path) -> None:
    columns = {"sample_id": ["a"], "emotion_true": ["neutral"], "emotion_pred": ["neutral"]}
    pq.write_table(pa.table({**columns, "emotion_votes": [text]}), folder / "t.parquet")
    table.read(folder / "t.parquet")


def folders_with(text: str, folder: Path) -> None:
    (folder / "data.json").write_text(text)
    data_folders(str(folder / "data.json"))


def limits_with(text: str, folder: Path) -> None:
    (folder / "bench.json").write_text(text)
    gate_limits.read_measured(folder / "bench.json")


@pytest.mark.parametrize(
    "door",
    [
        manifest_with,
        table_with,
        votes_with,
        folders_with,
        limits_with,
        lambda text, _: counts_line.parse(text.encode()),
    ],
)
@pytest.mark.parametrize("text", HOSTILE[:2])
def test_a_file_that_nests_deeply_is_refused(
    door: Callable[[str, Path], object], text: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError):
        door(text, tmp_path)


@pytest.mark.parametrize("text", HOSTILE[:2])
def test_what_a_killed_process_left_is_begun_anew(text: str, tmp_path: Path) -> None:
    assert decisions._replay([text]) == {}
    partial = PartialTable(tmp_path / "t.parquet")
    partial.begin({"a": 1})
    partial._key_file.write_text(text)
    assert partial.begin({"a": 1}) == []
