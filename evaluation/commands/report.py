"""report: the figures of a predictions table with 95 % intervals, per class and per group; --json
prints them as one object.

--html writes one page that needs nothing else. --gate checks limits: exit status 3 where one is
missed or not measured (a gate may be `optional`); `production` asks for emotion, gender, age, gaps,
parity and speed, so it takes --also, --train and --measured too.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console

from core.errors import DataError
from evaluation.analysis.summary import FEW, figures
from evaluation.predictions import arrays, table
from evaluation.report import gates
from evaluation.report.text import TITLES, few, grid, number, wide
from evaluation.statistics.estimate import Estimate, plain
from evaluation.training_runs import training_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `report`."""
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
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--html",
        type=Path,
        metavar="R.html",
        help="also write the report as one self-contained page",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="--html: show the largest mistakes, of pictures below DIR, blurred",
    )
    parser.add_argument("--show-faces", action="store_true", help="--images: do not blur")
    parser.add_argument(
        "--gate",
        metavar="FILE",
        help="limits: a TOML file or `production`; 3 is the exit status where one is missed",
    )
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        type=Path,
        metavar="T",
        help="--gate: another table, for its tasks",
    )
    parser.add_argument(
        "--train",
        action="append",
        default=[],
        type=Path,
        metavar="T",
        help="--gate: the training split's, for gaps",
    )
    parser.add_argument(
        "--run",
        dest="runs",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="--gate: a run folder, for gaps",
    )
    parser.add_argument(
        "--measured-in",
        action="append",
        default=[],
        type=Path,
        metavar="F.json",
        help="--gate: such as of bench --json",
    )
    parser.add_argument(
        "--measured",
        action="append",
        default=[],
        metavar="NAME=N",
        help="--gate: such as latency_ms=31.5",
    )


def mapping(pairs: list[str]) -> dict[str, str]:
    """`OURS=THEIRS` arguments as a dictionary.

    Raises:
        DataError: one has another form.
    """
    wrong = [p for p in pairs if not all(p.partition("=")[::2])]
    if wrong:
        raise DataError(
            f"Expected --map OURS=THEIRS, got {wrong[0]!r}; try --map emotion_true=label."
        )
    return {ours: theirs for ours, _, theirs in (p.partition("=") for p in pairs)}


def run(args: argparse.Namespace) -> int:
    """Prints the report."""
    if not args.gate and (
        args.also or args.train or args.runs or args.measured_in or args.measured
    ):
        raise DataError(
            "Expected --gate with --also, --train, --run, --measured and --measured-in, got none; try --gate production."
        )
    if (args.images and not args.html) or (args.show_faces and not args.images):
        raise DataError(
            "Expected --html with --images, and --images with --show-faces, got one alone; try --html R.html --images DIR."
        )
    limits = gates.load(args.gate) if args.gate else ()
    other: dict[str, float] = {}
    for path in args.measured_in:
        other |= gates.measured_in(path)
    other |= gates.measured(args.measured)
    trained = [training_run.read(folder) for folder in args.runs]
    names = mapping(args.map)
    whole = arrays.one_model(table.read(args.table, names=names), args.model)
    found = figures(whole)
    outcomes = []
    if args.gate:
        held, train = (
            [figures(table.read(path, names=names), args.model) for path in paths]
            for paths in (args.also, args.train)
        )
        outcomes = gates.check(limits, [found, *held], train, other, trained)
    if args.html:
        _write_page(args, whole, found, outcomes)
    if args.json:
        print(
            json.dumps(
                plain(
                    {
                        "table": str(args.table),
                        **found,
                        **({"gates": outcomes} if args.gate else {}),
                    }
                ),
                allow_nan=False,
            )
        )
    else:
        console = wide()
        show(found, console)
        if args.gate:
            _gates(args.gate, outcomes, console)
    return gates.FAILED if any(o["fails"] for o in outcomes) else 0


def _write_page(
    args: argparse.Namespace, whole: pa.Table, found: dict[str, Any], outcomes: list[dict[str, Any]]
) -> None:
    from evaluation.report.html import page
    from evaluation.report.thumbnails import (
        pictures,
    )  # OpenCV and Plotly, only where a page is written

    if args.html.is_dir():
        raise DataError(
            f"Expected a file to write, got the folder {args.html}; try {args.html / 'report.html'}."
        )
    shown, missing = (
        pictures(whole, args.images, blur=not args.show_faces) if args.images else ([], 0)
    )
    note = "Shown as they are." if args.show_faces else "Blurred: --show-faces shows them."
    note += f" {missing} could not be opened." if missing else ""
    args.html.parent.mkdir(parents=True, exist_ok=True)
    args.html.write_text(page(found, outcomes, shown, note, methods(found)), encoding="utf-8")


def show(found: dict[str, Any], console: Console) -> None:
    """The report as tables."""
    where = f"{found['dataset'] or 'unnamed data'} ({found['split'] or 'no split'})"
    console.print(f"{found['model']} on {where}, {found['rows']} rows", style="bold", markup=False)
    if found["face_found"]:
        console.print(
            f"a face found in {number(found['face_found'], percent=True)}, detector {found['detector'] or 'unknown'}"
        )
    for text in methods(found):
        console.print(text, soft_wrap=True)
    for task in ("emotion", "gender"):
        if found[task]:
            _classes(TITLES[task], found[task], console)
    if found["age"]:
        _ages(found["age"], console)
    _cross(found["cross"], console)


def methods(found: dict[str, Any]) -> list[str]:
    """How the intervals were made, in a line where all tasks agree, else in one per task; and what
    was left out.
    """
    by_task = {task: found[task]["method"]["text"] for task in TITLES if found[task]}
    if len(set(by_task.values())) == 1:
        lines = [
            f"figures with 95 % intervals: {next(iter(by_task.values()))}; * fewer than {FEW} samples"
        ]
    else:
        lines = [
            f"{TITLES[task]}: 95 % intervals: {text}; * fewer than {FEW} samples"
            for task, text in by_task.items()
        ]
    left = found["groups_left_out"]
    return lines + [
        f"`group_{name}` has {n} values and is taken for a name, not for a group"
        for name, n in left.items()
    ]


def _classes(title: str, found: dict[str, Any], console: Console) -> None:
    rows = grid(title, "figure", "value", "n")
    for name, label, percent in (
        ("accuracy", "accuracy", True),
        ("macro_f1", "macro F1", True),
        ("balanced_accuracy", "balanced accuracy", True),
        ("kappa", "Cohen's kappa", False),
        ("ece", "calibration error (ECE)", True),
        ("ece_equal_mass", "ECE, bins of equal mass", True),
        ("classwise_ece", "ECE, mean over classes", True),
        ("aurc", "area under risk-coverage", False),
        ("nll", "negative log-likelihood", False),
        ("brier", "Brier score", False),
    ):
        if found[name]:
            rows.add_row(label, number(found[name], percent=percent, digits=3), str(found["n"]))
    if found["votes"]:
        votes = found["votes"]
        rows.add_row(
            "right by the voters' majority",
            number(votes["majority"], percent=True),
            str(votes["n"]),
        )
        rows.add_row(
            f"right by {votes['share']:.0%} of the voters",
            number(votes["any"], percent=True),
            str(votes["n"]),
        )
        rows.add_row(
            "a voter agrees with the majority",
            number(votes["ceiling"], percent=True),
            str(votes["n"]),
        )
        rows.add_row(
            "distance to the votes (KL), nats", number(votes["kl"], digits=3), str(votes["n"])
        )
    console.print(rows)
    rows = grid(f"{title} by class", "class", "recall", "precision", "F1", "n")
    for row in found["per_class"]:
        f1 = "-" if row["f1"] is None else f"{row['f1']:.2f}"
        rows.add_row(
            row["label"],
            number(row["recall"], percent=True),
            number(row["precision"], percent=True),
            f1,
            few(row["n"]),
        )
    console.print(rows)
    for name, values in found["groups"].items():
        rows = grid(f"{title} by {name}", name, "accuracy", "n")
        for row in values:
            rows.add_row(
                row["value"], number(row["accuracy"], percent=True), few(row["accuracy"].n)
            )
        console.print(rows)


def _ages(found: dict[str, Any], console: Console) -> None:
    rows = grid(TITLES["age"], "figure", "value", "n")
    rows.add_row("mean absolute error", number(found["mae"]), str(found["n"]))
    rows.add_row("root mean squared error", number(found["rmse"]), str(found["n"]))
    rows.add_row("bias (above 0: too old)", number(found["bias"]), str(found["n"]))
    for share in found["cs"]:
        rows.add_row(
            f"within {share['k']} year{'s' if share['k'] > 1 else ''}",
            number(Estimate.of_dict(share), percent=True),
            str(found["n"]),
        )
    if found["interval"]:
        rows.add_row(
            "inside the stated interval",
            number(found["interval"]["coverage"], percent=True),
            str(found["n"]),
        )
        rows.add_row(
            "mean width of the interval", f"{found['interval']['mean_width']:.1f}", str(found["n"])
        )
    console.print(rows)
    for name, values in found["groups"].items():
        rows = grid(f"{TITLES['age']}, by {name}", name, "mean absolute error", "bias", "n")
        for row in values:
            rows.add_row(row["value"], number(row["mae"]), number(row["bias"]), few(row["mae"].n))
        console.print(rows)


def _cross(found: list[dict[str, Any]], console: Console) -> None:
    rows = grid(
        "Across tasks: where one answer is wrong",
        "figure",
        "given",
        "right",
        "wrong",
        "difference",
        "n",
    )
    for pair in found:
        percent = pair["figure"] == "accuracy"
        name = f"{TITLES[pair['task']]}: {'accuracy' if percent else 'mean absolute error'}"
        ends = [number(pair[end].value, percent=percent) for end in ("right", "wrong")]
        rows.add_row(
            name,
            TITLES[pair["given"]],
            *ends,
            number(pair["difference"], percent=percent, sign=True),
            str(pair["n"]),
        )
    if found:
        console.print(rows)


def _gates(name: str, outcomes: list[dict[str, Any]], console: Console) -> None:
    console.print(f"Gates: {name}", style="bold")
    for o in outcomes:  # lines, so that a narrow terminal cuts nothing off
        none = f"{'fails' if o['fails'] else 'optional'}; {o.get('how', '')}"
        text = (
            f"{o['figure']} = {number(Estimate.of_dict(o), digits=4)}, on {o['where']}"
            if o["where"]
            else none
        )
        console.print(
            f"{o['state']:12}  {o['gate']} ({o['figure']} {o['limit']}): {text}", soft_wrap=True
        )
    failed = sum(o["fails"] for o in outcomes)
    console.print(
        f"{failed} of {len(outcomes)} gates failed"
        if failed
        else f"all {len(outcomes)} gates passed",
        style="bold",
    )
