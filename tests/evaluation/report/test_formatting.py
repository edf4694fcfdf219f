"""What a script reads from a pipe: no sentence and no path is broken, whatever COLUMNS says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.benchmark.generated_tables import generate
from evaluation.predictions import write
from tests.conftest import ROOT

LONG = "a_folder_with_a_long_name_" * 6
BOX = "┏┓┗┛┡┩┳┻╇┃━│─└┘┴┌┐├┤┼"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two tables at a path far longer than a terminal is wide."""
    folder = tmp_path_factory.mktemp("pipe") / LONG
    folder.mkdir()
    paths = []
    for name in ("one", "two"):
        paths.append(str(folder / f"{name}.parquet"))
        write(generate(400, model=f"{name} {LONG}"), paths[-1])
    return paths


def piped(arguments: list[str], columns: str | None) -> list[str]:
    """Return the lines that `python -m ...` writes into a pipe."""
    env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR")}
    env |= {} if columns is None else {"COLUMNS": columns, "FORCE_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=env, capture_output=True, timeout=120
    )
    assert done.returncode in (0, 3), done.stderr.decode()
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize("columns", [None, "40"])
@pytest.mark.parametrize("command", ["report", "compare", "slices", "plan"])
def test_nothing_is_broken_on_a_pipe(command: str, columns: str | None, tables: list[str]) -> None:
    arguments = {
        "report": ["report", tables[0], "--gate", "production"],
        "compare": ["compare", *tables],
        "slices": ["slices", tables[0]],
        "plan": ["plan", tables[0], "--precision", "0.9"],
    }[command]
    lines = piped(["evaluation", *arguments], columns)
    text = "\n".join(lines)
    assert "\x1b[" not in text and "…" not in text
    method = "clustered bootstrap over 40 values of `group_subject`"
    assert any(method in line for line in lines), "a sentence stands on one line"
    if command in ("report", "compare"):
        assert any(f"one {LONG}" in line for line in lines)
    sentences = [line for line in lines if line and line[0] not in BOX]
    assert not [line for line in sentences if line[0].islower() and len(line.split()) < 3], (
        "no line is the rest of the one before it"
    )


def test_a_path_is_printed_whole(tables: list[str], tmp_path: Path) -> None:
    (Path(tables[0]).parent / "runs" / LONG).mkdir(parents=True, exist_ok=True)
    history = Path(tables[0]).parent / "runs" / LONG / "history.parquet"
    history.write_bytes(b"no table")
    env = os.environ | {"COLUMNS": "40"}
    done = subprocess.run(
        [sys.executable, "-m", "evaluation", "runs", str(history.parent.parent)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert any(str(history) in line for line in done.stdout.splitlines())
