"""For whom and where a model fails: gaps between groups, and weak slices found by a search.

A slice is one or two conditions on the table's groups, such as `race=x and age_decade=80+`. It is
reported where it is worse than all other samples together, Benjamini-Hochberg keeps the share of
false alarms among those reported under --fdr, and a slice of two conditions only where it is also
worse than both of its halves. Every pair of conditions is looked at, so nothing is missed that a
greedy tree would miss.

Examples:
  python -m evaluation slices t.parquet
  python -m evaluation slices t.parquet --support 100 --fdr 0.01 --json
"""

from __future__ import annotations

import argparse

import pyarrow as pa
from rich.console import Console

from core.errors import DataError
from core.vocabulary import TaskTitle, count_of
from evaluation.analysis.by_group.groups import left_out
from evaluation.analysis.by_group.weak_slices import WeakSlices, find_weak_slices
from evaluation.commands._tables import add_table, read_splits, require_figures, say_left_out
from evaluation.predictions import arrays
from evaluation.predictions.tasks import tasks_of
from evaluation.report.formatting import (
    console,
    number,
    p_value,
    print_json,
    print_table,
    sample_count,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `slices`."""
    add_table(parser)
    parser.add_argument(
        "--support",
        type=int,
        default=30,
        metavar="N",
        help="samples that a slice must have (default: %(default)s)",
    )
    parser.add_argument(
        "--fdr",
        type=float,
        default=0.05,
        metavar="Q",
        help="share of false alarms allowed (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Print gaps and slices."""
    if args.support < 2 or not 0 < args.fdr < 1:
        raise DataError(
            "Expected --support of at least 2 and --fdr in (0, 1), "
            f"got {args.support} and {args.fdr}."
        )
    parts = read_splits(args)
    say_left_out(*parts.values())
    reports = {
        split: find_weak_slices(table, support=args.support, fdr=args.fdr)
        for split, table in parts.items()
    }
    require_figures(any(reports.values()), args.table)
    first = next(iter(parts.values()))
    if args.json:
        content = reports.get("", {"splits": reports})
        print_json({"table": str(args.table), "model": first["model"][0].as_py(), **content})
    else:
        out = console()
        titles = {name: task.title for name, task in tasks_of(first).items()}
        for split, by_task in reports.items():
            if split:
                out.print(f"Split {split}", style="bold")
            reason = _none_looked_at(parts[split], args.support)
            for task, report in by_task.items():
                _show_gaps(titles[task], report, out)
                _show_slices(titles[task], report, reason, out)
    return 0


def _show_gaps(task: TaskTitle, report: WeakSlices, out: Console) -> None:
    if not report.fairness:
        return
    title, metric, method = task.title, task.metric, report.method
    percent = metric.is_share
    out.print(f"{title}: 95 % intervals: {method.text if method.clusters else 'bootstrap'}")
    rows = (
        [
            gap.group,
            *(
                f"{end.value} {number(end.figure, percent=percent)}"
                for end in (gap.best, gap.worst)
            ),
            number(gap.gap, percent=percent, sign=True),
            number(gap.ratio),
            str(gap.gap.n),
        ]
        for gap in report.fairness
    )
    columns = ["group", "best", "worst", "gap", "ratio", "n"]
    print_table(out, f"{title}: gaps in {metric.title} between groups", columns, rows)


def _none_looked_at(table: pa.Table, support: int) -> str:
    """Return why a table has no slice to look at, where it has none."""
    groups = arrays.coded_groups(table)
    names = [name for name in groups if name not in left_out(groups) and groups[name].values]
    if not names:
        return "the table has no groups; add `group_*` columns"
    return (
        f"no group of {', '.join(names)} has {count_of(support, 'sample')} and as many outside it; "
        "try a smaller --support"
    )


def _show_slices(task: TaskTitle, report: WeakSlices, reason: str, out: Console) -> None:
    counts = f"{report.looked_at} slices looked at"
    ending = f"{len(report.slices)} worse than the rest" if report.looked_at else reason
    out.print(f"{task.title}: {counts}, {ending}")
    if not report.slices:
        return
    metric = task.metric
    rows = (
        [
            " and ".join(f"{name}={value}" for name, value in s.conditions.items()),
            number(s.loss, percent=metric.is_share),
            number(s.worse_by, percent=metric.is_share, sign=True),
            p_value(s.p_adjusted),
            sample_count(s.n),
        ]
        for s in report.slices
    )
    loss = "error rate" if metric.is_share else metric.title
    columns = ["slice", loss, "worse by", "p (BH)", "n"]
    print_table(out, f"{task.title}: worse than the rest", columns, rows)
