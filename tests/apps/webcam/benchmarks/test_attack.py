"""The measurement of an attack: what it counts, and targets that can be missed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from apps.webcam.benchmarks import attack
from apps.webcam.benchmarks.attack_report import AttackReport, CallsReport
from apps.webcam.benchmarks.load_report import FrameAge, LoadMachine, VisitorReport
from apps.webcam.benchmarks.memory_slope import MemoryGrowth
from tests.conftest import ROOT

GOOD = AttackReport(
    seconds=600.0,
    machine=LoadMachine("cpu", 2, 1.0, {"server": 0.5, "visitors": 0.5}),
    acts={"idle": 3},
    statuses={200: 3, 403: 1},
    visitors=(VisitorReport(4.0, FrameAge(20.0, 40.0, 2000.0), 300.0, 100),) * 8,
    visitor_faults=(),
    calls=CallsReport(10, 2.0, ()),
    memory=MemoryGrowth(300.0, 301.0, 302.0, 0.1, (-0.5, 1.0)),
    lookups=0,
    max_files=7,
    files_left=0,
    is_alive=True,
)


def test_a_good_report_meets_every_target() -> None:
    assert set(GOOD.met.values()) == {True}
    assert json.loads(json.dumps(GOOD.to_dict()))["met"] == GOOD.met


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({"visitors": (replace(GOOD.visitors[0], frames_per_s=3.9),)}, "4 frames/s"),
        ({"visitors": (replace(GOOD.visitors[0], age_ms=FrameAge(9, 9, 2001)),)}, "later than 2 s"),
        (
            {"visitors": (replace(GOOD.visitors[0], age_ms=FrameAge(None, None, None)),)},
            "later than",
        ),
        ({"calls": CallsReport(10, 2.1, ())}, "later than 2 s"),
        ({"calls": CallsReport(0, None, ())}, "later than 2 s"),
        ({"calls": CallsReport(10, 1.0, ("refused",))}, "faults"),
        ({"visitor_faults": ("the stream ended",)}, "faults"),
        ({"memory": MemoryGrowth(1.0, 2.0, 3.0, 0.5, (0.1, 1.1))}, "memory"),
        ({"lookups": 1}, "look-ups"),
        ({"files_left": 1}, "files"),
        ({"statuses": {500: 1}}, "error of the server"),
        ({"is_alive": False}, "error of the server"),
    ],
)
def test_each_target_can_be_missed(change: dict, missed: str) -> None:
    failed = [target for target, is_met in replace(GOOD, **change).met.items() if not is_met]
    assert len(failed) == 1
    assert missed in failed[0]


ASKS = """
import contextlib, pathlib, socket, sys
from apps.webcam.benchmarks import watched_demo
from apps.webcam.serving import outbound
note = watched_demo.recorder(pathlib.Path(sys.argv[1]))
socket.getaddrinfo("localhost", 80)
outbound.forbid(note)
for family, address in ((socket.AF_UNIX, "/x"), (socket.AF_INET, ("127.0.0.1", 9))):
    with socket.socket(family) as one, contextlib.suppress(OSError):
        one.connect(address)
socket.getaddrinfo("canary.example", 80)
"""


def test_hosts_that_are_asked_for_are_written_down(tmp_path: Path) -> None:
    """Those of this machine too, but not between its processes, nor before the demo serves."""
    command = [sys.executable, "-c", ASKS, str(tmp_path / "lookups")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "PermissionError" in done.stderr
    assert (tmp_path / "lookups").read_text().splitlines() == ["127.0.0.1", "canary.example"]


def test_a_short_attack(model: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["--model", str(model), "--minutes", "0.1", "--hostile", "3", "--rate", "2"]
    assert attack.main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["visitors"]) == 8
    assert all(visitor["frames_per_s"] > 0 for visitor in report["visitors"])
    assert report["visitor_faults"] == []
    assert sum(report["acts"].values()) > 0
    assert sum(report["statuses"].values()) > 0
    assert (report["lookups"], report["files_left"], report["is_alive"]) == (0, 0, True)
    assert "500" not in report["statuses"]


def test_arguments_out_of_range_are_the_users_mistake(capsys: pytest.CaptureFixture) -> None:
    assert attack.main(["--minutes", "0"]) == 2
    assert "Expected 0.1 minutes or more" in capsys.readouterr().err
