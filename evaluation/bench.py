"""bench: what a frame costs: decode, detect, align and net on one thread, beside EfficientNet-B0; the demo's memory and start-up.

The frame is a 640x480 JPEG with one face. Times are milliseconds, median and 95th percentile. Our net and the reference take turns in the
same loop, so that other work on the machine meets both. Under `metrics`, what figures of a generated table of --rows rows take.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from core import image as images
from core.errors import DataError, UserError
from core.pipeline import Pipeline
from core.preprocess import to_input
from core.weights import ROOT
from evaluation import processes
from evaluation._reference import SIDE, reference
from evaluation.metrics.intervals import bootstrap

MODEL = ROOT / "assets" / "models" / "mien"
EXAMPLE = ROOT / "apps" / "webcam" / "examples" / "astronaut.jpg"
WIDTH, HEIGHT = 640, 480
STAGES = ("decode", "detect", "align", "net", "total")
WARM_UP = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `bench`."""
    parser.add_argument("--model", action="append", type=Path, help="model file or folder, may be given again (default: the shipped one)")
    parser.add_argument("--rounds", type=int, default=200, help="frames to time (default: %(default)s)")
    parser.add_argument("--no-reference", action="store_true", help="do not time EfficientNet-B0")
    parser.add_argument("--no-demo", action="store_true", help="do not start processes for memory and start-up")
    parser.add_argument("--rows", type=int, default=1_000_000, help="generated rows to time metrics on, 0: none (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Prints the benchmark."""
    if args.rounds < 2:
        raise DataError(f"Expected --rounds to be at least 2, got {args.rounds}.")
    if args.rows < 0 or 0 < args.rows < 100:
        raise DataError(f"Expected --rows to be 0 or at least 100, got {args.rows}.")
    console = Console(stderr=True, highlight=False)
    cv2.setNumThreads(1)
    frame = jpeg(portrait())
    pipelines = [(path, Pipeline(path, threads=1)) for path in args.model or [MODEL]]
    console.print(f"Face detector: {pipelines[0][1].about_detector}", markup=False, soft_wrap=True)
    result: dict[str, Any] = {
        "frame": f"{WIDTH}x{HEIGHT} JPEG, {len(frame)} bytes, one face", "threads": 1, "rounds": args.rounds,
        "machine": {"cpu": cpu(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "python": platform.python_version()},
        "detector": pipelines[0][1].detector.name, "models": [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "frame.jpg"
        picture.write_bytes(frame)
        for path, pipeline in pipelines:
            console.print(f"timing {path} ...", markup=False)
            card = pipeline.predictor.card
            entry = {"model": str(path), "name": card.name, "input": card.input.size, "bytes": pipeline.predictor.path.stat().st_size}
            entry["ms"] = stages(pipeline, frame, args.rounds)
            entry["net"] = None if args.no_reference else beside_reference(pipeline, args.rounds)
            entry["startup_s"] = None if args.no_demo else round(processes.cold_start(path, picture), 2)
            entry["demo"] = None if args.no_demo else processes.demo(path, picture)
            result["models"].append(entry)
    result["metrics"] = None
    if args.rows:
        from evaluation.pace import pace

        console.print(f"timing metrics on {args.rows} generated rows ...", markup=False)
        result["metrics"] = pace(args.rows)
    if args.json:
        print(json.dumps(result, allow_nan=False))
    else:
        show(result, Console(highlight=False))
    return 0


def portrait() -> np.ndarray:
    """A public-domain portrait (Eileen Collins, NASA), RGB uint8: the demo's example, or scikit-image's copy.

    Raises:
        UserError: neither is there.
    """
    if EXAMPLE.is_file():
        return images.load(EXAMPLE)
    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise UserError(f"Expected a portrait at {EXAMPLE}, got none; try `make install`, which brings scikit-image's.") from error
    return astronaut()


def jpeg(picture: np.ndarray) -> bytes:
    """`picture` on a frame of WIDTH x HEIGHT, as JPEG."""
    side = cv2.resize(picture, (HEIGHT, HEIGHT), interpolation=cv2.INTER_AREA)
    left = (WIDTH - HEIGHT) // 2
    frame = cv2.copyMakeBorder(side, 0, 0, left, WIDTH - HEIGHT - left, cv2.BORDER_REPLICATE)
    return cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes()


def stages(pipeline: Pipeline, frame: bytes, rounds: int) -> dict[str, dict[str, float]]:
    """Stage -> p50 and p95 in milliseconds; `total` runs from JPEG bytes to the finished reading.

    Raises:
        DataError: the frame's face was not found once.
    """
    seen: dict[str, list[float]] = {name: [] for name in STAGES}
    for i in range(WARM_UP + rounds):
        start = perf_counter()
        picture = images.load(frame)
        decoded = perf_counter()
        reading = pipeline(picture)
        done = perf_counter()
        if len(reading.faces) != 1:
            raise DataError(f"Expected one face in the frame, got {len(reading.faces)} from {pipeline.detector.name}.")
        if i >= WARM_UP:
            times = reading.timing_ms | {"decode": (decoded - start) * 1000, "total": (done - start) * 1000}
            for name in STAGES:
                seen[name].append(times[name])
    return {name: percentiles(values) for name, values in seen.items()}


def percentiles(values: list[float]) -> dict[str, float]:
    """p50 and p95, rounded to microseconds."""
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}


def beside_reference(pipeline: Pipeline, rounds: int) -> dict[str, Any]:
    """Milliseconds of our network alone and of the reference, turn by turn, batch 1, and how many times ours fits into the reference's."""
    spec = pipeline.predictor.card.input
    rng = np.random.default_rng(0)
    ours = to_input(rng.integers(0, 256, (1, spec.size, spec.size, spec.channels), np.uint8), spec)
    theirs = rng.normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    session = reference(threads=1)

    def timed(call: Callable[[], object]) -> float:
        start = perf_counter()
        call()
        return (perf_counter() - start) * 1000

    pairs = np.array(
        [
            (timed(lambda: pipeline.predictor.logits(ours)), timed(lambda: session.run(None, {"image": theirs})))
            for _ in range(WARM_UP + rounds)
        ][WARM_UP:]
    )  # (rounds, 2)
    ratio = ratio_of_medians(pairs)
    low, high = bootstrap(lambda at: ratio_of_medians(pairs[at]), rounds)
    return {
        "model": percentiles(pairs[:, 0].tolist()), "efficientnet_b0_224": percentiles(pairs[:, 1].tolist()),
        "times_faster": {"value": round(ratio, 2), "low": round(low, 2), "high": round(high, 2), "n": rounds},
    }  # fmt: skip


def ratio_of_medians(pairs: np.ndarray) -> float:
    """Median of the second column over that of the first, of (N, 2) times."""
    return float(np.median(pairs[:, 1]) / np.median(pairs[:, 0]))


def cpu() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or sys.platform


def show(result: dict[str, Any], console: Console) -> None:
    """The benchmark as a table."""
    console.print(f"{result['frame']}; {result['machine']['cpu']}, 1 thread, {result['rounds']} rounds, load {result['machine']['load']}")
    names = [entry["name"] for entry in result["models"]]
    grid = Table("", *names)
    for stage in STAGES:
        grid.add_row(f"{stage}, ms", *(f"{e['ms'][stage]['p50']:.2f} (p95 {e['ms'][stage]['p95']:.2f})" for e in result["models"]))
    for label, cell in (
        ("network alone, ms", lambda e: f"{e['net']['model']['p50']:.2f}" if e["net"] else "-"),
        ("EfficientNet-B0 at 224, ms", lambda e: f"{e['net']['efficientnet_b0_224']['p50']:.2f}" if e["net"] else "-"),
        ("times faster", lambda e: "{value} ({low} to {high})".format(**e["net"]["times_faster"]) if e["net"] else "-"),
        ("cold start to first prediction, s", lambda e: str(e["startup_s"] or "-")),
        ("demo: start to first prediction, s", lambda e: str(e["demo"]["first_prediction_s"]) if e["demo"] else "-"),
        ("demo: resident memory, MB", lambda e: str(e["demo"]["rss_mb"]) if e["demo"] else "-"),
        ("model file, MB", lambda e: f"{e['bytes'] / 1e6:.1f}"),
    ):
        grid.add_row(label, *(cell(e) for e in result["models"]))
    console.print(grid)
    if result["metrics"]:
        seen = result["metrics"]
        console.print(f"metrics: {seen['rows']} rows, 8 probabilities, {seen['clusters']} clusters; seconds of processor time")
        grid = Table("metrics", "s", "limit, s", "wall, s")
        for step in seen["steps"]:
            limit = "-" if step["limit_s"] is None else f"{step['limit_s']:g}"
            grid.add_row(step["name"], f"{step['cpu_s']:.2f}", limit, f"{step['wall_s']:.2f}")
        console.print(grid)
