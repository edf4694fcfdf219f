"""slices: for whom and where a model fails: gaps between groups, and slices that were searched for and not only given.

A slice is one or two conditions on the table's groups, such as `race=x and age_decade=80+`. It is reported where it is worse than all other
samples together, Benjamini-Hochberg keeps the share of false alarms among those reported under --fdr, and a slice of two conditions only
where it is also worse than both of its halves. Every pair of conditions is looked at, so nothing is missed that a greedy tree would miss.
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
from evaluation import table, views
from evaluation.report import mapping
from evaluation.search import Groups, fairness, search
from evaluation.terminal import TITLES, few, grid, number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `slices`."""
    parser.add_argument("table", type=Path, metavar="T.parquet", help="predictions table, Parquet or *.csv, of any model")
    parser.add_argument("--map", action="append", default=[], metavar="OURS=THEIRS", help="column of the contract = column of the file")
    parser.add_argument("--model", help="which model, where the table holds several")
    parser.add_argument("--support", type=int, default=30, metavar="N", help="samples that a slice must have (default: %(default)s)")
    parser.add_argument("--fdr", type=float, default=0.05, metavar="Q", help="share of false alarms allowed (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Prints gaps and slices."""
    if args.support < 2 or not 0 < args.fdr < 1:
        raise DataError(f"Expected --support of at least 2 and --fdr in (0, 1), got {args.support} and {args.fdr}.")
    whole = views.one_model(table.read(args.table, names=mapping(args.map)), args.model)
    found = {
        task: {
            "fairness": fairness(task, losses, groups, support=args.support),
            **search(losses, groups, support=args.support, fdr=args.fdr),
        }
        for task, losses, groups in views_of(whole)
    }
    if args.json:
        print(json.dumps({"table": str(args.table), "model": whole["model"][0].as_py(), **found}, allow_nan=False))
    else:
        show(found, Console(highlight=False, markup=False))
    return 0


def views_of(whole: pa.Table) -> list[tuple[str, np.ndarray, Groups]]:
    """(task, loss of each sample, its groups): 1 for a wrong class, years of absolute error for an age."""
    groups = views.groups(whole)
    made: list[tuple[str, np.ndarray, Groups]] = []
    for task in ("emotion", "gender"):
        seen = views.classes(whole, task)
        if seen is not None:
            made.append((task, (seen.true != seen.pred).astype(float), {k: v[seen.rows] for k, v in groups.items()}))
    ages = views.ages(whole)
    if ages is not None:
        made.append(("age", np.abs(ages.pred - ages.true), {k: v[ages.rows] for k, v in groups.items()}))
    return made


def show(found: dict[str, Any], console: Console) -> None:
    """Gaps and slices as tables."""
    for task, values in found.items():
        percent, name = task != "age", "accuracy" if task != "age" else "mean absolute error"
        rows = grid(f"{TITLES[task]}: gaps in {name} between groups", "group", "best", "worst", "gap", "ratio", "n")
        for f in values["fairness"]:
            ends = [f"{f[end]['value']} {number({'value': f[end]['figure'], 'low': None}, percent=percent)}" for end in ("best", "worst")]
            rows.add_row(f["group"], *ends, number(f["gap"], percent=percent), number(f["ratio"]), str(f["gap"]["n"]))
        if values["fairness"]:
            console.print(rows)
        console.print(f"{values['looked_at']} slices looked at, {len(values['slices'])} worse than the rest", soft_wrap=True)
        rows = grid(f"{TITLES[task]}: worse than the rest", "slice", "error rate" if percent else name, "worse by", "p (BH)", "n")
        for s in values["slices"]:
            where = " and ".join(f"{k}={v}" for k, v in s["conditions"].items())
            error = number({"value": s["loss"], "low": None}, percent=percent)
            p = "< 0.001" if s["p_adjusted"] < 0.001 else f"{s['p_adjusted']:.3f}"
            rows.add_row(where, error, number(s["worse_by"], percent=percent, sign=True), p, few(s["n"]))
        if values["slices"]:
            console.print(rows)
