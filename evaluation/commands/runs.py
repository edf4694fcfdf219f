"""Training runs: best epoch, gap of training and validation with its verdict, time.

A run folder is what `python -m train` writes: `history.parquet` (a row an epoch), `recipe.json`
and, of newer runs, `summary.json`.

Examples:
  python -m evaluation runs runs
  python -m evaluation runs runs/mien --json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from core.errors import DataError
from evaluation.commands._options import add_options
from evaluation.report.formatting import console, print_json, print_table
from evaluation.training_runs.run_folder import find
from evaluation.training_runs.training_run import RunOverview, overview, read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `runs`."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="a run folder, or a folder with run folders anywhere below",
    )
    add_options(parser, "--json")


def run(args: argparse.Namespace) -> int:
    """Print a row per run; a folder that cannot be read is named and makes the exit status 2."""
    rows, refused = [], []
    for folder in find(args.folder):
        try:
            rows.append(overview(read(folder)))
        except DataError as error:
            refused.append({"folder": str(folder.path), "error": str(error)})
    if not rows and not refused:
        raise DataError(
            f"Expected training runs in {args.folder}, got none; "
            f"try `python -m train RECIPE --data DIR --out {args.folder}`."
        )
    if args.json:
        print_json({"runs": rows, "refused": refused})
    else:
        show(rows, [entry["error"] for entry in refused], console())
    return 2 if refused else 0


def show(rows: Sequence[RunOverview], errors: Sequence[str], out: Console) -> None:
    """Print the runs as a table, then the folders that could not be read."""
    cells = (
        [
            row.run,
            f"{row.best_epoch}/{row.epochs}{'' if row.state == 'finished' else ' ...'}",
            _text(row.train, ".1%"),
            _text(row.val, ".1%"),
            _text(row.gap, "+.1f"),
            row.verdict or "-",
            _text(row.age_mae, ".1f"),
            _text(None if row.seconds is None else row.seconds / 60, ".1f"),
        ]
        for row in rows
    )
    columns = ["run", "epoch", "train", "val", "gap", "verdict", "MAE", "min"]
    if rows:
        print_table(out, "Training runs, best epoch", columns, cells)
        out.print(
            "gap: training minus validation accuracy, percentage points; "
            "training figures are taken under augmentation and dropout"
        )
    for error in errors:
        out.print(f"not read: {error}")


def _text(value: float | None, number_format: str) -> str:
    return "-" if value is None else format(value, number_format)
