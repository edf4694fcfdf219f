"""Atomic writing: a file or folder appears whole or not at all, whatever ends the process."""

from __future__ import annotations

import ast
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError
from core.files import (
    atomic_file,
    atomic_folder,
    disk_errors,
    same_content,
    scratch_folder,
    write_atomic,
    write_text,
)
from tests.conftest import ROOT, full_disk


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_file_appears_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with atomic_file(path) as temporary:
        np.save(temporary, np.arange(3))
        assert not path.exists() and temporary.parent == tmp_path
        assert temporary.name.startswith(".")
    assert np.load(path).tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]
    other = tmp_path / "plain"
    other.write_text("x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old\r\n")

    def fill(temporary: Path) -> None:
        temporary.write_text("half")
        raise error

    with pytest.raises(error):
        write_atomic(path, fill)
    assert path.read_bytes() == b"old\r\n" and list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path, "x")
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "none" / "a", "x")


def test_leftovers_of_killed_processes_go(tmp_path: Path, dead_process: int) -> None:
    old = tmp_path / f".a.txt.part-{dead_process}-0.txt"
    mine = tmp_path / f".a.txt.part-{os.getpid()}-0.txt"
    other = tmp_path / f".b.txt.part-{dead_process}-0.txt"
    for path in (old, mine, other):
        path.write_text("")
    write_text(tmp_path / "a.txt", "x")
    assert not old.exists() and mine.exists() and other.exists()


def fill_folder(path: Path, text: str = "x") -> None:
    with atomic_folder(path, "done.json") as temporary:
        (temporary / "done.json").write_text(text)


def test_a_folder_appears_complete(tmp_path: Path, dead_process: int) -> None:
    path = tmp_path / "new" / "a"
    path.parent.mkdir()
    (path.parent / f".a.part-{dead_process}-0").mkdir()
    fill_folder(path)
    assert (path / "done.json").read_text() == "x"
    fill_folder(path)  # the same again
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a"
    fill_folder(path)
    with pytest.raises(DataError, match="with another one"):
        fill_folder(path, "y")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("")
    with pytest.raises(DataError, match="holds something else"):
        fill_folder(tmp_path / "b")
    assert (path / "done.json").read_text() == "x"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_a_failure_leaves_no_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="choose another --out"),
        atomic_folder(tmp_path / "a", "done.json"),
    ):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_same_content(tmp_path: Path) -> None:
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(text)
    assert same_content(tmp_path / "a", tmp_path / "b")
    assert not same_content(tmp_path / "a", tmp_path / "c")


KILLED = """
import os, signal, sys
from pathlib import Path
from core.files import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_unfinished_files_of_a_killed_process_go_with_the_next_one(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    done = subprocess.run([sys.executable, "-c", KILLED, target], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".")  # whoever lists the folder leaves it out
    with scratch_folder(target) as folder:
        assert folder.parent == tmp_path and list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_no_unfinished_folder_lies_beside_results_but_through_scratch_folder() -> None:
    """A folder with a random name would stay for ever once its process is killed."""
    rooms = ("core", "evaluation", "train", "apps")
    calls = {
        path.relative_to(ROOT).as_posix()
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("TemporaryDirectory", "mkdtemp")
        and any(keyword.arg == "dir" for keyword in node.keywords)
    }
    in_temporary_folder = {"apps/webcam/process_folder.py", "evaluation/engines/ray.py"}
    assert calls - in_temporary_folder == {"core/files.py"}


def test_errors_of_the_disk_are_the_user_s_to_mend(tmp_path: Path) -> None:
    target = tmp_path / "t.bin"
    with (
        full_disk(1_000),
        pytest.raises(DataError, match=r"write .*t\.bin.*free some space"),
        disk_errors(target, "free some space"),
        atomic_file(target) as temporary,
    ):
        temporary.write_bytes(bytes(10_000))
    assert list(tmp_path.iterdir()) == []
