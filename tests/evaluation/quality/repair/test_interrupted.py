"""A repair that cannot be finished leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import DataError
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.repair import apply
from tests.conftest import ROOT
from tests.evaluation.quality.repair.test_apply import four


@pytest.mark.parametrize("place", ["/proc/out", "/dev/null/out"])
def test_a_place_that_cannot_be_written(data: AuditDataset, place: str) -> None:
    with pytest.raises(DataError, match=r"Expected to write|holds something else"):
        apply.apply_plan(four(data), data, Path(place), "copy")


FULL = """
import resource, sys
from pathlib import Path
from core.errors import DataError
from evaluation.quality import open_dataset
from evaluation.quality.repair import apply
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    dataset = open_dataset("image_folder", Path(sys.argv[1]), cache=None)
    apply.apply_plan([], dataset, Path(sys.argv[2]), "copy")
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("room", ["100", "1500"])
def test_a_full_disk_leaves_nothing(data: AuditDataset, tmp_path: Path, room: str) -> None:
    """No file may grow beyond `room` bytes: the first picture (166 bytes or more) or, later, the
    manifest fails to be written.
    """
    command = [sys.executable, "-c", FULL, str(data.samples.root), str(tmp_path / "out"), room]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "Expected to write" in result.stdout and "File too large" in result.stdout, (
        result.stdout + result.stderr
    )
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_ctrl_c_leaves_nothing(
    data: AuditDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = []

    def stop(source: object, target: object, size: int) -> None:
        copied.append(target)
        if len(copied) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfileobj", stop)
    with pytest.raises(KeyboardInterrupt):
        apply.apply_plan(four(data), data, tmp_path / "out", "copy")
    assert len(copied) == 3 and [p.name for p in tmp_path.iterdir()] == ["data"]


KILLED = """
import shutil, sys, time
from pathlib import Path
from evaluation.quality import open_dataset
from evaluation.quality.repair import apply
def wait(*_):
    print("copying", flush=True)
    time.sleep(60)
shutil.copyfileobj = wait
dataset = open_dataset("image_folder", Path(sys.argv[1]), cache=None)
apply.apply_plan([], dataset, Path(sys.argv[2]), "copy")
"""


def test_a_killed_run_leaves_no_result_and_the_next_one_tidies_up(
    data: AuditDataset, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(data.samples.root), str(tmp_path / "out")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "copying\n"
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out").exists() and len(list(tmp_path.iterdir())) == 2
    alive = tmp_path / f".out.part-{os.getpid()}-x"
    alive.mkdir()
    apply.apply_plan([], data, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == [alive.name, "data", "out"]
