"""The machine: processors that a container may use, and its description."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from core import system


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, math.inf),
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu.max": "of another kind"}, math.inf),
    ],
)
def test_a_containers_quota_is_read(tmp_path: Path, files: dict[str, str], expected: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert system.processor_quota(tmp_path) == expected


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 4), ("800000 100000", 4), ("150000 100000", 2), ("10000 100000", 1)],
)
def test_the_smallest_limit_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 7}, raising=False)
    (tmp_path / "cpu.max").write_text(quota)
    assert system.usable_processors(tmp_path) == expected


def test_the_machine_is_described() -> None:
    machine = system.describe_machine()
    assert machine.processor and machine.cores >= 1 and machine.memory_gb > 0
    assert machine.python == system.versions([])["python"]
    assert system.versions(["numpy"])["numpy"]
