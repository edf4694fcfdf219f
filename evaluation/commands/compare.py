"""Two models on the same samples: is B better than A, where it wins and loses, where they disagree.

Samples are matched by `sample_id`; differences are B minus A with paired-bootstrap 95 % intervals.
McNemar's test (exact for few pairs) for classes and a paired t-test for ages; where a column such
as `group_subject` says which samples belong together, whole clusters are drawn and tested instead.
P-values per class and per group are corrected together by Holm's method.

Examples:
  python -m evaluation compare old.parquet new.parquet
  python -m evaluation compare both.parquet both.parquet --model-a old --model-b new --json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pyarrow as pa
from rich.console import Console

from core.errors import DataError
from core.vocabulary import METRICS, TASKS
from evaluation.analysis.comparison import Comparison, TaskComparison, compare
from evaluation.commands._tables import add_map
from evaluation.predictions import arrays, table
from evaluation.predictions.table import column_map
from evaluation.report.formatting import console, grid, number, p_value, sample_count
from evaluation.statistics.estimate import plain

SIDES = {"a": "A", "b": "B", None: "-", "neither": "-"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `compare`."""
    parser.add_argument(
        "a", type=Path, metavar="A.parquet", help="predictions of the model to beat"
    )
    parser.add_argument(
        "b",
        type=Path,
        metavar="B.parquet",
        help="predictions of the other model (the same file: --model-a and --model-b)",
    )
    parser.add_argument(
        "--model-a", metavar="NAME", help="which model of A, where it holds several"
    )
    parser.add_argument(
        "--model-b", metavar="NAME", help="which model of B, where it holds several"
    )
    add_map(parser, "column of the contract = column of both files")
    parser.add_argument(
        "--limit",
        type=int,
        default=10,
        metavar="N",
        help="disagreements listed of each kind (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Print the comparison."""
    if args.limit < 0:
        raise DataError(f"Expected --limit to be at least 0, got {args.limit}.")
    a, b = (table.read(path, names=column_map(args.map)) for path in (args.a, args.b))
    a, b = _one_model(a, args.model_a, "--model-a"), _one_model(b, args.model_b, "--model-b")
    report = compare(a, b, limit=args.limit)
    if args.json:
        print(
            json.dumps(
                plain({"tables": [str(args.a), str(args.b)], **report.to_dict()}), allow_nan=False
            )
        )
    else:
        show(report, console())
    return 0


def _one_model(predictions: pa.Table, model: str | None, option: str) -> pa.Table:
    try:
        return arrays.one_model(predictions, model)
    except DataError as error:
        raise DataError(str(error).replace("--model", option)) from None


def show(report: Comparison, out: Console) -> None:
    """Print the comparison as tables."""
    out.print(f"A: {report.a}   B: {report.b}   {report.matched} samples in both", style="bold")
    if report.only_a or report.only_b:
        out.print(f"not compared: {report.only_a} samples only in A, {report.only_b} only in B")
    for task, comparison in report.tasks.items():
        _show_figures(task, comparison, out)
        _show_parts(task, comparison, out)
        _show_disagreements(task, comparison, out)


def _show_figures(task: str, report: TaskComparison, out: Console) -> None:
    title, percent = TASKS[task].title, TASKS[task].metric.is_share
    out.print(
        f"{title}: B minus A, 95 % intervals: {report.method.text}; "
        "p per class and group corrected together (Holm)"
    )
    if report.truth_differs:
        out.print(
            f"{title}: {report.truth_differs} samples left out, "
            "for which the two tables state different truths"
        )
    rows = grid(title, "figure", "A", "B", "B - A", "p", "n")
    for name, figure in report.differences.items():
        a, b = (number(side, percent=percent) for side in (figure.a, figure.b))
        rows.add_row(
            METRICS[name].title,
            a,
            b,
            number(figure.difference, percent=percent, sign=True),
            "" if name == "macro_f1" else p_value(report.test.p),
            str(report.n),
        )
    out.print(rows)
    if percent:
        test = report.test
        out.print(f"only A right: {test.only_a}, only B right: {test.only_b} ({test.test})")


def _show_parts(task: str, report: TaskComparison, out: Console) -> None:
    if not report.parts:
        return
    rows = grid(
        f"{TASKS[task].title}: B against A",
        "part",
        "wins",
        "losses",
        "B - A",
        "p (Holm)",
        "better",
        "n",
    )
    for part in report.parts:
        rows.add_row(
            f"{part.by}: {part.value}",
            str(part.wins),
            str(part.losses),
            number(part.difference, percent=TASKS[task].metric.is_share, sign=True),
            p_value(part.p_adjusted),
            SIDES[part.better],
            sample_count(part.n),
        )
    out.print(rows)


def _show_disagreements(task: str, report: TaskComparison, out: Console) -> None:
    disagreements = report.disagreements
    if disagreements is None or not disagreements.rows:
        return
    title = f"{TASKS[task].title}: predictions that differ ({disagreements.n})"
    if not TASKS[task].metric.is_share:
        rows = grid(title, "sample", "true", "A", "B")
        for row in disagreements.rows:
            rows.add_row(row.sample_id, *(f"{v:.1f}" for v in (row.true, row.a, row.b)))
    else:
        rows = grid(title, "sample", "true", "A", "B", "right")
        for row in disagreements.rows:
            labels = str(row.true), str(row.a), str(row.b)
            rows.add_row(row.sample_id, *labels, SIDES[row.right])
    out.print(rows)
