"""plan: when to say nothing: a threshold per class under a wanted coverage or a wanted precision,
and what that buys.

An answer is given where the probability of the predicted class reaches the class's threshold. The
thresholds come from all rows; what they buy is measured cross-fitted: those for each half of the
rows are chosen on the other half, so that no row vouches for itself. Rows that a column such as
`group_subject` puts together stay in one half.

A model's card has one limit for all classes of a task (`--one`), and a cautious one: answers from
there on reach the wanted precision even by the lower end of its 95 % interval, for which many
pictures of one person are not many answers. It is never under FLOOR.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console

from core.errors import DataError, UserError
from evaluation.analysis.summary import MANY_VALUES
from evaluation.commands.report import mapping
from evaluation.metrics import selective
from evaluation.predictions import arrays, table
from evaluation.report.text import TITLES, few, grid, number, wide
from evaluation.statistics.estimate import Figures, Sample, plain

PRECISION = 0.9
"""What a model's card promises of the answers from its limit on."""
FLOOR = 0.6
"""An answer of less probability is nearer to a toss than to an answer, however good all answers
together are.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `plan`."""
    parser.add_argument(
        "table",
        type=Path,
        metavar="T.parquet",
        help="predictions table with probabilities, Parquet or *.csv",
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
        "--task", choices=("emotion", "gender"), default="emotion", help="default: %(default)s"
    )
    wish = parser.add_mutually_exclusive_group(required=True)
    wish.add_argument(
        "--coverage",
        type=float,
        metavar="SHARE",
        help="answer this share of what is called each class, the surest first",
    )
    wish.add_argument(
        "--precision",
        type=float,
        metavar="SHARE",
        help="answer as much as possible with this share of each class right",
    )
    parser.add_argument(
        "--one",
        action="store_true",
        help="with --precision: one cautious limit for all classes, as a model's card has it",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the split into halves (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Prints the plan."""
    whole = arrays.one_model(table.read(args.table, names=mapping(args.map)), args.model)
    if args.one and args.precision is None:
        raise UserError("Expected --precision beside --one, got --coverage; try --precision 0.9.")
    if args.one:
        made = limited(whole, args.task, args.precision, seed=args.seed)
    else:
        made = planned(
            whole, args.task, coverage=args.coverage, precision=args.precision, seed=args.seed
        )
    if args.json:
        print(
            json.dumps(
                plain({"table": str(args.table), "model": whole["model"][0].as_py(), **made}),
                allow_nan=False,
            )
        )
    else:
        (show_one if args.one else show)(made, wide())
    return 0


def planned(
    whole: pa.Table,
    task: str,
    *,
    coverage: float | None = None,
    precision: float | None = None,
    seed: int = 0,
) -> Figures:
    """Thresholds for `task` ("emotion" or "gender") of a one-model table and what they buy.

    {task, wish, n, method, before, coverage, accuracy, per_class: [{label, threshold, called,
    coverage, precision, before}], groups}: threshold None means never; before: the accuracy, or
    precision, when everything is answered; all other figures are cross-fitted.

    Raises:
        DataError: no probabilities, or a wish outside (0, 1].
    """
    wish = {"coverage": coverage, "precision": precision}
    given = {name: value for name, value in wish.items() if value is not None}
    if len(given) != 1:
        raise DataError(
            f"Expected one of --coverage and --precision, got {given or 'none'}; try --precision 0.9."
        )
    _in_range(given)
    seen, sample, confidence, right = _answers(whole, task)
    k = len(seen.labels)
    made = selective.plan(confidence, seen.pred, right, k, coverage=coverage, precision=precision)
    answered = selective.cross_fitted(
        confidence,
        seen.pred,
        right,
        k,
        coverage=coverage,
        precision=precision,
        seed=seed,
        cluster=sample.cluster,
    )
    kept = sample.part(answered)
    covered, exact = (
        sample.shares(answered, seen.pred, k),
        kept.shares(right[answered], seen.pred[answered], k),
    )
    before = sample.shares(right, seen.pred, k)
    per_class = [
        {
            "label": label,
            "threshold": float(made.threshold[c]) if np.isfinite(made.threshold[c]) else None,
            "called": int(made.called[c]),
            "coverage": covered[c],
            "precision": exact[c],
            "before": before[c],
        }
        for c, label in enumerate(seen.labels)
    ]
    return {
        "task": task,
        "wish": given,
        "n": len(right),
        "seed": seed,
        "method": sample.method,
        "before": sample.share(right),
        "coverage": sample.share(answered),
        "accuracy": kept.share(right[answered]),
        "per_class": per_class,
        "groups": _groups(arrays.coded_groups(whole), seen.rows, answered, right, sample, kept),
    }


def limited(whole: pa.Table, task: str, precision: float = PRECISION, *, seed: int = 0) -> Figures:
    """The one limit for `task` ("emotion" or "gender") of a one-model table, and what it buys; see
    `abstention.limit`.

    {task, wish, n, seed, method, limit, floor, before, coverage, accuracy}: limit 1 means never;
    coverage and accuracy are cross-fitted.

    Raises:
        DataError: no probabilities, or a wish outside (0, 1].
    """
    _in_range({"precision": precision})
    _, sample, confidence, right = _answers(whole, task)
    answered = selective.over_limit(
        confidence, right, precision, floor=FLOOR, seed=seed, cluster=sample.cluster
    )
    return {
        "task": task,
        "wish": {"precision": precision},
        "n": len(right),
        "seed": seed,
        "method": sample.method,
        "limit": selective.limit(confidence, right, precision, floor=FLOOR, cluster=sample.cluster),
        "floor": FLOOR,
        "before": sample.share(right),
        "coverage": sample.share(answered),
        "accuracy": sample.part(answered).share(right[answered]),
    }


def _in_range(wish: dict[str, float]) -> None:
    [(name, value)] = wish.items()
    if not 0 < value <= 1:
        raise DataError(f"Expected --{name} in (0, 1], got {value}; try --{name} 0.9.")


def _answers(whole: pa.Table, task: str) -> tuple[arrays.Classes, Sample, np.ndarray, np.ndarray]:
    """What both plans rest on: the rows with a truth, how to resample them, the answers'
    probabilities (N,) and which are right (N,).
    """
    seen = arrays.classes(whole, task)
    if seen is None or seen.p is None:
        raise DataError(
            f"Expected a truth and probabilities of {task} in every row that counts, got none; add `{task}_p_*` columns."
        )
    n, cluster = len(seen.rows), arrays.clusters(whole)
    cluster = None if cluster is None else arrays.only(cluster, seen.rows)
    if n < 2 or (cluster is not None and len(np.unique(cluster)) < 2):
        raise DataError(
            f"Expected at least two independent rows to plan with, got {n} rows of {task}; predict a larger split."
        )
    return (
        seen,
        Sample(n, cluster, arrays.cluster_name(whole)),
        seen.p[np.arange(n), seen.pred],
        seen.pred == seen.true,
    )


def _groups(
    groups: dict[str, arrays.Coded],
    rows: np.ndarray,
    answered: np.ndarray,
    right: np.ndarray,
    sample: Sample,
    kept: Sample,
) -> Figures:
    """Group -> [{value, coverage, accuracy, before}]: who gets an answer, and how good it is."""
    found: Figures = {}
    for name, group in groups.items():
        k, codes = len(group.values), group.at(rows).codes
        if k > MANY_VALUES:
            continue
        columns = (
            sample.shares(answered, codes, k),
            kept.shares(right[answered], codes[answered], k),
            sample.shares(right, codes, k),
        )
        lines = zip(group.values, *columns, strict=True)
        made = [
            {"value": v, "coverage": c, "accuracy": a, "before": b} for v, c, a, b in lines if c.n
        ]
        if made:
            found[name] = made
    return found


def show(made: dict[str, Any], console: Console) -> None:
    """The plan as tables."""
    [(wish, value)] = made["wish"].items()
    title = TITLES[made["task"]]
    console.print(
        f"{title}: {wish} of at least {value:g} for every predicted class, {made['n']} samples",
        style="bold",
    )
    console.print(
        f"thresholds from all rows; figures cross-fitted, 95 % intervals: {made['method']['text']}",
        soft_wrap=True,
    )
    before, after, share = (
        number(made[name], percent=True) for name in ("before", "accuracy", "coverage")
    )
    console.print(
        f"accuracy {before} when all are answered; {after} of the {share} that the plan answers",
        soft_wrap=True,
    )
    rows = grid(
        f"{title} by predicted class", "class", "from", "answered", "precision", "before", "n"
    )
    for c in made["per_class"]:
        threshold = "never" if c["threshold"] is None else f"{c['threshold']:.3f}"
        rows.add_row(c["label"], threshold, *_shares(c, "coverage", "precision"), few(c["called"]))
    console.print(rows)
    for name, values in made["groups"].items():
        rows = grid(f"{title} by {name}", name, "answered", "accuracy", "before", "n")
        for v in values:
            rows.add_row(v["value"], *_shares(v, "coverage", "accuracy"), few(v["coverage"].n))
        console.print(rows)


def show_one(made: dict[str, Any], console: Console) -> None:
    """The one limit as text."""
    console.print(
        f"{TITLES[made['task']]}: precision of at least {made['wish']['precision']:g}, {made['n']} samples",
        style="bold",
    )
    console.print(
        "never: no limit reaches it"
        if made["limit"] >= 1
        else f"answer from a probability of {made['limit']:.4f}"
    )
    before, after, share = (
        number(made[name], percent=True) for name in ("before", "accuracy", "coverage")
    )
    console.print(
        f"accuracy {before} when all are answered; {after} of the {share} that are, cross-fitted",
        soft_wrap=True,
    )
    console.print(f"95 % intervals: {made['method']['text']}", soft_wrap=True)


def _shares(row: dict[str, Any], answered: str, exact: str) -> list[str]:
    """Two shares with intervals and the one before without, so that a row fits into a terminal."""
    before = number(row["before"].value, percent=True)
    return [number(row[answered], percent=True), number(row[exact], percent=True), before]
