"""Models on the same samples: is one better than another, for whom, and where do they disagree.

Samples are matched by `sample_id`. Two tables: differences are B minus A with paired-bootstrap 95 %
intervals. McNemar's test (exact for few pairs) for classes and a paired t-test for ages; where a
column such as `group_subject` says which samples belong together, whole clusters are drawn and
tested instead. P-values per class and per group are corrected together by Holm's method.

One table of several models, three or more tables, or --baseline: a leaderboard of all their models,
each compared with the baseline (p corrected over the models), and who differs from whom (over all
pairs).

Examples:
  python -m evaluation compare old.parquet new.parquet
  python -m evaluation compare both.parquet both.parquet --model-a old --model-b new --json
  python -m evaluation compare a.parquet b.parquet c.parquet --baseline b
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from core.errors import DataError
from core.vocabulary import METRICS, TaskTitle, count_of
from evaluation.analysis.comparison import Comparison, Disagreement, TaskComparison
from evaluation.analysis.leaderboard.from_tables import Leaderboards, leaderboards
from evaluation.analysis.table_pairs import compare
from evaluation.commands._options import add_options
from evaluation.commands._tables import add_split, read_any, say_left_out, say_splits, splits
from evaluation.predictions import arrays
from evaluation.predictions.importing.arguments import add_import
from evaluation.report import leaderboard_text
from evaluation.report.formatting import (
    console,
    decimals,
    number,
    p_value,
    print_json,
    print_table,
    sample_count,
)

Report = TypeVar("Report", Comparison, Leaderboards)

SIDES = {"a": "A", "b": "B", None: "-", "neither": "-"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `compare`."""
    parser.add_argument(
        "tables",
        type=Path,
        nargs="+",
        metavar="T.parquet",
        help="predictions: of two tables A is the model to beat and B the other (the same file: "
        "--model-a and --model-b); of any other number all models are ranked",
    )
    parser.add_argument(
        "--baseline", metavar="NAME", help="the model to beat (default: the first); ranks all"
    )
    for side in "ab":
        help_text = f"which model of {side.upper()}, where it holds several"
        parser.add_argument(f"--model-{side}", metavar="NAME", help=help_text)
    add_import(parser)
    add_split(parser)
    help_text = "disagreements listed of each kind (default: %(default)s)"
    add_options(parser, "--limit", default=10, help=help_text)
    add_options(parser, "--json")


def run(args: argparse.Namespace) -> int:
    """Print the comparison."""
    if args.limit < 0:
        raise DataError(f"Expected --limit to be at least 0, got {args.limit}.")
    if len(args.tables) == 2 and args.baseline is None:
        return _compare_two(args)
    return _rank_all(args)


def _compare_two(args: argparse.Namespace) -> int:
    a, b = (read_any(path, args) for path in args.tables)
    a, b = _one_model(a, args.model_a, "--model-a"), _one_model(b, args.model_b, "--model-b")
    say_left_out(a, b)
    reports = {
        split: compare(tables["A"], tables["B"], limit=args.limit)
        for split, tables in _by_split({"A": a, "B": b}, args.split).items()
    }
    return _print(args, reports, show)


def _rank_all(args: argparse.Namespace) -> int:
    for option in ("model_a", "model_b"):
        if getattr(args, option) is not None:
            name = f"--{option.replace('_', '-')}"
            raise DataError(
                f"Expected {name} with two tables and no --baseline; all models are ranked here."
            )
    models = _models({path: read_any(path, args) for path in args.tables})
    if len(models) < 2:
        raise DataError(
            f"Expected at least two models to compare, got {', '.join(models)} alone; name a "
            "second table."
        )
    baseline = args.baseline or next(iter(models))
    if baseline not in models:
        raise DataError(f"Expected --baseline to be one of {', '.join(models)}, got {baseline!r}.")
    reports = {
        split: leaderboards(tables, baseline)
        for split, tables in _by_split(models, args.split).items()
    }
    return _print(args, reports, leaderboard_text.show)


def _print(
    args: argparse.Namespace,
    reports: Mapping[str, Report],
    show_report: Callable[[Report, Console], None],
) -> int:
    """Print the report of each split, or of all rows under ""."""
    if args.json:
        content = reports[""].to_dict() if "" in reports else {"splits": reports}
        print_json({"tables": [str(path) for path in args.tables], **content})
        return 0
    out = console()
    for split, report in reports.items():
        if split:
            out.print(f"Split {split}", style="bold")
        show_report(report, out)
    return 0


def _models(tables: Mapping[Path, pa.Table]) -> dict[str, pa.Table]:
    """Return the rows of each model of all tables; a name that comes again has its file's beside.

    As the studio names them.
    """
    models: dict[str, pa.Table] = {}
    for path, table in tables.items():
        for model in pc.unique(table["model"]).to_pylist():
            names = (model, f"{model} ({path.stem})", f"{model} ({path})")
            name = next((name for name in names if name not in models), names[-1])
            models[name] = table.filter(pc.equal(table["model"], model))
    return models


def _by_split(models: Mapping[str, pa.Table], split: str | None) -> dict[str, dict[str, pa.Table]]:
    """Return the models' rows of each split that all models have; all rows where none is shared."""
    parts = {model: splits(table, split) for model, table in models.items()}
    names = dict.fromkeys(name for of_model in parts.values() for name in of_model)
    by_split = {
        name: {model: of_model[name] for model, of_model in parts.items() if name in of_model}
        for name in names
    }
    shared = {name: tables for name, tables in by_split.items() if len(tables) == len(models)}
    if not shared:
        return {"": dict(models)}
    say_splits(shared)
    return shared


def _one_model(predictions: pa.Table, model: str | None, option: str) -> pa.Table:
    try:
        return arrays.one_model(predictions, model)
    except DataError as error:
        raise DataError(str(error).replace("--model", option)) from None


def show(report: Comparison, out: Console) -> None:
    """Print the comparison as tables."""
    out.print(
        f"A: {report.a}   B: {report.b}   {count_of(report.matched, 'sample')} in both",
        style="bold",
    )
    if report.only_a or report.only_b:
        out.print(
            f"not compared: {count_of(report.only_a, 'sample')} only in A,"
            f" {report.only_b} only in B"
        )
    for task, comparison in report.tasks.items():
        title = report.titles[task]
        _show_figures(title, comparison, out)
        _show_parts(title, comparison, out)
        _show_disagreements(title, comparison, out)


def _show_figures(task: TaskTitle, report: TaskComparison, out: Console) -> None:
    title, percent = task.title, task.metric.is_share
    out.print(
        f"{title}: B minus A, 95 % intervals: {report.method.text}; "
        "p per class and group corrected together (Holm)"
    )
    if report.truth_differs:
        out.print(
            f"{title}: {count_of(report.truth_differs, 'sample')} left out, "
            "for which the two tables state different truths"
        )
    rows = (
        [
            METRICS[name].title,
            number(figure.a, percent=percent),
            number(figure.b, percent=percent),
            number(figure.difference, percent=percent, sign=True),
            "" if name == "macro_f1" else p_value(report.test.p),
            str(report.n),
        ]
        for name, figure in report.differences.items()
    )
    print_table(out, title, ["figure", "A", "B", "B - A", "p", "n"], rows)
    if percent:
        test = report.test
        out.print(f"only A right: {test.only_a}, only B right: {test.only_b} ({test.test})")


def _show_parts(task: TaskTitle, report: TaskComparison, out: Console) -> None:
    if not report.parts:
        return
    rows = (
        [
            f"{part.by}: {part.value}",
            str(part.wins),
            str(part.losses),
            number(part.difference, percent=task.metric.is_share, sign=True),
            p_value(part.p_adjusted),
            SIDES[part.better],
            sample_count(part.n),
        ]
        for part in report.parts
    )
    columns = ["part", "wins", "losses", "B - A", "p (Holm)", "better", "n"]
    print_table(out, f"{task.title}: B against A", columns, rows)


def _show_disagreements(task: TaskTitle, report: TaskComparison, out: Console) -> None:
    disagreements = report.disagreements
    if disagreements is None or not disagreements.rows:
        return
    is_share = task.metric.is_share
    digits = 0 if is_share else _digits(disagreements.rows)
    rows = (
        [
            row.sample_id,
            *(str(v) if is_share else f"{v:.{digits}f}" for v in (row.true, row.a, row.b)),
            *([SIDES[row.correct]] if is_share else []),
        ]
        for row in disagreements.rows
    )
    title = f"{task.title}: predictions that differ ({disagreements.n})"
    columns = ["sample", "true", "A", "B", *(["right"] if is_share else [])]
    print_table(out, title, columns, rows)


def _digits(rows: Sequence[Disagreement]) -> int:
    """Return the decimals with which the numbers of no row look equal, at least 1."""
    values = np.array([(row.true, row.a, row.b) for row in rows], np.float64)
    return max(1, decimals(values.ravel(), values[:, 1] - values[:, 2]))
