"""The machine: usable processors, memory, versions, and a description of it beside figures."""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout, or the folder that holds the packages and `assets`."""
SHIPPED_MODEL = ROOT / "assets" / "models" / "mien"
CGROUP = Path("/sys/fs/cgroup")
COMPUTING_PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "pyarrow")
"""Packages on whose versions predictions depend."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What figures of speed depend on.

    Attributes:
        processor: the processor's name.
        cores: logical processors of the machine, usable by this process or not.
        memory_gb: GiB of memory, one decimal.
        system: operating system and its version.
        python: version of the interpreter.
    """

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str


def describe_machine() -> Machine:
    """Return the description of this machine."""
    return Machine(
        processor=processor_name(),
        cores=os.cpu_count() or 1,
        memory_gb=memory_gb(),
        system=platform.platform(),
        python=platform.python_version(),
    )


def processor_name() -> str:
    """Return the processor's name, or the platform's where the system does not tell it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or sys.platform


def memory_gb() -> float:
    """Return the machine's memory in GiB, to one decimal."""
    import psutil  # serving does without it

    total: int = psutil.virtual_memory().total
    return round(total / 2**30, 1)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each distribution, that of Python first.

    Raises:
        importlib.metadata.PackageNotFoundError: one is not installed.
    """
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def usable_processors(cgroup: Path = CGROUP) -> int:
    """Return how many processors this process may keep busy, at least 1.

    That is fewer than the machine has where the process is pinned to some, or where a container's
    quota limits it. Half a processor of a quota counts as one, since a thread can run on no less.
    """
    pinned = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, math.ceil(min(pinned, processor_quota(cgroup))))


def processor_quota(cgroup: Path = CGROUP) -> float:
    """Return how many processors' worth of time the container gives; infinite without a limit.

    Args:
        cgroup: root of the control groups, version 2 or 1.
    """
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota_us, period_us = map(
                int, " ".join((cgroup / name).read_text("ascii") for name in names).split()
            )
        except (OSError, ValueError):  # not this version; "max", no limit
            continue
        if quota_us > 0:  # -1: no limit
            return quota_us / period_us
    return math.inf
