"""Names of tasks: none overwrites what a report or a comparison has under the same key."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.__main__ import main
from evaluation.predictions.tasks import KNOWN_TASKS, RESERVED_NAMES

N = 10


def masks(task: str, models: int = 1) -> dict[str, list[str]]:
    return {
        "sample_id": [f"s{i}" for i in range(N)] * models,
        "model": [f"m{i // N}" for i in range(N * models)],
        f"{task}_true": ["yes", "no"] * (N * models // 2),
        f"{task}_pred": ["yes"] * N * models,
    }


def test_no_key_of_a_report_is_the_name_of_a_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, parts = (str(tmp_path / f"{name}.parquet") for name in ("one", "two", "parts"))
    pq.write_table(pa.table(masks("mask")), one)
    pq.write_table(pa.table(masks("mask", 2)), two)
    pq.write_table(pa.table(masks("mask") | {"split": ["val", "test"] * (N // 2)}), parts)
    gate = tmp_path / "g.toml"
    gate.write_text('[mask]\nfigure = "mask.accuracy"\nmin = 0.1\n')
    for words in (
        ["report", one, "--gate", str(gate)],
        ["report", parts],
        ["slices", one],
        ["slices", parts],
        ["compare", one, one],
        ["compare", two],
        ["compare", parts, parts],
    ):
        assert main([*words, "--json"]) == 0
        keys = set(json.loads(capsys.readouterr().out))
        assert keys - {*RESERVED_NAMES, *KNOWN_TASKS} <= {"mask"}, words


@pytest.mark.parametrize("task", RESERVED_NAMES)
def test_a_task_of_such_a_name_is_refused_and_can_be_renamed(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "t.parquet")
    pq.write_table(pa.table(masks(task)), path)
    assert main(["report", path]) == 2
    renamed = ["--map", f"my_{task}_true={task}_true", "--map", f"my_{task}_pred={task}_pred"]
    error = capsys.readouterr().err
    assert f"got `{task}`" in error and " ".join(renamed) in error
    assert main(["report", path, *renamed, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[f"my_{task}"]["n"] == N
    assert main(["report", path, "--map", f"{task}_true=sample_id"]) == 2
    assert f"try my_{task}_true, as reports use `{task}`" in capsys.readouterr().err
