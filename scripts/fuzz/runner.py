"""Run the cases of a target in a process of its own, which may die or hang, and count."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from core import registry
from core.system import ROOT
from scripts.fuzz.case import MAX_MEMORY_MB, MAX_SECONDS, CaseResult
from scripts.fuzz.worker import TARGETS

DEADLINE_S = 30.0
"""Seconds of processor time after which a case, or the start of its process, is ended."""
WAIT_S = 600.0
"""Seconds after which it is ended though it uses no processor; long, as the machine may be busy."""
POLL_S = 1.0
MAX_FAILURES = 20
HOME = "home"
"""Folder of the user's caches, which are meant to stay."""


@dataclass
class TargetReport:
    """Counts of one target.

    Attributes:
        target: its name.
        seed: of the run.
        cases: that were run.
        refused: that ended with an error for the user.
        accepted: that ended well.
        crashes: that ended with another exception, or with the process.
        hangs: that took more processor time than the target allows, or never ended.
        swollen: that took more memory than the target allows.
        slowest_s: largest processor time of a case, in seconds.
        peak_memory_mb: largest growth of resident memory during a case.
        lookups: foreign addresses that were looked up or connected to.
        files_left: files that were left behind.
        failures: the first cases that failed: number and reason.
    """

    target: str
    seed: int
    cases: int = 0
    refused: int = 0
    accepted: int = 0
    crashes: int = 0
    hangs: int = 0
    swollen: int = 0
    slowest_s: float = 0.0
    peak_memory_mb: float = 0.0
    lookups: int = 0
    files_left: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def fail(self, case: int, reason: str) -> None:
        """Note a case that failed."""
        if len(self.failures) < MAX_FAILURES:
            self.failures.append((case, reason))


def fuzz(target: str, seed: int, seconds: float, max_cases: int = sys.maxsize) -> TargetReport:
    """Run cases of a target until the time is over, at least one.

    Args:
        target: name of the target.
        seed: of the cases.
        seconds: time to run.
        max_cases: cases after which to stop earlier.
    """
    module = registry.load(TARGETS, target)
    max_seconds = float(getattr(module, "MAX_SECONDS", MAX_SECONDS))
    max_memory_mb = float(getattr(module, "MAX_MEMORY_MB", MAX_MEMORY_MB))
    report = TargetReport(target, seed)
    end = time.monotonic() + seconds
    while report.cases < max_cases and (report.cases == 0 or time.monotonic() < end):
        with tempfile.TemporaryDirectory(prefix="mien-fuzz-", ignore_cleanup_errors=True) as folder:
            for result in _cases(target, seed, report.cases, Path(folder)):
                report.cases += 1
                _count(report, result, max_seconds, max_memory_mb)
                if report.cases >= max_cases or time.monotonic() > end:
                    break
            left = [
                p
                for p in Path(folder).rglob("*")
                if p.is_file() and "case-" not in str(p) and HOME not in p.parts
            ]
            report.files_left += len(left)
            if left:
                report.fail(report.cases - 1, f"left {left[0].name} when the process ended")
    return report


def _count(
    report: TargetReport, result: CaseResult, max_seconds: float, max_memory_mb: float
) -> None:
    report.refused += result.status == "refused"
    report.accepted += result.status == "accepted"
    report.slowest_s = max(report.slowest_s, result.seconds)
    report.peak_memory_mb = max(report.peak_memory_mb, result.memory_mb)
    report.lookups += len(result.lookups)
    report.files_left += result.files_left
    if result.status == "crashed":
        report.crashes += 1
        report.fail(result.case, result.error)
    if result.status == "hung" or result.seconds > max_seconds:
        report.hangs += 1
        report.fail(result.case, f"took {result.seconds:.1f} s")
    if result.memory_mb > max_memory_mb:
        report.swollen += 1
        report.fail(result.case, f"took {result.memory_mb:.0f} MB")
    if result.lookups:
        report.fail(result.case, f"asked for {result.lookups[0]}")
    if result.files_left:
        report.fail(result.case, f"left {result.files_left} files")


def _cases(target: str, seed: int, first: int, folder: Path) -> Iterator[CaseResult]:
    """Yield what comes of the cases from `first` on, until the process that runs them ends."""
    case = first
    with _worker(target, seed, first, folder) as process:
        assert process.stdout is not None
        watched = psutil.Process(process.pid)
        while True:
            start_s = _processor_seconds(watched)
            line = _next_line(process.stdout, watched)
            if line is None:
                yield _ended(case, "hung", _processor_seconds(watched) - start_s, "never ended")
                return
            if not line:
                yield _ended(case, "crashed", 0.0, _last_words(process, folder))
                return
            message = json.loads(line)
            if "begins" in message:
                case = message["begins"]
            else:
                yield CaseResult(**message)


def _next_line(lines: IO[bytes], process: psutil.Process) -> bytes | None:
    """Return what a process writes next, b"" where it has ended, None where it takes too long."""
    end, start_s = time.monotonic() + WAIT_S, _processor_seconds(process)
    while not select.select([lines], [], [], POLL_S)[0]:
        if time.monotonic() > end or _processor_seconds(process) - start_s > DEADLINE_S:
            return None
    return lines.readline()


def _processor_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process and of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


@contextmanager
def _worker(target: str, seed: int, first: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the process that handles the cases from `first` on, and end it with the block."""
    temporary, home = folder / "tmp", folder / HOME
    temporary.mkdir()
    home.mkdir()
    names = {"TMPDIR": str(temporary), "HOME": str(home)}
    with Path(f"{folder}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.fuzz.worker", target, str(seed), str(first)],
            cwd=ROOT,
            env=os.environ | names,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
        Path(f"{folder}.log").unlink()


def _ended(case: int, status: str, seconds: float, error: str) -> CaseResult:
    return CaseResult(case, status, round(seconds, 3), 0.0, 0, [], error)


def _last_words(process: subprocess.Popen[bytes], folder: Path) -> str:
    """Return how a process ended, and the last line that it printed."""
    text = Path(f"{folder}.log").read_bytes().decode("utf-8", "replace").strip()
    return f"the process ended with {process.wait()}: {text[-300:]}"
