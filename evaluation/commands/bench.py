"""What a face and a frame cost beside other networks; memory, start-up, the demo, the metrics.

All networks take turns in the same loop, so that other work on the machine meets them alike; the
others have random weights, as time does not depend on them. A network reads a face eleven times in
its turn: the last ten are its time, as in a stream of faces; the first one finds the caches full of
the others' weights and is listed separately. Frames are 640x480 JPEGs with one face and with five:
decode, detect, align, network; our detector and crops for all. Times are milliseconds, median and
95th percentile. Under `metrics`, what figures of a generated table of --rows rows take.

Examples:
  python -m evaluation bench --quick
  python -m evaluation bench --model A --model B --beside resnet18_112 --json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli import add_trust
from core.errors import DataError
from evaluation.benchmark import tables
from evaluation.benchmark.reference_models import REFERENCES
from evaluation.benchmark.run_benchmark import BenchmarkOptions, run_benchmark
from evaluation.report.formatting import console, print_json

QUICK_ROUNDS = 20
MIN_METRICS_ROWS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `bench`."""
    parser.add_argument(
        "--model",
        action="append",
        type=Path,
        help="model file or folder, may be given again (default: the shipped one)",
    )
    add_trust(parser)
    parser.add_argument(
        "--rounds", type=int, default=100, help="faces and frames to time (default: %(default)s)"
    )
    parser.add_argument(
        "--beside",
        action="append",
        choices=tuple(REFERENCES),
        help="only this network beside ours, may be given again",
    )
    parser.add_argument("--no-reference", action="store_true", help="no other network beside ours")
    parser.add_argument(
        "--no-demo", action="store_true", help="do not start processes for memory and start-up"
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=1_000_000,
        help="generated rows to time metrics on, 0: none (default: %(default)s)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one thread, one face, 20 rounds, no processes, no metrics",
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object on stdout")
    output.add_argument(
        "--markdown", action="store_true", help="the table as docs/benchmarks.md has it"
    )


def run(args: argparse.Namespace) -> int:
    """Print the benchmark."""
    if args.rounds < 2:
        raise DataError(f"Expected --rounds to be at least 2, got {args.rounds}.")
    if args.rows < 0 or 0 < args.rows < MIN_METRICS_ROWS:
        raise DataError(f"Expected --rows to be 0 or at least {MIN_METRICS_ROWS}, got {args.rows}.")
    references = () if args.no_reference else args.beside or tuple(REFERENCES)
    result = run_benchmark(
        BenchmarkOptions(
            models=args.model or (),
            rounds=min(args.rounds, QUICK_ROUNDS) if args.quick else args.rounds,
            references=references,
            metrics_rows=0 if args.quick else args.rows,
            processes=not (args.quick or args.no_demo),
            quick=args.quick,
            is_trusted=args.trust,
        )
    )
    if args.json:
        print_json(result)
    elif args.markdown:
        print(tables.markdown(result))
    else:
        tables.show(result, console())
    return 0
