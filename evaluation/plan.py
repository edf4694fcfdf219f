"""plan: when to say nothing: a threshold per class under a wanted coverage or a wanted precision, and what that buys.

An answer is given where the probability of the predicted class reaches the class's threshold. The thresholds come from all rows; what they
buy is measured cross-fitted: those for each half of the rows are chosen on the other half, so that no row vouches for itself. Rows that a
column such as `group_subject` puts together stay in one half.
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
from evaluation.figures import MANY_VALUES
from evaluation.metrics import abstention
from evaluation.report import mapping
from evaluation.terminal import TITLES, few, grid, number, wide
from evaluation.values import Figures, Sample


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `plan`."""
    parser.add_argument("table", type=Path, metavar="T.parquet", help="predictions table with probabilities, Parquet or *.csv")
    parser.add_argument("--map", action="append", default=[], metavar="OURS=THEIRS", help="column of the contract = column of the file")
    parser.add_argument("--model", help="which model, where the table holds several")
    parser.add_argument("--task", choices=("emotion", "gender"), default="emotion", help="default: %(default)s")
    wish = parser.add_mutually_exclusive_group(required=True)
    wish.add_argument("--coverage", type=float, metavar="SHARE", help="answer this share of what is called each class, the surest first")
    wish.add_argument("--precision", type=float, metavar="SHARE", help="answer as much as possible with this share of each class right")
    parser.add_argument("--seed", type=int, default=0, help="of the split into halves (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Prints the plan."""
    whole = views.one_model(table.read(args.table, names=mapping(args.map)), args.model)
    made = planned(whole, args.task, coverage=args.coverage, precision=args.precision, seed=args.seed)
    if args.json:
        print(json.dumps({"table": str(args.table), "model": whole["model"][0].as_py(), **made}, allow_nan=False))
    else:
        show(made, wide())
    return 0


def planned(whole: pa.Table, task: str, *, coverage: float | None = None, precision: float | None = None, seed: int = 0) -> Figures:
    """Thresholds for `task` ("emotion" or "gender") of a one-model table and what they buy.

    {task, wish, n, method, before, coverage, accuracy, per_class: [{label, threshold, called, coverage, precision, before}], groups}:
    threshold None means never; before: the accuracy, or precision, when everything is answered; all other figures are cross-fitted.

    Raises:
        DataError: no probabilities, or a wish outside (0, 1].
    """
    seen = views.classes(whole, task)
    if seen is None or seen.p is None:
        raise DataError(f"Expected a truth and probabilities of {task} in every row that counts, got none; add `{task}_p_*` columns.")
    wish = {"coverage": coverage, "precision": precision}
    given = {name: value for name, value in wish.items() if value is not None}
    if len(given) != 1 or not 0 < next(iter(given.values())) <= 1:
        raise DataError(f"Expected one of --coverage and --precision, in (0, 1], got {given or 'none'}; try --precision 0.9.")
    k, n = len(seen.labels), len(seen.rows)
    cluster = views.clusters(whole)
    cluster = None if cluster is None else views.only(cluster, seen.rows)
    if n < 2 or (cluster is not None and len(np.unique(cluster)) < 2):
        raise DataError(f"Expected at least two independent rows to plan with, got {n} rows of {task}; predict a larger split.")
    sample = Sample(n, cluster, views.cluster_name(whole))
    confidence, right = seen.p[np.arange(n), seen.pred], seen.pred == seen.true
    made = abstention.plan(confidence, seen.pred, right, k, coverage=coverage, precision=precision)
    answered = abstention.cross_fitted(
        confidence, seen.pred, right, k, coverage=coverage, precision=precision, seed=seed, cluster=cluster
    )
    kept = sample.part(answered)
    covered, exact = sample.shares(answered, seen.pred, k), kept.shares(right[answered], seen.pred[answered], k)
    before = sample.shares(right, seen.pred, k)
    per_class = [
        {
            "label": label, "threshold": float(made.threshold[c]) if np.isfinite(made.threshold[c]) else None,
            "called": int(made.called[c]), "coverage": covered[c], "precision": exact[c], "before": before[c],
        }
        for c, label in enumerate(seen.labels)
    ]  # fmt: skip
    return {
        "task": task, "wish": given, "n": n, "seed": seed, "method": sample.method, "before": sample.share(right),
        "coverage": sample.share(answered), "accuracy": kept.share(right[answered]), "per_class": per_class,
        "groups": _groups(views.coded_groups(whole), seen.rows, answered, right, sample, kept),
    }  # fmt: skip


def _groups(
    groups: dict[str, views.Coded], rows: np.ndarray, answered: np.ndarray, right: np.ndarray, sample: Sample, kept: Sample
) -> Figures:
    """Group -> [{value, coverage, accuracy, before}]: who gets an answer, and how good it is."""
    found: Figures = {}
    for name, group in groups.items():
        k, codes = len(group.values), group.at(rows).codes
        if k > MANY_VALUES:
            continue
        columns = (sample.shares(answered, codes, k), kept.shares(right[answered], codes[answered], k), sample.shares(right, codes, k))
        lines = zip(group.values, *columns, strict=True)
        made = [{"value": v, "coverage": c, "accuracy": a, "before": b} for v, c, a, b in lines if c["n"]]
        if made:
            found[name] = made
    return found


def show(made: dict[str, Any], console: Console) -> None:
    """The plan as tables."""
    [(wish, value)] = made["wish"].items()
    title = TITLES[made["task"]]
    console.print(f"{title}: {wish} of at least {value:g} for every predicted class, {made['n']} samples", style="bold")
    console.print(f"thresholds from all rows; figures cross-fitted, 95 % intervals: {made['method']['text']}", soft_wrap=True)
    before, after, share = (number(made[name], percent=True) for name in ("before", "accuracy", "coverage"))
    console.print(f"accuracy {before} when all are answered; {after} of the {share} that the plan answers", soft_wrap=True)
    rows = grid(f"{title} by predicted class", "class", "from", "answered", "precision", "before", "n")
    for c in made["per_class"]:
        threshold = "never" if c["threshold"] is None else f"{c['threshold']:.3f}"
        rows.add_row(c["label"], threshold, *_shares(c, "coverage", "precision"), few(c["called"]))
    console.print(rows)
    for name, values in made["groups"].items():
        rows = grid(f"{title} by {name}", name, "answered", "accuracy", "before", "n")
        for v in values:
            rows.add_row(v["value"], *_shares(v, "coverage", "accuracy"), few(v["coverage"]["n"]))
        console.print(rows)


def _shares(row: dict[str, Any], answered: str, exact: str) -> list[str]:
    """Two shares with intervals and the one before without, so that a row fits into a terminal."""
    before = number({**row["before"], "low": None}, percent=True)
    return [number(row[answered], percent=True), number(row[exact], percent=True), before]
