"""docs/own_tables.md: its code blocks run as they stand there, its commands take what they wrote,
its columns are the contract's.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from apps.studio.__main__ import parser
from evaluation.__main__ import main
from evaluation.predictions import table
from evaluation.predictions.arrays import CLUSTERS
from evaluation.predictions.schema import TYPES
from evaluation.predictions.table import column_map
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "own_tables.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n# file: (\w+)\.py\n(.*?)```.*?```sh\n(.*?)```", TEXT, re.S)


def test_there_are_three_examples() -> None:
    assert [name for name, _, _ in EXAMPLES] == ["sklearn_example", "csv_example", "torch_example"]


@pytest.mark.parametrize(("name", "code", "commands"), EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_the_example_runs_and_its_commands_take_its_table(
    name: str,
    code: str,
    commands: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, f"{name}.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    monkeypatch.chdir(tmp_path)
    lines = [shlex.split(line) for line in commands.splitlines()]
    assert len(lines) == 3
    for line in lines:
        assert line[:2] == ["python", "-m"]
        if line[2] == "evaluation":
            assert main(line[3:]) == 0, capsys.readouterr().err
            assert "samples" in capsys.readouterr().out or "slices" in line
        else:
            assert line[2] == "apps.studio"
            args = parser().parse_args(line[3:])
            opened = table.read(
                args.tables[0], names=column_map(args.map)
            )  # what the studio does first
            assert len(opened) > 100 and "emotion_true" in opened.column_names
    assert name != "torch_example" or (tmp_path / "torch.html").stat().st_size > 100_000


def test_the_one_line_of_the_issue_is_understood(tmp_path: Path) -> None:
    [line] = re.findall(r"`(python -m apps\.studio mine\.csv --images [^`]+)`", TEXT)
    args = parser().parse_args(shlex.split(line)[3:])
    assert {"emotion_true": "label", "emotion_pred": "pred"}.items() <= column_map(
        args.map
    ).items() and str(args.images) == "DIR"
    (tmp_path / "mine.csv").write_text(
        "sample_id,image,label,pred\na,a.png,happy,sad\nb,b.png,sad,sad\n"
    )
    rows = table.read(tmp_path / "mine.csv", names=column_map(args.map))
    assert rows["path"].to_pylist() == ["a.png", "b.png"]


def test_the_columns_are_those_of_the_contract() -> None:
    named = set(re.findall(r"`([a-z_]+)`", TEXT.split("## ")[0]))
    assert {c for c in named if c.startswith(("emotion_", "age_", "gender_"))} <= set(TYPES)
    assert {f"group_{c}" for c in CLUSTERS} <= named
