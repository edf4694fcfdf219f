"""Measure the studio's page Browse in a real browser, without a graphics card.

    python -m scripts.browse_speed [--rows 100000] [--numbers 128] [--json]

Printed are seconds by the clock, and of the processor in server and browser together: the first
view, which lays out the embeddings; the same view again; steps of moving the map; the answer to a
box drawn on it, from releasing the mouse until the grid has changed; and a click on a tile. Needs
the test dependencies and Chromium.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

from core.cli import run_program
from scripts.screenshots import WEBGL_FLAGS

STEPS = 10
MOVE = f"""async () => {{
    const map = document.querySelector(".embedding-map");
    for (let i = 1; i <= {STEPS}; i++) {{
        await Plotly.relayout(map, {{ "xaxis.range": [-0.03 + i / 200, 1.03 + i / 200] }});
        await new Promise(requestAnimationFrame);
    }}
}}"""


def generate(path: Path, rows: int, numbers: int) -> None:
    """Write a table of invented predictions and embeddings that lean towards the label."""
    import numpy as np
    import pyarrow as pa

    from evaluation.benchmark import generated_tables
    from evaluation.predictions import table

    table_of_rows = generated_tables.generate(rows)
    rng = np.random.default_rng(0)
    labels = table_of_rows["emotion_true"].combine_chunks().dictionary_encode().indices.to_numpy()
    centres = rng.normal(0, 1, (labels.max() + 1, numbers))
    vectors = (centres[labels] + rng.normal(0, 1, (rows, numbers))).astype(np.float32)
    ends = np.arange(0, vectors.size + 1, numbers, dtype=np.int32)
    embeddings = pa.ListArray.from_arrays(ends, vectors.ravel())
    table.write(table_of_rows.append_column("embedding", embeddings), path)


class StepTimer:
    """Seconds by the clock, and of the processor in this process's children.

    Attributes:
        seconds: what was timed -> its seconds of both kinds.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}

    @contextmanager
    def time(self, title: str) -> Iterator[None]:
        """Time what is inside."""
        start, start_cpu = perf_counter(), self._processor()
        yield
        self.seconds[title] = (perf_counter() - start, self._processor() - start_cpu)

    def _processor(self) -> float:
        processes = psutil.Process().children(recursive=True)
        return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure(url: str, browser: Any) -> dict[str, tuple[float, float]]:
    """Return what was timed -> seconds by the clock and of the processor."""
    timer = StepTimer()
    for view in ("first view", "view again"):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(600_000)
        with timer.time(view):
            page.goto(url + "/browse")
            page.locator(".embedding-map .nsewdrag").first.wait_for()
            page.locator(".face").first.wait_for()
    page.wait_for_timeout(2000)
    with timer.time(f"{STEPS} steps of moving the map"):
        page.evaluate(MOVE)
    page.wait_for_timeout(1000)
    box = page.locator(".embedding-map .nsewdrag").first.bounding_box()
    x, y, width, height = box["x"], box["y"], box["width"], box["height"]
    page.mouse.move(x + width * 0.1, y + height * 0.1)
    page.mouse.down()
    page.mouse.move(x + width * 0.5, y + height * 0.5, steps=3)
    with timer.time("a box"):
        page.mouse.up()
        page.get_by_text("in the region").wait_for()
    page.wait_for_timeout(1000)
    with timer.time("a click on a tile"):
        page.locator(".face").nth(2).click()
        page.locator(".st-key-sample-card").wait_for()
    return timer.seconds


def run(args: argparse.Namespace) -> None:
    """Generate, measure and print."""
    from playwright.sync_api import sync_playwright

    from evaluation.benchmark.app_processes import running

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        path = Path(folder) / "generated.parquet"
        generate(path, args.rows, args.numbers)
        with running("apps.studio", str(path), page="/_stcore/health") as (url, process):
            browser = play.chromium.launch(executable_path=args.browser, args=WEBGL_FLAGS)
            seconds = measure(url, browser)
            megabytes = process.memory_info().rss / 2**20
            browser.close()
    if args.json:
        print(json.dumps({"rows": args.rows, "seconds": seconds, "resident_mb": megabytes}))
        return
    print(
        f"Browse, {args.rows:,} samples, {args.numbers} numbers each: {megabytes:.0f} MB resident"
    )
    for title, (wall, processor) in seconds.items():
        print(f"  {title:28} {wall:7.2f} s  ({processor:.2f} s of processor)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.browse_speed", description="Speed of the studio's page Browse."
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--numbers", type=int, default=128, help="of an embedding")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    parser.add_argument("--json", action="store_true")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
