"""compare: two models on the same samples: is B better than A, where does it win and lose, and on
which samples do they disagree.

Samples are matched by `sample_id`; differences are B minus A with paired-bootstrap 95 % intervals.
McNemar's test (exact for few pairs) for classes and a paired t-test for ages; where a column such
as `group_subject` says which samples belong together, whole clusters are drawn and tested instead.
P-values per class and per group are corrected together by Holm's method.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from core.errors import DataError
from evaluation.analysis.comparison import compare
from evaluation.commands.report import mapping
from evaluation.predictions import arrays, table
from evaluation.report.text import TITLES, few, grid, number, wide
from evaluation.statistics.estimate import plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `compare`."""
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
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="column of the contract = column of both files",
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=10,
        metavar="N",
        help="disagreements listed of each kind (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Prints the comparison."""
    if args.limit < 0:
        raise DataError(f"Expected --limit to be at least 0, got {args.limit}.")
    a, b = (table.read(path, names=mapping(args.map)) for path in (args.a, args.b))
    a, b = _one(a, args.model_a, "--model-a"), _one(b, args.model_b, "--model-b")
    found = compare(a, b, limit=args.limit)
    if args.json:
        print(json.dumps(plain({"tables": [str(args.a), str(args.b)], **found}), allow_nan=False))
    else:
        show(found, wide())
    return 0


def _one(whole: Any, model: str | None, option: str) -> Any:
    try:
        return arrays.one_model(whole, model)
    except DataError as error:
        raise DataError(str(error).replace("--model", option)) from None


def show(found: dict[str, Any], console: Console) -> None:
    """The comparison as tables."""
    console.print(
        f"A: {found['a']}   B: {found['b']}   {found['matched']} samples in both",
        style="bold",
        markup=False,
    )
    if found["only_a"] or found["only_b"]:
        console.print(
            f"not compared: {found['only_a']} samples only in A, {found['only_b']} only in B"
        )
    for task in ("emotion", "gender", "age"):
        if found[task]:
            _task(TITLES[task], found[task], console, percent=task != "age")


def _task(title: str, found: dict[str, Any], console: Console, *, percent: bool) -> None:
    text = f"{title}: B minus A, 95 % intervals: {found['method']['text']}; p per class and group corrected together (Holm)"
    console.print(text, soft_wrap=True)
    if found["truth_differs"]:
        console.print(
            f"{title}: {found['truth_differs']} samples left out, for which the two tables state different truths"
        )
    rows = grid(title, "figure", "A", "B", "B - A", "p", "n")
    p = found["mcnemar"]["p"] if percent else found["paired_t"]["p"]
    for name, label in (
        ("accuracy", "accuracy"),
        ("macro_f1", "macro F1"),
        ("mae", "mean absolute error"),
    ):
        if name in found:
            values = [number(found[name][side], percent=percent) for side in ("a", "b")]
            shown = "" if name == "macro_f1" else p_text(p)
            rows.add_row(
                label,
                *values,
                number(found[name]["difference"], percent=percent, sign=True),
                shown,
                str(found["n"]),
            )
    console.print(rows)
    if percent:
        test = found["mcnemar"]
        console.print(
            f"only A right: {test['only_a']}, only B right: {test['only_b']} ({test['test']})"
        )
    rows = grid(
        f"{title}: B against A", "part", "wins", "losses", "B - A", "p (Holm)", "better", "n"
    )
    for part in found["parts"]:
        name = f"{part['by']}: {part['value']}"
        better = {"a": "A", "b": "B", None: "-"}[part["better"]]
        cells = (
            number(part["difference"], percent=percent, sign=True),
            p_text(part["p_adjusted"]),
            better,
            few(part["n"]),
        )
        rows.add_row(name, str(part["wins"]), str(part["losses"]), *cells)
    if found["parts"]:
        console.print(rows)
    rows = grid(
        f"{title}: answers that differ ({found['disagreements']['n']})",
        "sample",
        "true",
        "A",
        "B",
        *(["right"] if percent else []),
    )
    for row in found["disagreements"]["rows"]:
        values = [row[k] if percent else f"{row[k]:.1f}" for k in ("true", "a", "b")]
        right = [{"a": "A", "b": "B", "neither": "-"}[row["right"]]] if percent else []
        rows.add_row(row["sample_id"], *values, *right)
    if found["disagreements"]["rows"]:
        console.print(rows)


def p_text(p: float | None) -> str:
    """A p-value as text."""
    return "-" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
