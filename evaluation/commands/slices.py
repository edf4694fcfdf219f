"""slices: for whom and where a model fails: gaps between groups, and slices that were searched for
and not only given.

A slice is one or two conditions on the table's groups, such as `race=x and age_decade=80+`. It is
reported where it is worse than all other samples together, Benjamini-Hochberg keeps the share of
false alarms among those reported under --fdr, and a slice of two conditions only where it is also
worse than both of its halves. Every pair of conditions is looked at, so nothing is missed that a
greedy tree would miss.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console

from core.errors import DataError
from evaluation.analysis.slices import fairness, search
from evaluation.commands.report import mapping
from evaluation.predictions import arrays, table
from evaluation.report.text import TITLES, few, grid, number, wide
from evaluation.statistics.estimate import Sample, plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `slices`."""
    parser.add_argument(
        "table",
        type=Path,
        metavar="T.parquet",
        help="predictions table, Parquet or *.csv, of any model",
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="column of the contract = column of the file",
    )
    parser.add_argument("--model", help="which model, where the table holds several")
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
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Prints gaps and slices."""
    if args.support < 2 or not 0 < args.fdr < 1:
        raise DataError(
            f"Expected --support of at least 2 and --fdr in (0, 1), got {args.support} and {args.fdr}."
        )
    whole = arrays.one_model(table.read(args.table, names=mapping(args.map)), args.model)
    found = {
        task: {
            "method": Sample(len(losses), cluster, arrays.cluster_name(whole)).method,
            "fairness": fairness(task, losses, groups, support=args.support, cluster=cluster),
            **search(losses, groups, support=args.support, fdr=args.fdr, cluster=cluster),
        }
        for task, losses, groups, cluster in views_of(whole)
    }
    if args.json:
        print(
            json.dumps(
                plain({"table": str(args.table), "model": whole["model"][0].as_py(), **found}),
                allow_nan=False,
            )
        )
    else:
        show(found, wide())
    return 0


def views_of(
    whole: pa.Table,
) -> list[tuple[str, np.ndarray, dict[str, arrays.Coded], np.ndarray | None]]:
    """(task, loss of each sample, its groups, its clusters): 1 for a wrong class, years of absolute
    error for an age.
    """
    groups, cluster = arrays.coded_groups(whole), arrays.clusters(whole)
    seen: list[tuple[str, np.ndarray, np.ndarray]] = []
    for task in ("emotion", "gender"):
        classes = arrays.classes(whole, task)
        if classes is not None:
            seen.append((task, classes.rows, (classes.true != classes.pred).astype(float)))
    ages = arrays.ages(whole)
    if ages is not None:
        seen.append(("age", ages.rows, np.abs(ages.pred - ages.true)))
    own = [None if cluster is None else arrays.only(cluster, rows) for _, rows, _ in seen]
    parts = [{k: v.at(rows) for k, v in groups.items()} for _, rows, _ in seen]
    return [
        (task, losses, part, c) for (task, _, losses), part, c in zip(seen, parts, own, strict=True)
    ]


def show(found: dict[str, Any], console: Console) -> None:
    """Gaps and slices as tables."""
    for task, values in found.items():
        percent, name = task != "age", "accuracy" if task != "age" else "mean absolute error"
        rows = grid(
            f"{TITLES[task]}: gaps in {name} between groups",
            "group",
            "best",
            "worst",
            "gap",
            "ratio",
            "n",
        )
        for f in values["fairness"]:
            ends = [
                f"{f[end]['value']} {number(f[end]['figure'], percent=percent)}"
                for end in ("best", "worst")
            ]
            rows.add_row(
                f["group"],
                *ends,
                number(f["gap"], percent=percent, sign=True),
                number(f["ratio"]),
                str(f["gap"].n),
            )
        if values["fairness"]:
            text = "bootstrap" if not values["method"]["clusters"] else values["method"]["text"]
            console.print(f"{TITLES[task]}: 95 % intervals: {text}", soft_wrap=True)
            console.print(rows)
        console.print(
            f"{values['looked_at']} slices looked at, {len(values['slices'])} worse than the rest",
            soft_wrap=True,
        )
        rows = grid(
            f"{TITLES[task]}: worse than the rest",
            "slice",
            "error rate" if percent else name,
            "worse by",
            "p (BH)",
            "n",
        )
        for s in values["slices"]:
            where = " and ".join(f"{k}={v}" for k, v in s["conditions"].items())
            error = number(s["loss"], percent=percent)
            p = "< 0.001" if s["p_adjusted"] < 0.001 else f"{s['p_adjusted']:.3f}"
            rows.add_row(
                where, error, number(s["worse_by"], percent=percent, sign=True), p, few(s["n"])
            )
        if values["slices"]:
            console.print(rows)
