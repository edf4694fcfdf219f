"""What commands read: rows of every split, of one model, under names of their own, with figures."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.__main__ import main
from evaluation.commands._tables import NO_SPLIT, splits, unique_names

N = 12
EMOTIONS = {
    "sample_id": [f"s{i}" for i in range(N)],
    "emotion_true": ["anger", "neutral"] * (N // 2),
    "emotion_pred": ["anger"] * N,
}


def written(path: Path, columns: dict[str, list]) -> str:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return str(path)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["val", "", None], {"val": 1, NO_SPLIT: 2}),
        (["", "val", "test"], {"val": 1, "test": 1, NO_SPLIT: 1}),
        (["val", NO_SPLIT, None], {"val": 1, NO_SPLIT: 2}),
        (["", None, None], {"": 3}),
        (["val", "val", "val"], {"": 3}),
    ],
)
def test_every_row_is_in_one_split(names: list[str | None], wanted: dict[str, int]) -> None:
    rows = pa.table({"split": pa.array(names, pa.string())})
    parts = splits(rows, None)
    assert {name: len(part) for name, part in parts.items()} == wanted
    for name in (name for name in parts if name):
        assert splits(rows, name)[""].equals(parts[name])


def test_rows_without_a_split_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "t.parquet", EMOTIONS | {"split": ["val"] * 8 + [""] * (N - 8)})
    assert main(["report", path, "--json"]) == 0
    printed = capsys.readouterr()
    reports = json.loads(printed.out)["splits"]
    assert {name: report["rows"] for name, report in reports.items()} == {"val": 8, NO_SPLIT: 4}
    assert reports[NO_SPLIT]["split"] is None and "val, no split" in printed.err
    assert main(["report", path, "--json", "--split", NO_SPLIT]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 4


def test_tables_have_names_of_their_own() -> None:
    paths = [Path("x/p.parquet"), Path("y/p.parquet"), Path("q.csv")]
    assert unique_names(paths) == ["p", "y/p.parquet", "q"]
    assert unique_names(paths, ("q",)) == ["p", "y/p.parquet", "q.csv"]


@pytest.mark.parametrize("command", ["by_group", "agreement"])
def test_files_of_one_name_are_all_shown_and_models_are_not_mixed(
    command: str, shipped_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n" + "\n".join(f"s{i},anger" for i in range(N)))
    ages = {"age_true": [30.0] * N, "age_pred": [31.0] * N}
    paths = [written(tmp_path / part / "p.parquet", EMOTIONS | ages) for part in ("x", "y")]
    options = {"by_group": ["--model", str(shipped_model)], "agreement": ["--labels", str(labels)]}
    assert main([command, *paths, *options[command], "--json"]) == 0
    assert {"p", paths[1]} <= set(json.loads(capsys.readouterr().out))
    two = EMOTIONS | ages | {"model": ["a", "b"] * (N // 2)}
    path = written(tmp_path / "two.parquet", two)
    assert main([command, path, *options[command]]) == 2
    assert f"one model in {path}, got a, b" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["report", "slices"])
@pytest.mark.parametrize("split", [["val"] * N, ["val", "test"] * (N // 2)])
def test_a_table_without_any_figure_is_refused(
    command: str, split: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    halves = {
        "emotion_true": ["anger", None] * (N // 2),
        "emotion_pred": [None, "anger"] * (N // 2),
        "split": split,
    }
    path = written(tmp_path / "t.parquet", EMOTIONS | halves)
    for options in ([], ["--json"]):
        assert main([command, path, *options]) == 2
        printed = capsys.readouterr()
        assert "both a truth and a prediction" in printed.err and printed.out == ""
