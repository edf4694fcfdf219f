"""Measure the demo under load: several visitors at once, each with a camera.

    python -m apps.webcam.benchmarks.load [--visitors 8] [--seconds 60] [--json] [--gate]

Starts the demo in a process of its own, or visits a running one with `--url`. Demo and visitors
share this machine's processors, so the report says how much of them the visitors used.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import psutil

from apps.webcam.benchmarks import targets
from apps.webcam.benchmarks.load_report import (
    FrameAge,
    LoadMachine,
    LoadReport,
    VisitorReport,
    show,
)
from apps.webcam.benchmarks.memory_slope import memory_growth
from apps.webcam.benchmarks.visitors import (
    NUMBER_BITS,
    SimulatedVisitor,
    Visitor,
    camera_frames,
    find_stream,
)
from core.errors import DataError, UserError
from core.progress import task
from core.system import processor_name
from core.types import Floats
from evaluation.benchmark.app_processes import resident_mb, running_demo
from evaluation.benchmark.frames import HEIGHT, SCENES, WIDTH

OFFERED_RATE = 14.0
"""Frames/s that a page sends, one every 0.07 s (`STREAM_INTERVAL_SECONDS` in `page`)."""
SETTLE_SECONDS = 3.0
"""Not counted, as threads start and caches fill."""
MAX_VISITORS, MIN_SECONDS, MAX_RATE = 64, 2.0, 60.0
MAX_CAMERA_FRAMES = min(2**NUMBER_BITS, 512)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = targets.build_parser("apps.webcam.benchmarks.load", "The live demo under load.")
    parser.add_argument(
        "--visitors",
        type=int,
        default=8,
        help="visitors at once (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="how long they stay (default: %(default)s)"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=OFFERED_RATE,
        help="frames/s that each camera offers (default: %(default)s, as the page does)",
    )
    parser.add_argument(
        "--faces",
        type=int,
        default=1,
        choices=tuple(SCENES),
        help="faces in front of each camera (default: %(default)s)",
    )
    parser.add_argument(
        "--url",
        help="visit this running demo instead of starting one; its memory is then not measured",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `targets.run`."""
    return targets.run(build_parser().parse_args(argv), measure, show)


def measure(args: argparse.Namespace) -> LoadReport:
    """Start the visitors, wait, and return what they received.

    Raises:
        UserError: An argument is out of range, or there is no demo at `--url`.
    """
    if (
        not 1 <= args.visitors <= MAX_VISITORS
        or args.seconds < MIN_SECONDS
        or not 0 < args.rate <= MAX_RATE
    ):
        raise DataError(
            f"Expected 1 to {MAX_VISITORS} visitors, {MIN_SECONDS:g} s or more and a rate up to"
            f" {MAX_RATE:g}, got {args.visitors}, {args.seconds} and {args.rate}."
        )
    demo = (
        nullcontext((args.url, None))
        if args.url
        else running_demo(args.model, is_trusted=args.trust)
    )
    with demo as (url, server):
        return _measure_demo(args, url, server)


def _measure_demo(args: argparse.Namespace, url: str, server: psutil.Process | None) -> LoadReport:
    try:
        endpoint = find_stream(url)
    except ValueError as error:
        raise UserError(str(error)) from error
    needed = round(args.rate * (args.seconds + SETTLE_SECONDS)) + 16
    frames = camera_frames(SCENES[args.faces](), min(MAX_CAMERA_FRAMES, needed))
    visitors = [SimulatedVisitor(endpoint, frames, args.rate) for _ in range(args.visitors)]
    visit = attend(
        visitors, args.rate, args.seconds, server, lambda: sum(len(v.received) for v in visitors)
    )
    return LoadReport(
        visitors=args.visitors,
        seconds=round(visit.end - visit.begin, 1),
        rate_offered=args.rate,
        faces=args.faces,
        frame=f"{WIDTH}x{HEIGHT} JPEG, {len(frames[0]) * 3 // 4} bytes",
        machine=visit.machine,
        each=tuple(visitor_report(visitor, visit.begin, visit.end) for visitor in visitors),
        memory=memory_growth(visit.memory),
        faults=tuple(sorted({error for visitor in visitors for error in visitor.errors})),
    )


@dataclass(frozen=True, slots=True)
class Visit:
    """What was measured while visitors were there.

    Attributes:
        begin: Monotonic seconds, once all have settled.
        end: Monotonic seconds.
        machine: The machine, with how many processors the visitors and the server used.
        memory: See `watch`.
    """

    begin: float
    end: float
    machine: LoadMachine
    memory: Floats


def attend(
    visitors: Sequence[Visitor],
    rate: float,
    seconds: float,
    server: psutil.Process | None,
    count: Callable[[], int],
) -> Visit:
    """Let visitors come one after the other, measure, and let them go.

    Args:
        visitors: They are started and stopped.
        rate: Frames/s of a camera; they start within the time of one frame.
        seconds: How long is measured, after `SETTLE_SECONDS`.
        server: The demo's process, if it is on this machine.
        count: Images received so far, called once a second.
    """
    processes = {"visitors": psutil.Process(), "server": server}
    try:
        for visitor in visitors:
            visitor.start()
            time.sleep(1 / rate / len(visitors))  # cameras are not in step
        time.sleep(SETTLE_SECONDS)
        begin = time.monotonic()
        before = {name: _cpu_seconds(process) for name, process in processes.items()}
        memory = watch(seconds, server, count)
        end = time.monotonic()
        used = {
            name: _share(before[name], _cpu_seconds(process), end - begin)
            for name, process in processes.items()
        }
    finally:
        for visitor in visitors:
            visitor.stop()
    load_average = round(os.getloadavg()[0], 2)
    machine = LoadMachine(processor_name(), os.cpu_count(), load_average, used)
    return Visit(begin, end, machine, memory)


def _cpu_seconds(process: psutil.Process | None) -> float | None:
    """Return the processor time of a process so far, in seconds."""
    if process is None:
        return None
    times = process.cpu_times()
    return float(times.user + times.system)


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    """Return how many processors were used, from processor times in seconds."""
    if before is None or after is None:
        return None
    return round((after - before) / seconds, 3)


def watch(seconds: float, server: psutil.Process | None, count: Callable[[], int]) -> Floats:
    """Wait, and read the server's memory once a second.

    Returns:
        Shape (N, 2): seconds since the start, resident MB of the server; N = 0 without a server.
    """
    readings: list[tuple[float, float]] = []
    start = time.monotonic()
    with task("visitors", round(seconds)) as advance:
        while (elapsed := time.monotonic() - start) < seconds:
            if server is not None:
                readings.append((elapsed, resident_mb(server)))
            advance(round(elapsed), f"{count()} images received")
            time.sleep(min(1.0, max(0.01, seconds - elapsed)))
    return np.array(readings, np.float64).reshape(-1, 2)


def visitor_report(visitor: SimulatedVisitor, begin: float, end: float) -> VisitorReport:
    """Return what a visitor received between two moments, in monotonic seconds."""
    received = [f for f in visitor.received if begin <= f.received_at <= end]
    gaps_s = np.diff([begin, *(f.received_at for f in received), end])
    age = FrameAge(None, None, None)
    if received:
        ages_ms = np.array([f.age_s for f in received]) * 1000
        age = FrameAge(*(round(float(q), 1) for q in np.percentile(ages_ms, [50, 95, 100])))
    return VisitorReport(
        frames_per_s=round(len(received) / (end - begin), 2),
        age_ms=age,
        longest_gap_ms=round(1000 * float(gaps_s.max()), 1),
        sent=visitor.sent,
    )


if __name__ == "__main__":
    sys.exit(main())
