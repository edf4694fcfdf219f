"""The file of counts: whole lines whatever happens, bounded, one writer."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import UserError
from core.monitoring import counts_file
from core.monitoring.counts_file import KEPT, CountsFile, all_files
from core.monitoring.counts_line import CountsLine, parse
from core.monitoring.tally import Tally
from tests.conftest import ROOT, full_disk
from tests.core.monitoring.conftest import MINUTE, START, prediction

KILLED = """
import os, signal, sys
from pathlib import Path
from core.monitoring.counts_file import CountsFile
file = CountsFile(Path(sys.argv[1]))
file.append(sys.argv[2])
os.write(file._descriptor, sys.argv[2][:100].encode())  # as far as a write came
os.kill(os.getpid(), signal.SIGKILL)
"""


def line(minute: int = 0) -> CountsLine:
    tally = Tally("mien 1")
    for i in range(30):
        tally.add_face(prediction(i), None)
    counts = tally.take_line(START + minute * MINUTE, START + (minute + 1) * MINUTE)
    assert counts is not None
    return counts


def lines_in(path: Path) -> list[CountsLine]:
    return [parse(text) for text in path.read_bytes().splitlines()]


def fail(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_files_are_bounded_and_in_order(tmp_path: Path) -> None:
    path, size = tmp_path / "counts.jsonl", len(line().to_json()) + 1
    file = CountsFile(path, max_bytes=3 * size)
    count = 3 * (KEPT + 1) + 2
    for minute in range(count):
        file.append(line(minute).to_json())
    files = all_files(path)
    assert len(files) == KEPT + 1 == len(list(tmp_path.iterdir()))
    assert all(f.stat().st_size <= 3 * size for f in files)
    starts = [one.time for f in files for one in lines_in(f)]
    assert starts == [START + m * MINUTE for m in range(count - len(starts), count)]
    assert len(starts) == 3 * KEPT + 2


@pytest.mark.parametrize("room", [0, 1, 500])
def test_a_full_disk_leaves_no_half_line(tmp_path: Path, room: int) -> None:
    path = tmp_path / "counts.jsonl"
    file = CountsFile(path)
    file.append(line(0).to_json())
    with full_disk(path.stat().st_size + room), pytest.raises(OSError):
        file.append(line(1).to_json())
    assert lines_in(path) == [line(0)]
    file.append(line(1).to_json())
    assert lines_in(path) == [line(0), line(1)]


def test_a_file_that_cannot_be_opened_anew_costs_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The full file was renamed already; every further attempt must leave the older ones."""
    path, size = tmp_path / "counts.jsonl", len(line().to_json()) + 1
    file = CountsFile(path, max_bytes=size)
    for minute in range(3):
        file.append(line(minute).to_json())
    with monkeypatch.context() as patch:
        patch.setattr(counts_file.os, "open", fail)
        for _ in range(KEPT + 1):
            with pytest.raises(OSError):
                file.append(line(3).to_json())
    file.append(line(3).to_json())
    assert [lines_in(one) for one in all_files(path)] == [[line(m)] for m in range(4)]


def test_a_killed_writer_loses_nothing_and_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "counts.jsonl"
    command = [sys.executable, "-c", KILLED, str(path), line(0).to_json()]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert not path.read_bytes().endswith(b"\n")
    CountsFile(path).append(line(1).to_json())
    assert lines_in(path) == [line(0), line(1)]


@pytest.mark.parametrize("content", [b"notes\n", b"{}\n", b"\x00" * 50])
def test_other_files_are_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="another name"):
        CountsFile(path)
    assert path.read_bytes() == content


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "counts.jsonl", Path("/proc/counts.jsonl")):
        with pytest.raises(UserError, match="try another place"):
            CountsFile(path)


def test_one_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "counts.jsonl"
    first = CountsFile(path, max_bytes=10)
    for _ in range(3):  # also after the file was rotated
        with pytest.raises(UserError, match="nobody else"):
            CountsFile(path)
        first.append(line().to_json())
    first.close()
    CountsFile(path).close()
