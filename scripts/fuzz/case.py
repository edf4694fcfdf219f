"""One case of a target: prepare it, attack, and say what came of it."""

from __future__ import annotations

import hashlib
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from core.errors import UserError
from core.outbound import lookups

MAX_SECONDS = 1.0
MAX_MEMORY_MB = 400


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case.

    Attributes:
        case: its number.
        status: `accepted`, `refused` or `crashed`.
        seconds: processor time of the attack, child processes included.
        memory_mb: peak of resident memory above that before the attack.
        files_left: how many files the attack left behind.
        lookups: addresses that the attack looked up or connected to, other than this machine's.
        error: type and text of what was raised, shortened; empty where nothing was.
    """

    case: int
    status: str
    seconds: float
    memory_mb: float
    files_left: int
    lookups: list[str]
    error: str


def generator(target: str, seed: int, case: int) -> np.random.Generator:
    """Return the random numbers of a case."""
    digest = hashlib.sha256(f"{target}/{seed}/{case}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def watch_lookups() -> list[str]:
    """Record, from now on, the foreign hosts that this process asks for; return the record."""
    hosts: list[str] = []
    lookups.record(hosts.append)
    return hosts


def run_case(
    module: ModuleType, target: str, seed: int, case: int, hosts: list[str], *, debug: bool
) -> CaseResult:
    """Run one case.

    Args:
        module: the target's.
        target: its name.
        seed: of the run.
        case: number of the case.
        hosts: the record of `watch_lookups`.
        debug: raise what crashes instead of reporting it.
    """
    temporary = Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix="case-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        attack: Callable[[], object] = module.prepare(generator(target, seed, case), folder)
        before, hosts_before = _files(temporary), len(hosts)
        resident_mb = _reset_peak()
        start = _processor_seconds()
        status, error = "accepted", ""
        try:
            attack()
        except UserError as refusal:
            status, error = "refused", str(refusal)[:300]
        except Exception as crash:
            if debug:
                raise
            status, error = "crashed", f"{type(crash).__name__}: {crash}"[:300]
        seconds = _processor_seconds() - start
        peak_mb = _status_mb("VmHWM")
        files_left = len(_files(temporary) - before)
    return CaseResult(
        case,
        status,
        round(seconds, 3),
        round(max(0.0, peak_mb - resident_mb), 1),
        files_left,
        hosts[hosts_before:],
        error,
    )


def _files(folder: Path) -> set[Path]:
    return {Path(parent) / name for parent, _, names in os.walk(folder) for name in names}


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _reset_peak() -> float:
    """Forget the peak of resident memory so far, and return what is resident, in MB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status_mb("VmRSS")


def _status_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
