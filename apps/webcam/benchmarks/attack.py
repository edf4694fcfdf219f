"""Measure what honest visitors receive while others attack the demo.

    python -m apps.webcam.benchmarks.attack [--minutes 60] [--hostile 4] [--json] [--gate]

Eight honest visitors have their cameras on and a program calls the API, each from an address of its
own. Hostile visitors do what `attacks` lists. All share this machine's processors.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path

import psutil

from apps.webcam.benchmarks import attack_report, load, targets
from apps.webcam.benchmarks.attack_report import AttackReport, CallsReport
from apps.webcam.benchmarks.attacks import HostileVisitor
from apps.webcam.benchmarks.memory_slope import memory_growth
from apps.webcam.benchmarks.visitors import (
    CONNECTION_ERRORS,
    JSON_HEADERS,
    SimulatedVisitor,
    StreamEndpoint,
    Visitor,
    camera_frames,
    find_stream,
)
from apps.webcam.benchmarks.watched_demo import LOOKUPS_VARIABLE
from apps.webcam.page import MAX_LIVE_STREAMS
from core.cli import trust_option
from core.errors import DataError
from evaluation.benchmark.app_processes import running
from evaluation.benchmark.frames import SCENES

MIN_MINUTES, MAX_HOSTILE = 0.1, 32
CALL_PAUSE_SECONDS = 1.0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = targets.build_parser("apps.webcam.benchmarks.attack", "The demo under attack.")
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument(
        "--hostile", type=int, default=4, help="hostile visitors at once (default: %(default)s)"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=load.OFFERED_RATE,
        help="frames/s that each honest camera offers (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the attacks (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `targets.run`."""
    return targets.run(build_parser().parse_args(argv), measure, attack_report.show)


@dataclass
class HonestProgram(Visitor):
    """Calls the API again and again, and measures the time to each prediction.

    Attributes:
        endpoint: The demo.
        picture: Data URL of what it sends.
        seconds: Time to each prediction.
        errors: What went wrong, in words.
    """

    endpoint: StreamEndpoint
    picture: bytes
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self._run)

    def _run(self) -> None:
        while not self._is_leaving.wait(CALL_PAUSE_SECONDS):
            start = time.monotonic()
            try:
                self._call()
            except CONNECTION_ERRORS as error:
                self.errors.append(f"{type(error).__name__}: {error}"[:200])
            else:
                self.seconds.append(time.monotonic() - start)

    def _call(self) -> None:
        connection: HTTPConnection = self.endpoint.connect()
        path = f"{self.endpoint.prefix}/call/predict"
        try:
            body = json.dumps({"data": [{"url": self.picture.decode()}]}).encode()
            connection.request("POST", path, body, JSON_HEADERS | {"X-Forwarded-For": "192.0.2.1"})
            event = json.loads(connection.getresponse().read())["event_id"]
            connection.request("GET", f"{path}/{event}")
            text = connection.getresponse().read()
            if b"event: complete" not in text:
                raise ValueError(f"no prediction: {text[:100]!r}")
        finally:
            connection.close()

    def report(self) -> CallsReport:
        """Return what it received."""
        longest = round(max(self.seconds), 3) if self.seconds else None
        return CallsReport(len(self.seconds), longest, tuple(sorted(set(self.errors))))


def measure(args: argparse.Namespace) -> AttackReport:
    """Start the demo and all visitors, wait, and return what they received.

    Raises:
        UserError: An argument is out of range.
    """
    if args.minutes < MIN_MINUTES or not 0 <= args.hostile <= MAX_HOSTILE:
        raise DataError(
            f"Expected {MIN_MINUTES:g} minutes or more and at most {MAX_HOSTILE} hostile visitors,"
            f" got {args.minutes} and {args.hostile}."
        )
    with tempfile.TemporaryDirectory(prefix="mien-attack-") as name:
        folder = Path(name)
        uploads, lookups = folder / "uploads", folder / "lookups"
        env = os.environ | {"GRADIO_TEMP_DIR": str(uploads), LOOKUPS_VARIABLE: str(lookups)}
        program = "apps.webcam.benchmarks.watched_demo"
        arguments = ["--model", str(args.model.resolve()), *trust_option(is_trusted=args.trust)]
        with running(program, *arguments, env=env) as (url, server):
            report = _attack(args, find_stream(url), server, uploads)
        tried = lookups.read_text("utf-8").splitlines()
        return replace(report, lookups=len(tried), files_left=_count_files(uploads))


def _attack(
    args: argparse.Namespace, endpoint: StreamEndpoint, server: psutil.Process, uploads: Path
) -> AttackReport:
    """Return what a running demo's visitors received; look-ups and files left are not counted."""
    frames = camera_frames(SCENES[1](), load.MAX_CAMERA_FRAMES)
    cameras = [
        SimulatedVisitor(endpoint, frames, args.rate, f"192.0.2.{number + 2}")
        for number in range(MAX_LIVE_STREAMS)
    ]
    program = HonestProgram(endpoint, frames[0])
    hostile = [
        HostileVisitor(endpoint, frames[0], seed=args.seed + number)
        for number in range(args.hostile)
    ]
    file_counts = [0]

    def received() -> int:
        file_counts.append(_count_files(uploads))
        return sum(len(visitor.received) for visitor in cameras)

    visit = load.attend(
        [*cameras, program, *hostile], args.rate, 60 * args.minutes, server, received
    )
    return AttackReport(
        seconds=round(visit.end - visit.begin, 1),
        machine=visit.machine,
        acts=dict(sum((visitor.acts for visitor in hostile), Counter[str]())),
        statuses=dict(sum((visitor.statuses for visitor in hostile), Counter[int]())),
        visitors=tuple(load.visitor_report(visitor, visit.begin, visit.end) for visitor in cameras),
        visitor_faults=tuple(sorted({error for visitor in cameras for error in visitor.errors})),
        calls=program.report(),
        memory=memory_growth(visit.memory),
        lookups=0,
        max_files=max(file_counts),
        files_left=0,
        is_alive=server.is_running(),
    )


def _count_files(folder: Path) -> int:
    # `rglob` fails where a folder vanishes meanwhile, as the demo's do; `walk` leaves it out.
    return sum(len(files) for _, _, files in os.walk(folder))


if __name__ == "__main__":
    sys.exit(main())
