"""How many processors this process may keep busy: fewer than the machine has where it is pinned to
some or a container's quota holds it.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable(cgroup: Path = CGROUP) -> int:
    """At least 1. Half a processor of a quota counts as one, since a thread can run on no less."""
    pinned = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, math.ceil(min(pinned, quota(cgroup))))


def quota(cgroup: Path) -> float:
    """Processors' worth of time that the container gives, by cgroup version 2 or 1; infinite where
    nothing limits it.
    """
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            time, period = map(
                int, " ".join((cgroup / name).read_text("ascii") for name in names).split()
            )
        except (OSError, ValueError):  # not this version; "max", no limit
            continue
        if time > 0:  # -1: no limit
            return time / period
    return math.inf
