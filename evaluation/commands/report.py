"""The figures of a predictions table with 95 % intervals, per class and per group.

--html writes one page that needs nothing else. --gate checks limits: the exit status is 3 where one
is missed or not measured (a gate may be `optional`); `production` asks for emotion, gender, age,
gaps, parity and speed, so it takes --also, --train and --measured too.

Examples:
  python -m evaluation report t.parquet
  python -m evaluation report t.parquet --html r.html --images DIR
  python -m evaluation report mine.csv --map emotion_true=label --map emotion_pred=predicted --json
  python -m evaluation report fer.parquet --gate production --also utk.parquet --run runs/mien
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from core.errors import DataError
from core.files import write_text
from evaluation.analysis.summary import TableReport, table_report
from evaluation.commands._options import add_options
from evaluation.commands._tables import add_table, read_any, require_figures, say_splits, splits
from evaluation.predictions import arrays
from evaluation.report import gate_limits, gates
from evaluation.report.formatting import console, print_json
from evaluation.report.text_report import show, show_gates
from evaluation.training_runs.training_run import read as read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `report`."""
    add_table(parser)
    add_options(parser, "--html", help="also write the report as one self-contained page")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="--html: show the largest mistakes, of pictures below DIR, blurred",
    )
    add_options(parser, "--show-faces", help="--images: do not blur")
    parser.add_argument(
        "--gate",
        metavar="FILE",
        help="limits: a TOML file or `production`; 3 is the exit status where one is missed",
    )
    for name, dest, metavar, help_text in (
        ("--also", "also", "T", "another table, for its tasks"),
        ("--train", "train", "T", "the training split's, for gaps"),
        ("--run", "runs", "DIR", "a run folder, for gaps"),
        ("--measured-in", "measured_in", "F.json", "such as of bench --json"),
    ):
        parser.add_argument(
            name,
            dest=dest,
            action="append",
            default=[],
            type=Path,
            metavar=metavar,
            help=f"--gate: {help_text}",
        )
    parser.add_argument(
        "--measured",
        action="append",
        default=[],
        metavar="NAME=N",
        help="--gate: such as latency_ms=31.5",
    )


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    _check_arguments(args)
    limits = gate_limits.load(args.gate) if args.gate else ()
    measured: dict[str, float] = {}
    for path in args.measured_in:
        measured |= gate_limits.read_measured(path)
    measured |= gate_limits.parse_measured(args.measured)
    runs = [read_run(folder) for folder in args.runs]
    predictions = arrays.one_model(read_any(args.table, args), args.model)
    parts = splits(predictions, args.split)
    if len(parts) > 1:
        return _report_splits(args, parts)
    predictions = next(iter(parts.values()))
    report = table_report(predictions)
    require_figures(bool(report.tasks), args.table)
    outcomes: list[gates.GateOutcome] = []
    if args.gate:
        also, train = (
            [table_report(read_any(path, args), args.model) for path in paths]
            for paths in (args.also, args.train)
        )
        outcomes = gates.check(limits, [report, *also], train, measured, runs)
    if args.html:
        _write_page(args, predictions, report, outcomes)
    if args.json:
        gate_rows = {"gates": outcomes} if args.gate else {}
        print_json({"table": str(args.table), **report.to_dict(), **gate_rows})
    else:
        out = console()
        show(report, out)
        if args.gate:
            show_gates(args.gate, outcomes, out)
    return gates.STATUS_FAILED if any(o.fails for o in outcomes) else 0


def _report_splits(args: argparse.Namespace, parts: Mapping[str, pa.Table]) -> int:
    """Print a report for each split: figures of training data do not belong among the others.

    Raises:
        DataError: A page or a gate is about one split.
    """
    if args.gate or args.html:
        raise DataError(
            f"Expected one split with --gate or --html, got {', '.join(parts)}; "
            f"try --split {list(parts)[-1]}."
        )
    say_splits(parts)
    reports = {split: table_report(part) for split, part in parts.items()}
    require_figures(any(report.tasks for report in reports.values()), args.table)
    if args.json:
        print_json({"table": str(args.table), "splits": reports})
    else:
        for report in reports.values():
            show(report, console())
    return 0


def _check_arguments(args: argparse.Namespace) -> None:
    if not args.gate and (
        args.also or args.train or args.runs or args.measured_in or args.measured
    ):
        raise DataError(
            "Expected --gate with --also, --train, --run, --measured and --measured-in, got none; "
            "try --gate production."
        )
    if (args.images and not args.html) or (args.show_faces and not args.images):
        raise DataError(
            "Expected --html with --images, and --images with --show-faces, got one alone; "
            "try --html R.html --images DIR."
        )


def _write_page(
    args: argparse.Namespace,
    predictions: pa.Table,
    report: TableReport,
    outcomes: Sequence[gates.GateOutcome],
) -> None:
    # OpenCV and Plotly are imported only where a page is written
    from evaluation.report.html_report import page
    from evaluation.report.thumbnails import thumbnails

    if args.html.is_dir():
        raise DataError(
            f"Expected a file to write, got the folder {args.html}; "
            f"try {args.html / 'report.html'}."
        )
    blur = not args.show_faces
    images, unreadable = thumbnails(predictions, args.images, blur=blur) if args.images else ([], 0)
    note = "Blurred: --show-faces shows them." if blur else "Shown as they are."
    note += f" {unreadable} could not be opened." if unreadable else ""
    args.html.parent.mkdir(parents=True, exist_ok=True)
    write_text(args.html, page(report, outcomes, images, note))
