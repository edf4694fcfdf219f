"""The report of a load test: what each visitor received, the targets, and its table."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from apps.webcam.benchmarks.memory_slope import GROWTH_TARGET, MemoryGrowth
from core.progress import say

MIN_FRAMES_PER_S = 4.0
MAX_AGE_SECONDS = 0.5
"""Targets for every visitor."""


@dataclass(frozen=True, slots=True)
class FrameAge:
    """Age in ms of the images that a visitor received; None where there were none."""

    p50: float | None
    p95: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class VisitorReport:
    """What one visitor received.

    Attributes:
        frames_per_s: Images that came back, per second.
        age_ms: Time from capture to return.
        longest_gap_ms: Longest time without an image.
        sent: Frames sent.
    """

    frames_per_s: float
    age_ms: FrameAge
    longest_gap_ms: float
    sent: int


@dataclass(frozen=True, slots=True)
class LoadMachine:
    """The machine under load.

    Attributes:
        cpu: Its processor's name.
        cores: Its logical processors.
        load: Load average of the last minute.
        processors_used: Processors' worth of time by `visitors` and `server`; None if unknown.
    """

    cpu: str
    cores: int | None
    load: float
    processors_used: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Result of a load test; `each` has one entry per visitor."""

    visitors: int
    seconds: float
    rate_offered: float
    faces: int
    frame: str
    machine: LoadMachine
    each: tuple[VisitorReport, ...]
    memory: MemoryGrowth
    faults: tuple[str, ...]

    @property
    def met(self) -> dict[str, bool | None]:
        """Whether each target is met; None where it was not measured."""
        ages = [visitor.age_ms.max for visitor in self.each]
        return {
            f"every visitor at least {MIN_FRAMES_PER_S:g} frames/s": all(
                visitor.frames_per_s >= MIN_FRAMES_PER_S for visitor in self.each
            ),
            f"no frame older than {MAX_AGE_SECONDS:g} s": all(
                age is not None and age <= 1000 * MAX_AGE_SECONDS for age in ages
            ),
            GROWTH_TARGET: self.memory.is_flat,
            "no faults": not self.faults,
        }

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object of the command line."""
        return asdict(self) | {"met": self.met}


def show(report: LoadReport, console: Console) -> None:
    """Print a report as a table."""
    machine = report.machine
    used = ", ".join(
        f"{name} {value:.2f}"
        for name, value in machine.processors_used.items()
        if value is not None
    )
    console.print(
        f"{report.visitors} visitors, {report.seconds:g} s, {report.frame}, {report.faces} face(s),"
        f" {report.rate_offered:g} frames/s offered; {machine.cpu}, {machine.cores} cores, load"
        f" {machine.load}; processors used: {used}",
        soft_wrap=True,
    )
    table = Table(
        "visitor", "frames/s", "age p50, ms", "p95", "max", "longest gap, ms", "frames sent"
    )
    for number, visitor in enumerate(report.each, 1):
        age = visitor.age_ms
        table.add_row(
            str(number),
            f"{visitor.frames_per_s:.1f}",
            *("-" if ms is None else f"{ms:.0f}" for ms in (age.p50, age.p95, age.max)),
            f"{visitor.longest_gap_ms:.0f}",
            str(visitor.sent),
        )
    console.print(table)
    if report.memory.first_mb is not None:
        console.print(f"server's memory: {report.memory.in_words()}", soft_wrap=True)
    for fault in report.faults:
        say(fault)
