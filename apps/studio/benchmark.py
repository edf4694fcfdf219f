"""Measure how fast the studio is at a given size, and how much memory it takes.

    python -m apps.studio.benchmark [--rows 1000000] [--models 1] [--table T.parquet] [--json]

Printed are the seconds to open the tables, to draw a first page and for a click. Pages are drawn
as the server does (Streamlit's AppTest runs the script), in a process of its own; what the browser
then needs is not in it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from core import progress
from core.cli import add_debug, exit_status
from core.system import ROOT

SCRIPT = """from apps.studio import frame
from core import registry
frame.run(registry.load('apps.studio.pages', {page!r}), {{}})
"""
"""What AppTest runs: one page."""
CLICKS: dict[str, tuple[str, list[dict[str, list[str]]]]] = {
    "overview: a filter": ("overview", [{"g.race": [v]} for v in ("White", "Black", "Asian")]),
    "confusion: a filter": ("confusion", [{"confidence": [str(v), "1"]} for v in (0.3, 0.5, 0.7)]),
    "confusion: a threshold": ("confusion", [{"cm.unsure": [str(v)]} for v in (0.4, 0.6, 0.8)]),
    "confidence: a filter": ("confidence", [{"g.race": [v]} for v in ("White", "Black", "Asian")]),
    "browse: an order": (
        "browse",
        [{"br.order": [v]} for v in ("-confidence", "confidence", "-error")],
    ),
    "browse: a page": ("browse", [{"br.page": [str(v)]} for v in (2, 100, 10_000)]),
}
"""Title -> page and the URL parameters of three clicks, of which the median counts."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Median seconds by the clock and of the processor."""

    wall: float
    cpu: float


@dataclass(slots=True)
class StudioSpeed:
    """What the benchmark measures of one table.

    Attributes:
        rows: of the table.
        models: in the table.
        seconds: what was timed -> its seconds.
        resident_mb: memory of the process at the end.
        most_mb: the most that it was; 0 where the system does not tell.
    """

    rows: int = 0
    models: int = 0
    seconds: dict[str, Seconds] = field(default_factory=dict)
    resident_mb: int = 0
    most_mb: int = 0

    def time(self, title: str, *calls: Callable[[], object]) -> None:
        """Run `calls` and keep the median of their times."""
        wall, cpu = [], []
        for call in calls:
            start, start_cpu = perf_counter(), process_time()
            call()
            wall.append(perf_counter() - start)
            cpu.append(process_time() - start_cpu)
        self.seconds[title] = Seconds(
            round(statistics.median(wall), 3), round(statistics.median(cpu), 3)
        )


def measure(path: Path) -> StudioSpeed:
    """Measure one table in this process."""
    import psutil

    from apps.studio import context
    from apps.studio.settings import PROCESS, Settings

    logging.disable(logging.WARNING)  # Streamlit's, on pages without a browser
    PROCESS.use(Settings((path,)))
    speed = StudioSpeed()
    speed.time("open the table", lambda: context.opened(PROCESS.settings, progress.task))
    for page in ("overview", "confusion", "confidence", "browse"):
        speed.time(f"first page: {page}", partial(_draw, page, {}))
    store = context.opened(PROCESS.settings)
    labels = store.labels("emotion")
    cells = [{"cm.cell": [labels[i], labels[j]]} for i, j in ((0, 1), (1, 0), (2, 3))]
    for title, (page, clicks) in {**CLICKS, "confusion: a cell": ("confusion", cells)}.items():
        speed.time(title, *(lambda p=page, c=click: _draw(p, c) for click in clicks))
    speed.rows, speed.models = store.rows, len(store.models)
    speed.resident_mb = round(psutil.Process(os.getpid()).memory_info().rss / 2**20)
    speed.most_mb = _most_mb()
    return speed


def _most_mb() -> int:
    status = Path("/proc/self/status")  # getrusage would count the parent's memory, too
    lines = status.read_text("utf-8").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) // 2**10 for line in lines if "VmHWM" in line), 0)


def _draw(page: str, parameters: dict[str, list[str]]) -> None:
    """Draw a page with the URL's parameters."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_string(SCRIPT.format(page=page), default_timeout=600)
    app.query_params.update(parameters)
    app.run()
    if app.exception:
        raise RuntimeError(app.exception[0].message)


def generate(path: Path, rows: int, models: int) -> None:
    """Write a table of `rows` invented predictions of `models` models on the same samples."""
    from evaluation.benchmark.generated_tables import parts
    from evaluation.predictions import Meta, table

    with table.writer(path, Meta(dataset="generated", split="val")) as out:
        for i in range(models):
            for part in parts(rows // models, model=f"m{i}"):
                out.write(part.drop_columns(["group_subject"]))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    p = argparse.ArgumentParser(
        prog="python -m apps.studio.benchmark",
        description="How fast the studio is at a given size.",
    )
    p.add_argument(
        "--rows",
        type=int,
        default=1_000_000,
        help="rows of a generated table (default: %(default)s)",
    )
    p.add_argument("--models", type=int, default=1, help="models in it (default: %(default)s)")
    p.add_argument("--table", type=Path, metavar="T.parquet", help="measure this table instead")
    p.add_argument("--json", action="store_true", help="one JSON object on stdout")
    p.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    add_debug(p)
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Generate a table where none is named, measure in a fresh process, print."""
    args = parser().parse_args(argv)
    return exit_status(lambda: run(args), words=argv, debug=args.debug)


def run(args: argparse.Namespace) -> int:
    """Measure and print; return the exit status."""
    if args.here:
        print(json.dumps(asdict(measure(args.table))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = args.table or Path(folder) / "generated.parquet"
        if args.table is None:
            generate(path, args.rows, args.models)
        module = [sys.executable, "-m", "apps.studio.benchmark"]
        process = subprocess.run(
            [*module, "--here", "--table", str(path.resolve())],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if process.returncode:
        return process.returncode
    speed: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    if args.json:
        print(json.dumps(speed))
        return 0
    print(
        f"studio, {speed['rows']:,} rows, {speed['models']} model(s): "
        f"{speed['resident_mb']} MB resident, at most {speed['most_mb']}"
    )
    for title, seconds in speed["seconds"].items():
        print(f"  {title:26} {seconds['wall']:7.3f} s  ({seconds['cpu']:.3f} s of processor)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
