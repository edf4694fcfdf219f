"""The report of an attack: what honest visitors received meanwhile, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from apps.webcam.benchmarks.load_report import (
    MIN_FRAMES_PER_S,
    LoadMachine,
    VisitorReport,
)
from apps.webcam.benchmarks.memory_slope import GROWTH_TARGET, MemoryGrowth
from core.progress import say

MAX_LATE_SECONDS = 2.0
"""Longest time from a frame or a call of an honest visitor to the result."""
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class CallsReport:
    """What an honest program received: predictions, the longest time to one, and what failed."""

    count: int
    longest_s: float | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttackReport:
    """Result of an attack.

    Attributes:
        seconds: How long it took.
        machine: The machine, which hostile and honest visitors shared with the demo.
        acts: How often hostile visitors did what.
        statuses: How often they got which HTTP status; 0 is a closed connection.
        visitors: What each honest live visitor received.
        visitor_faults: What went wrong for them.
        calls: What an honest program received.
        memory: The demo's.
        lookups: Look-ups and connections that the demo tried.
        max_files: Most files of visitors at once.
        files_left: Those after the demo ended.
        is_alive: Whether the demo ran to the end.
    """

    seconds: float
    machine: LoadMachine
    acts: Mapping[str, int]
    statuses: Mapping[int, int]
    visitors: tuple[VisitorReport, ...]
    visitor_faults: tuple[str, ...]
    calls: CallsReport
    memory: MemoryGrowth
    lookups: int
    max_files: int
    files_left: int
    is_alive: bool

    @property
    def met(self) -> dict[str, bool | None]:
        """Whether each target is met; None where it was not measured."""
        ages_ms = [visitor.age_ms.max for visitor in self.visitors]
        longest_s = self.calls.longest_s
        return {
            f"every honest visitor at least {MIN_FRAMES_PER_S:g} frames/s": all(
                visitor.frames_per_s >= MIN_FRAMES_PER_S for visitor in self.visitors
            ),
            f"no honest answer later than {MAX_LATE_SECONDS:g} s": longest_s is not None
            and longest_s <= MAX_LATE_SECONDS
            and all(age is not None and age <= 1000 * MAX_LATE_SECONDS for age in ages_ms),
            "no faults for honest visitors": not self.visitor_faults and not self.calls.faults,
            GROWTH_TARGET: self.memory.is_flat,
            "no look-ups": self.lookups == 0,
            "no files left": self.files_left == 0,
            "no error of the server": self.is_alive and self.statuses.get(SERVER_ERROR, 0) == 0,
        }

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object of the command line."""
        return asdict(self) | {"met": self.met}


def show(report: AttackReport, console: Console) -> None:
    """Print a report as tables."""
    machine = report.machine
    console.print(
        f"{report.seconds:g} s, {sum(report.acts.values())} hostile acts; {machine.cpu},"
        f" {machine.cores} cores, load {machine.load}; processors used:"
        f" {dict(machine.processors_used)}",
        soft_wrap=True,
    )
    table = Table("honest visitor", "frames/s", "age p50, ms", "p95", "max", "longest gap, ms")
    for number, visitor in enumerate(report.visitors, 1):
        ages = (visitor.age_ms.p50, visitor.age_ms.p95, visitor.age_ms.max)
        table.add_row(
            str(number),
            f"{visitor.frames_per_s:.1f}",
            *("-" if ms is None else f"{ms:.0f}" for ms in ages),
            f"{visitor.longest_gap_ms:.0f}",
        )
    console.print(table)
    for title, counts in (("acts", report.acts), ("statuses", report.statuses)):
        listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        console.print(f"{title}: {listed}", soft_wrap=True)
    calls, memory = report.calls, report.memory
    console.print(
        f"honest calls: {calls.count}, longest {calls.longest_s} s; memory first"
        f" {memory.first_mb}, last {memory.last_mb}, peak {memory.peak_mb} MB, slope"
        f" {memory.mb_per_min} MB a minute (95 %: {memory.ci95}); look-ups {report.lookups}; files:"
        f" at most {report.max_files}, left {report.files_left}",
        soft_wrap=True,
    )
    for fault in (*report.visitor_faults, *calls.faults):
        say(fault)
