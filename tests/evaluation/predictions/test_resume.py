"""A prediction run that is stopped or killed goes on where it was, ends with the same file, and
never leaves half a table.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.data import Samples
from evaluation.__main__ import main
from evaluation.predictions import predict, resume, table
from evaluation.predictions.partial import PartialTable
from tests.conftest import ROOT, full_disk, write_tiny_bundle

N = 300


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five parts of 64, and one date for all files, so that their bytes can be compared."""
    monkeypatch.setattr(resume, "PART_SIZE", 64)
    describe = resume.describe
    monkeypatch.setattr(resume, "describe", lambda *a: replace(describe(*a), created="2026-01-01"))


@pytest.fixture
def command(data_dir: Path, tiny_bundle: Path, tmp_path: Path) -> list[str]:
    out = str(tmp_path / "t.parquet")
    source = ["--dataset", "ferplus", "--data", str(data_dir), "--limit", str(N), "--threads", "1"]
    return ["predict", "--model", str(tiny_bundle), *source, "--conditions", "--out", out]


def stop_after(parts: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From now on part `parts` ends in Ctrl-C. Returns the sizes of what is predicted, growing."""
    sizes: list[int] = []
    predict_part = resume.predict

    def counted(predictor: object, samples: Samples, *rest: object, **options: object) -> object:
        if len(sizes) == parts:
            raise KeyboardInterrupt
        sizes.append(len(samples))
        return predict_part(predictor, samples, *rest, **options)

    monkeypatch.setattr(resume, "predict", counted)
    return sizes


@pytest.fixture
def uninterrupted(command: list[str], tmp_path: Path) -> bytes:
    """The bytes of a table that was made in one go."""
    assert main([*command[:-1], str(tmp_path / "whole.parquet")]) == 0
    return (tmp_path / "whole.parquet").read_bytes()


def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(
    command: list[str],
    uninterrupted: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    out = Path(command[-1])
    with monkeypatch.context() as patch:
        assert stop_after(2, patch) is not None and main(command) == 130
    stderr = capsys.readouterr().err
    assert (
        "stopped after 128 of 300" in stderr
        and "same command goes on" in stderr
        and not out.exists()
    )
    with monkeypatch.context() as patch:
        sizes = stop_after(-1, patch)
        assert main(command) == 0
    assert sizes == [64, 64, 44] and "goes on: 128 of 300" in capsys.readouterr().err
    assert out.read_bytes() == uninterrupted
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.parquet", "whole.parquet"], (
        "no parts stay behind"
    )


def change_model(command: list[str], folder: Path) -> list[str]:
    return [
        a if a != command[2] else str(write_tiny_bundle(folder / "other", seed=1)) for a in command
    ]


CHANGES: dict[str, tuple[Callable[[list[str], Path], list[str]], str]] = {
    "model": (change_model, "another model;"),
    "data": (lambda c, _: [a.replace(str(N), "200") for a in c], "another data;"),
    "options": (lambda c, _: [a for a in c if a != "--conditions"], "another options;"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_with_other_input_starts_anew(
    name: str,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    change, text = CHANGES[name]
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        assert main(command) == 130
    other = change(command, tmp_path)
    with monkeypatch.context() as patch:
        sizes = stop_after(-1, patch)
        assert main(other) == 0
    assert text in (stderr := capsys.readouterr().err) and "starts anew" in stderr
    assert sum(sizes) == len(table.read(other[-1])) == (200 if name == "data" else N)


def test_a_killed_process_leaves_whole_parts(
    command: list[str], uninterrupted: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Path(command[-1])
    slow = (
        "import sys, time, evaluation.predictions.resume as p\np.PART_SIZE = 64\nwhole = "
        "p.predict\n"
    )
    slow += "p.predict = lambda *a, **k: (whole(*a, **k), time.sleep(0.3))[0]\n"
    slow += "from evaluation.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *command], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    parts, deadline = PartialTable(out), time.monotonic() + 60
    while parts.sample_count(0) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(20) == -signal.SIGKILL and not out.exists()
    sizes = stop_after(-1, monkeypatch)
    assert main(command) == 0 and 0 < sum(sizes) <= N - 64 and out.read_bytes() == uninterrupted


def test_a_part_without_a_readable_file_is_only_counted(
    data_dir: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "PART_SIZE", 10)
    monkeypatch.setattr(predict, "BATCH_SIZE", 10)
    faces = tmp_path / "faces"
    faces.mkdir()
    for i, path in enumerate(sorted((data_dir / "utkface").glob("2*.jpg"))[:70]):
        (faces / path.name).write_bytes(path.read_bytes() if i < 60 else b"")
    command = [
        "predict",
        "--model",
        str(tiny_bundle),
        "--dataset",
        "utkface",
        "--split",
        "all",
        "--data",
        str(faces),
    ]
    assert main([*command, "--out", str(tmp_path / "t.parquet")]) == 0
    predictions = table.read(tmp_path / "t.parquet")
    assert len(predictions) == 60 and table.Meta.of(predictions).left_out == 10


@pytest.mark.parametrize("limit", [1_000, 30_000])
def test_a_full_disk_is_no_internal_error_and_the_run_goes_on(
    command: list[str], uninterrupted: bytes, limit: int, capsys: pytest.CaptureFixture
) -> None:
    """At the first part, and where the parts are put together."""
    with full_disk(limit):
        assert main(command) == 2
    assert "error: Expected to write" in capsys.readouterr().err
    assert not Path(command[-1]).exists()
    assert main(command) == 0 and Path(command[-1]).read_bytes() == uninterrupted
