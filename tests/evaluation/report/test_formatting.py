"""What a script reads from a pipe: no sentence and no path is broken, whatever COLUMNS says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.benchmark.generated_tables import generate
from evaluation.predictions import write
from evaluation.report.formatting import threshold
from tests.conftest import ROOT

LONG = "a_folder_with_a_long_name_" * 6
COMMANDS = ("report", "compare", "slices", "plan", "runs")
PROGRAM = """
import json, sys
from evaluation.__main__ import main
for words in json.loads(sys.argv[1]):
    status = main(words)
    print(f"\\0{status}\\0", end="", flush=True)
"""
"""Runs `python -m evaluation WORDS` one after the other: one process imports pandas once."""
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


@pytest.fixture(scope="module")
def broken_run(tables: list[str]) -> Path:
    """A run whose history is no table, at a path as long."""
    history = Path(tables[0]).parent / "runs" / LONG / "history.parquet"
    history.parent.mkdir(parents=True)
    history.write_bytes(b"no table")
    return history


@pytest.fixture(scope="module", params=[None, "40"], ids=["no COLUMNS", "COLUMNS=40"])
def outputs(
    request: pytest.FixtureRequest, tables: list[str], broken_run: Path
) -> dict[str, tuple[int, list[str]]]:
    """Exit status and lines that each command writes into a pipe."""
    commands = [
        ["report", tables[0], "--gate", "production"],
        ["compare", *tables],
        ["slices", tables[0]],
        ["plan", tables[0], "--precision", "0.9"],
        ["runs", str(broken_run.parent.parent)],
    ]
    env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR")}
    env |= {"COLUMNS": request.param, "FORCE_COLOR": "1"} if request.param else {}
    program = [sys.executable, "-c", PROGRAM, json.dumps(commands)]
    done = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    parts = done.stdout.decode().split("\0")
    return {
        command: (int(status), text.splitlines())
        for command, text, status in zip(COMMANDS, parts[::2], parts[1::2], strict=False)
    }


@pytest.mark.parametrize("command", ["report", "compare", "slices", "plan"])
def test_nothing_is_broken_on_a_pipe(
    command: str, outputs: dict[str, tuple[int, list[str]]]
) -> None:
    status, lines = outputs[command]
    assert status in (0, 3)
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


def test_a_path_is_printed_whole(
    broken_run: Path, outputs: dict[str, tuple[int, list[str]]]
) -> None:
    status, lines = outputs["runs"]
    assert status == 2
    assert any(str(broken_run) in line for line in lines)


def test_a_threshold_below_1_is_never_said_to_be_1() -> None:
    usual = [threshold(value) for value in (0.6, 0.8764, 0.9994, 1.0)]
    assert usual == ["0.600", "0.876", "0.999", "1.000"]
    assert (threshold(0.9996), threshold(0.99999), threshold(0.99996, 4)) == (
        "0.9996",
        "0.9999",
        "0.9999",
    )
