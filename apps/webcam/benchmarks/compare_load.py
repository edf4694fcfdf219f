"""Compare what a live frame costs two checkouts of the demo: processor time of the server.

    python -m apps.webcam.benchmarks.compare_load OTHER [--visitors 2] [--rounds 10] [--seconds 4]

OTHER is another checkout, such as `git worktree add OTHER COMMIT` makes. Each serves the model that
it ships. Both demos run at once and visitors turn to one after the other, so that other work on the
machine meets both alike.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console

from apps.webcam.benchmarks import targets
from apps.webcam.benchmarks.load import OFFERED_RATE, attend
from apps.webcam.benchmarks.visitors import (
    SimulatedVisitor,
    camera_frames,
    find_stream,
)
from core.errors import DataError, UserError
from core.progress import task
from core.system import ROOT
from evaluation.benchmark.app_processes import running
from evaluation.benchmark.frames import SCENES
from evaluation.statistics.estimate import Estimate, to_json_values
from evaluation.statistics.intervals import bootstrap_mean

MAX_EXTRA = 0.03
"""How much more a frame may cost, as a share: the upper end of the interval counts."""
FRAMES = 64
"""Pictures of the camera, sent in a loop."""
MAX_VISITORS, MIN_ROUNDS, MIN_SECONDS = 8, 2, 1.0


@dataclass(frozen=True, slots=True)
class LoadComparison:
    """What a frame costs both servers, in ms of processor time.

    Attributes:
        visitors: At once.
        folders: The checkouts, ours first.
        ms_per_frame: Mean of each.
        difference_ms: Ours less the other; n is the number of rounds.
        faults: What went wrong.
    """

    visitors: int
    folders: tuple[str, str]
    ms_per_frame: tuple[float, float]
    difference_ms: Estimate
    faults: tuple[str, ...]

    @property
    def met(self) -> dict[str, bool | None]:
        """Whether each target is met."""
        most = MAX_EXTRA * self.ms_per_frame[1]
        high = self.difference_ms.high
        return {
            f"at most {MAX_EXTRA:.0%} more processor time a frame": None
            if high is None
            else high <= most,
            "no faults": not self.faults,
        }

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object of the command line."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return {name: to_json_values(value) for name, value in values.items()} | {"met": self.met}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = targets.build_parser(
        "apps.webcam.benchmarks.compare_load",
        "The live demo beside that of another checkout.",
        takes_model=False,
    )
    parser.add_argument("other", type=Path, help="folder of the other checkout")
    parser.add_argument(
        "--visitors", type=int, default=2, help="visitors at once (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=10, help="turns of each demo (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=4, help="measured in each turn (default: %(default)s)"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; see `targets.run`."""
    return targets.run(build_parser().parse_args(argv), measure, show)


def measure(args: argparse.Namespace) -> LoadComparison:
    """Start both demos, let the visitors take turns, and compare.

    Raises:
        UserError: An argument is out of range, or the other folder has no demo.
    """
    if (
        not 1 <= args.visitors <= MAX_VISITORS
        or args.rounds < MIN_ROUNDS
        or args.seconds < MIN_SECONDS
    ):
        raise DataError(
            f"Expected 1 to {MAX_VISITORS} visitors, {MIN_ROUNDS} rounds and {MIN_SECONDS:g} s or"
            f" more, got {args.visitors}, {args.rounds} and {args.seconds}."
        )
    folders = (ROOT, args.other.resolve())
    if not (folders[1] / "apps" / "webcam").is_dir():
        raise UserError(f"Expected a checkout of Mien in {args.other}; try `git worktree add`.")
    frames = camera_frames(SCENES[1](), FRAMES)
    milliseconds: list[list[float]] = [[], []]
    faults: set[str] = set()
    with ExitStack() as stack, task("turns", 2 * args.rounds) as advance:
        demos = [stack.enter_context(running("apps.webcam", folder=folder)) for folder in folders]
        endpoints = [find_stream(f"{url}/") for url, _ in demos]
        for turn in range(2 * args.rounds):
            i = turn % 2
            visitors = [
                SimulatedVisitor(endpoints[i], frames, OFFERED_RATE) for _ in range(args.visitors)
            ]
            milliseconds[i].append(_turn(visitors, demos[i][1], args.seconds))
            faults |= {error for visitor in visitors for error in visitor.errors}
            advance(turn + 1, f"{milliseconds[i][-1]:.2f} ms a frame")
    ours, theirs = (np.array(values) for values in milliseconds)
    return LoadComparison(
        args.visitors,
        (str(folders[0]), str(folders[1])),
        (round(float(ours.mean()), 2), round(float(theirs.mean()), 2)),
        Estimate.of(float((ours - theirs).mean()), bootstrap_mean(ours - theirs), len(ours)),
        tuple(sorted(faults)),
    )


def _turn(visitors: list[SimulatedVisitor], server: psutil.Process, seconds: float) -> float:
    """Return the server's processor time for each image that came back, in ms."""
    visit = attend(visitors, OFFERED_RATE, seconds, server, lambda: 0)
    images = sum(
        visit.begin <= frame.received_at <= visit.end for v in visitors for frame in v.received
    )
    used = visit.machine.processors_used["server"]
    if used is None or not images:
        return float("nan")
    return 1000 * used * (visit.end - visit.begin) / images


def show(report: LoadComparison, console: Console) -> None:
    """Print the comparison."""
    for folder, ms in zip(report.folders, report.ms_per_frame, strict=True):
        console.print(f"{ms:6.2f} ms a frame  {folder}", soft_wrap=True)
    difference = report.difference_ms
    console.print(
        f"difference {difference.value:+.2f} ms (95 %: {difference.low:+.2f} to"
        f" {difference.high:+.2f}), {report.visitors} visitors, {difference.n} rounds"
    )


if __name__ == "__main__":
    sys.exit(main())
