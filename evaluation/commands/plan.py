"""Thresholds per class for a coverage or a precision (selective prediction), and what they gain.

A prediction is kept where the probability of the predicted class reaches the class's threshold. The
thresholds come from all rows; what they gain is measured cross-fitted: those for each half of the
rows are chosen on the other half. `--one` plans a single cautious threshold for all classes, as a
model's card has it.

Examples:
  python -m evaluation plan t.parquet --precision 0.9
  python -m evaluation plan t.parquet --task gender --coverage 0.8 --json
  python -m evaluation plan t.parquet --precision 0.9 --one
"""

from __future__ import annotations

import argparse

from rich.console import Console

from core.errors import UserError
from core.progress import say
from core.vocabulary import count_of
from evaluation.analysis.thresholds import (
    SingleThreshold,
    ThresholdPlan,
    labelled_rows,
    plan_thresholds,
    single_threshold,
)
from evaluation.commands._options import add_options
from evaluation.commands._tables import add_table, read_table, say_left_out
from evaluation.predictions.tasks import tasks_of
from evaluation.report.formatting import (
    console,
    number,
    print_json,
    print_table,
    sample_count,
    threshold,
)
from evaluation.statistics.estimate import Estimate, fields_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `plan`."""
    add_table(parser)
    parser.add_argument("--task", help="default: the first task with classes, such as emotion")
    wish = parser.add_mutually_exclusive_group(required=True)
    wish.add_argument(
        "--coverage",
        type=float,
        metavar="SHARE",
        help="keep this share of each predicted class, the most confident first",
    )
    wish.add_argument(
        "--precision",
        type=float,
        metavar="SHARE",
        help="keep as much as possible with this share of each class right",
    )
    parser.add_argument(
        "--one",
        action="store_true",
        help="with --precision: one cautious threshold for all classes, as a model's card has it",
    )
    add_options(parser, "--seed", help="of the split into halves (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Print the plan."""
    table = read_table(args)
    if args.one and args.precision is None:
        raise UserError("Expected --precision beside --one, got --coverage; try --precision 0.9.")
    plan: SingleThreshold | ThresholdPlan
    tasks = tasks_of(table)
    classes = [name for name, task in tasks.items() if not task.is_regression]
    if not classes:
        raise UserError(
            f"Expected a task with classes and probabilities, got {', '.join(tasks)}; "
            "a regression has no thresholds."
        )
    name = args.task or classes[0]
    if name not in classes:
        raise UserError(
            f"Expected --task to be a task with classes ({', '.join(classes)}), got {name!r}; "
            f"try --task {classes[0]}."
        )
    if args.one:
        plan = single_threshold(table, name, args.precision, seed=args.seed)
    else:
        say_left_out(table)
        plan = plan_thresholds(
            table, name, coverage=args.coverage, precision=args.precision, seed=args.seed
        )
    if lacking := labelled_rows(table, name) - plan.n:
        say(f"{count_of(lacking, 'row')} without probabilities of {name} left out")
    if args.json:
        model = table["model"][0].as_py()
        print_json({"table": str(args.table), "model": model, **fields_of(plan)})
    elif isinstance(plan, SingleThreshold):
        show_single(plan, tasks[name].title.title, console())
    else:
        show(plan, tasks[name].title.title, console())
    return 0


def show(plan: ThresholdPlan, title: str, out: Console) -> None:
    """Print the plan as tables."""
    [(wish, value)] = plan.wish.items()
    out.print(
        f"{title}: {wish} of at least {value:g} for every predicted class,"
        f" {count_of(plan.n, 'sample')}",
        style="bold",
    )
    out.print(f"thresholds from all rows; figures cross-fitted, 95 % intervals: {plan.method.text}")
    out.print(_gain(plan))
    rows = (
        [
            c.label,
            "never" if c.threshold is None else threshold(c.threshold),
            *_shares(c.coverage, c.precision, c.before),
            sample_count(c.n_predicted),
        ]
        for c in plan.per_class
    )
    columns = ["class", "from", "kept", "precision", "before", "n"]
    print_table(out, f"{title} by predicted class", columns, rows)
    for name, values in plan.groups.items():
        rows = (
            [v.value, *_shares(v.coverage, v.accuracy, v.before), sample_count(v.coverage.n)]
            for v in values
        )
        columns = [name, "kept", "accuracy", "before", "n"]
        print_table(out, f"{title} by {name}", columns, rows)


def show_single(plan: SingleThreshold, title: str, out: Console) -> None:
    """Print the one threshold as text."""
    out.print(
        f"{title}: precision of at least {plan.wish['precision']:g}, {count_of(plan.n, 'sample')}",
        style="bold",
    )
    out.print(
        "never: no threshold reaches it"
        if plan.limit >= 1
        else f"predict from a probability of {threshold(plan.limit, 4)}"
    )
    out.print(f"{_gain(plan)}, cross-fitted")
    out.print(f"95 % intervals: {plan.method.text}")


def _gain(plan: SingleThreshold | ThresholdPlan) -> str:
    """Return what abstention buys, in words."""
    before, accuracy, coverage = (
        number(estimate, percent=True) for estimate in (plan.before, plan.accuracy, plan.coverage)
    )
    return f"accuracy {before} without abstention; {accuracy} of the {coverage} that are kept"


def _shares(coverage: Estimate, precision: Estimate, before: Estimate) -> list[str]:
    """Return two shares with intervals and the one before without: a row fits a terminal."""
    return [
        number(coverage, percent=True),
        number(precision, percent=True),
        number(before.value, percent=True),
    ]
