"""How a model's figures fall as pictures get worse: blur, noise, JPEG, light, occlusion, bad crops.

Accuracy of emotion and perceived gender and the error of age at severities 0 (the picture as it is:
what `predict` gives) to 5, and flips: the share of predictions that a corruption changes, for age
by more than five years. `evaluation/robustness/corruptions/` says what each severity is; the face
is located on the clean picture. Seeded; with 95 % intervals, `change` paired with severity 0 on the
same samples.

Examples:
  python -m evaluation robustness --model M --dataset ferplus --data DIR --limit 500
  python -m evaluation robustness --model M --dataset utkface --data DIR --kinds blur jpeg --json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console

from core import registry
from core.artifacts.operating_point import ACCURACY
from core.cli import add_trust
from core.errors import DataError
from core.face_model import open_model
from core.faces import best_detector
from core.progress import say, task
from core.vocabulary import TASKS, count_of
from evaluation.commands._options import DATASETS, add_options, load_samples
from evaluation.predictions.predict import describe
from evaluation.predictions.table import check_target
from evaluation.report.formatting import console, number, print_json, print_table
from evaluation.robustness.curves import FLIP_YEARS, RobustnessRow, rows, write
from evaluation.robustness.measure import CORRUPTIONS, KINDS, SEED, measure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `robustness`."""
    add_options(parser, "--model", "--split", "--threads", "--json")
    add_trust(parser)
    add_options(parser, "--data", required=True)
    help_text = f"may be given again, for one table of both; one of {DATASETS}"
    add_options(parser, "--dataset", action="append", help=help_text)
    help_text = "N samples, drawn with a fixed seed: lists are often sorted by their labels"
    add_options(parser, "--limit", help=help_text)
    parser.add_argument(
        "--kinds",
        nargs="+",
        default=list(KINDS),
        metavar="KIND",
        help=f"default: all of {', '.join(KINDS)}",
    )
    add_options(parser, "--out", required=False, help="also write the figures as a table")


def run(args: argparse.Namespace) -> int:
    """Print the figures, and write them with --out."""
    for kind in args.kinds:
        registry.load(CORRUPTIONS, kind)  # a mistyped name ends here
    if args.out:
        check_target(args.out)
    predictor = open_model(
        args.model, threads=args.threads, operating_point=ACCURACY, is_trusted=args.trust
    )
    detector, about_detector = best_detector()
    say(f"Face detector: {about_detector}")
    table: list[RobustnessRow] = []
    sources = []
    for name in dict.fromkeys(args.dataset):
        samples = load_samples(name, args, SEED)
        sources.append(asdict(describe(predictor, samples, detector)) | {"limit": args.limit})
        with task(f"robustness {name}", len(samples)) as advance:
            predictions = measure(
                predictor, samples, detector, args.kinds, threads=args.threads, on_progress=advance
            )
        if len(predictions.samples) == 0:
            raise DataError(
                f"Expected pictures of {name} that can be read, got none; look at {samples.root}."
            )
        table += rows(predictions, predictor.card.name, args.kinds)
    about = {"seed": SEED, "flip_years": FLIP_YEARS, "sources": sources}
    if args.out:
        write(table, args.out, about)
        say(f"{args.out}: {count_of(len(table), 'row')}")
    if args.json:
        print_json({**about, "rows": table})
    else:
        show(table, console())
    return 0


def show(table: Sequence[RobustnessRow], out: Console) -> None:
    """Print a grid for each data set and task: kinds down, severities across."""
    for dataset, task_name in dict.fromkeys((row.dataset, row.task) for row in table):
        _show_task([r for r in table if (r.dataset, r.task) == (dataset, task_name)], out)
    out.print("change, flips: at the highest severity; 95 % intervals: --json or --out")


def _show_task(table: Sequence[RobustnessRow], out: Console) -> None:
    first, worst = table[0], max(row.severity for row in table)
    percent = first.task != "age"
    metric = "accuracy, %" if percent else "mean absolute error"
    out.print(
        f"\n{TASKS[first.task].title}, {first.dataset}: {metric} against severity", style="bold"
    )
    clean = number(first.figures.estimate, percent=percent)
    out.print(f"{count_of(first.figures.estimate.n, 'sample')}; severity 0, as they are: {clean}")
    scale, digits = (100, 1) if percent else (1, 2)
    rows = []
    for kind in dict.fromkeys(row.kind for row in table):
        of_kind = [row for row in table if row.kind == kind and row.severity]
        cells = [f"{(row.figures.estimate.value or 0) * scale:.{digits}f}" for row in of_kind]
        at_worst = of_kind[-1].figures
        change = f"{(at_worst.change.value or 0) * scale:+.{digits}f}"
        flips = f"{at_worst.flips.value or 0:.0%}"
        rows.append([kind, *cells, *[""] * (worst - len(cells)), change, flips])
    columns = ["corruption", *map(str, range(1, worst + 1)), "change", "flips"]
    print_table(out, "", columns, rows)
