"""The demo under load: several visitors at once, each with a camera, and what each of them gets.

    python -m apps.webcam.benchmarks.load [--visitors 8] [--seconds 60] [--url
    http://127.0.0.1:7860] [--json] [--gate]

Starts the real demo in a process of its own (or visits one that runs, with --url). Both share this
machine's processors, so a part of the load is the visitors' own work; it is told. Nothing but
Python's standard library speaks to the demo, with the calls that its page makes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from apps.webcam.benchmarks import targets
from apps.webcam.benchmarks.memory_slope import WARM_S, growth
from apps.webcam.benchmarks.visitors import BITS, Visitor, camera, door
from core.errors import DataError, UserError
from core.progress import say, task
from core.system import processor_name
from evaluation.benchmark.app_processes import resident_mb, running_demo
from evaluation.benchmark.frames import HEIGHT, SCENES, WIDTH

RATE = 14.0
"""Frames/s that a page sends: one every 0.07 s (`stream_every` in app.py)."""
SETTLE_S = 3.0
"""At the start threads come up and caches fill; not counted."""
MIN_RATE, MAX_AGE_S, MAX_GROWTH_MB_PER_MIN = 4.0, 0.5, 1.0
"""What --gate asks of every visitor, and of the server's memory."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = targets.parser("apps.webcam.benchmarks.load", "The live demo under load.")
    p.add_argument("--visitors", type=int, default=8, help="at once (default: %(default)s)")
    p.add_argument(
        "--seconds", type=float, default=60, help="how long they stay (default: %(default)s)"
    )
    p.add_argument(
        "--rate",
        type=float,
        default=RATE,
        help="frames/s that each camera offers (default: %(default)s, as the page does)",
    )
    p.add_argument(
        "--faces",
        type=int,
        default=1,
        choices=(1, 5),
        help="in front of each camera (default: %(default)s)",
    )
    p.add_argument(
        "--url",
        help="visit this running demo instead of starting one of --model; its memory is then not seen",
    )
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """See `targets.run`."""
    return targets.run(parser().parse_args(argv), measure, show)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Brings the visitors, waits, and says what they got.

    Raises:
        UserError: an argument out of range, or no demo at --url.
    """
    if not 1 <= args.visitors <= 64 or args.seconds < 2 or not 0 < args.rate <= 60:
        raise DataError(
            f"Expected 1 to 64 visitors, 2 s or more and a rate up to 60, got {args.visitors}, {args.seconds} and {args.rate}."
        )
    with nullcontext((args.url, None)) if args.url else running_demo(args.model) as (url, server):
        try:
            way = door(url)
        except ValueError as error:
            raise UserError(str(error)) from error
        frames = camera(
            SCENES[args.faces](),
            min(2**BITS, 512, round(args.rate * (args.seconds + SETTLE_S)) + 16),
        )
        visitors = [Visitor(way, frames, args.rate) for _ in range(args.visitors)]
        mine = psutil.Process()
        try:
            for visitor in visitors:
                visitor.come()
                time.sleep(1 / args.rate / args.visitors)  # cameras are not in step
            time.sleep(SETTLE_S)
            begin, before = time.monotonic(), (_cpu(mine), _cpu(server))
            memory = _watch(args.seconds, server, lambda: sum(len(v.answers) for v in visitors))
            end, after = time.monotonic(), (_cpu(mine), _cpu(server))
        finally:
            for visitor in visitors:
                visitor.leave()
    each = [_got(v, begin, end) for v in visitors]
    used = {
        name: None if then is None or now is None else round((now - then) / (end - begin), 3)
        for name, then, now in zip(("visitors", "server"), before, after, strict=True)
    }
    result = {
        "visitors": args.visitors,
        "seconds": round(end - begin, 1),
        "rate_offered": args.rate,
        "faces": args.faces,
        "frame": f"{WIDTH}x{HEIGHT} JPEG, {len(frames[0]) * 3 // 4} bytes",
        "machine": {
            "cpu": processor_name(),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
            "processors_used": used,
        },
        "each": each,
        "memory": growth(memory),
        "faults": sorted({f for v in visitors for f in v.faults}),
    }
    return result | {"met": met(result)}


def _cpu(process: psutil.Process | None) -> float | None:
    """Seconds of processor time of a process so far."""
    if process is None:
        return None
    times = process.cpu_times()
    return times.user + times.system


def _watch(seconds: float, server: psutil.Process | None, answers: Callable[[], int]) -> np.ndarray:
    """Waits `seconds`; returns (N, 2): seconds since the start, resident MB of the server (N = 0
    without one), once a second.
    """
    seen: list[tuple[float, float]] = []
    start = time.monotonic()
    with task("visitors are there", round(seconds)) as advance:
        while (now := time.monotonic() - start) < seconds:
            if server is not None:
                seen.append((now, resident_mb(server)))
            advance(round(now), f"{answers()} pictures answered")
            time.sleep(min(1.0, max(0.01, seconds - now)))
    return np.array(seen).reshape(-1, 2)


def _got(visitor: Visitor, begin: float, end: float) -> dict[str, Any]:
    """What one visitor got between two moments; milliseconds where a name ends in _ms."""
    inside = [a for a in visitor.answers if begin <= a.at <= end]
    ages = np.array([a.age for a in inside]) * 1000
    gaps = np.diff([begin, *(a.at for a in inside), end]) * 1000
    quantiles = np.percentile(ages, [50, 95, 100]) if inside else [None] * 3
    age = {
        name: None if q is None else round(float(q), 1)
        for name, q in zip(("p50", "p95", "max"), quantiles, strict=True)
    }
    rate, gap = len(inside) / (end - begin), float(gaps.max())
    return {
        "frames_per_s": round(rate, 2),
        "age_ms": age,
        "longest_gap_ms": round(gap, 1),
        "sent": visitor.sent,
    }


def met(result: dict[str, Any]) -> dict[str, bool | None]:
    """Target -> whether it is met. Memory must be shown to be flat: the upper end of its slope's
    interval counts; None where it was not watched, or not for long enough.
    """
    oldest = [e["age_ms"]["max"] for e in result["each"]]
    slope = result["memory"]["ci95"]
    return {
        f"every visitor at least {MIN_RATE:g} frames/s": min(
            e["frames_per_s"] for e in result["each"]
        )
        >= MIN_RATE,
        f"no frame older than {MAX_AGE_S:g} s": all(
            o is not None and o <= 1000 * MAX_AGE_S for o in oldest
        ),
        f"memory grows by at most {MAX_GROWTH_MB_PER_MIN:g} MB a minute": None
        if slope is None
        else slope[1] <= MAX_GROWTH_MB_PER_MIN,
        "no faults": not result["faults"],
    }


def show(result: dict[str, Any], console: Console) -> None:
    """The result as a table."""
    machine = result["machine"]
    used = ", ".join(
        f"{name} {value:.2f}"
        for name, value in machine["processors_used"].items()
        if value is not None
    )
    what = (
        f"{result['frame']}, {result['faces']} face(s), {result['rate_offered']:g} frames/s offered"
    )
    where = f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}; processors used: {used}"
    console.print(
        f"{result['visitors']} visitors, {result['seconds']:g} s, {what}; {where}", soft_wrap=True
    )
    grid = Table(
        "visitor", "frames/s", "age p50, ms", "p95", "max", "longest gap, ms", "frames sent"
    )
    for k, got in enumerate(result["each"], 1):
        ages = ("-" if v is None else f"{v:.0f}" for v in got["age_ms"].values())
        grid.add_row(
            str(k),
            f"{got['frames_per_s']:.1f}",
            *ages,
            f"{got['longest_gap_ms']:.0f}",
            str(got["sent"]),
        )
    console.print(grid)
    memory = result["memory"]
    if memory["first_mb"] is not None:
        first, last, peak, slope, ci95 = memory.values()
        short = f"too short for a slope, which takes --seconds {2 * WARM_S:.0f}"
        fitted = (
            f"{slope:+.2f} MB a minute (95 %: {ci95[0]:+.2f} to {ci95[1]:+.2f})" if ci95 else short
        )
        console.print(
            f"server's memory: first {first:.0f}, last {last:.0f}, peak {peak:.0f} MB; {fitted}"
        )
    for fault in result["faults"]:
        say(fault)


if __name__ == "__main__":
    sys.exit(main())
