"""Draw pictures from a second data set into the thin classes of a first one; write a manifest.

Classes are filled up to a share of the first data set's train split. Drawn is only from the
second's train split, and nothing that is a near duplicate of a picture in the first (any split) or
in the second's val and test. Drawn pictures get the first's size and colour and lie in DIR/files;
the file's name and the manifest say where they come from. The same seed draws the same.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core.progress import say
from core.vocabulary import count_of
from evaluation.commands._options import DATASETS, add_result_folder
from evaluation.report.formatting import console, print_json, print_table

if TYPE_CHECKING:
    from evaluation.quality.repair.balance import BalanceResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `balance`."""
    add_result_folder(parser)
    parser.add_argument(
        "--from", dest="source", required=True, metavar="DATASET", help=f"one of {DATASETS}"
    )
    parser.add_argument(
        "--from-data", type=Path, metavar="DIR", help="its folder (default: that of --data)"
    )
    parser.add_argument(
        "--task",
        choices=("emotion", "gender", "age"),
        default="emotion",
        help="whose classes (default: %(default)s)",
    )
    parser.add_argument(
        "--share",
        type=float,
        required=True,
        help="of each class among the train split's labelled samples, such as 0.05",
    )


def run(args: argparse.Namespace) -> int:
    """Draw, write and count."""
    from evaluation.quality import open_dataset  # OpenCV and ONNX Runtime, not for --help
    from evaluation.quality.repair.balance import balance

    cache = not args.no_cache
    result = balance(
        open_dataset(args.dataset, args.data, cache=cache),
        open_dataset(args.source, args.from_data or args.data, cache=cache),
        args.out,
        args.task,
        args.share,
        seed=args.seed,
        placement=args.files,
        data=args.data,
    )
    if args.json:
        print_json(asdict(result))
    else:
        _print_result(args.out, result)
    return 0


def _print_result(out: Path, result: BalanceResult) -> None:
    """Print the result as text."""
    n_before, n_added = sum(result.before.values()), sum(result.added.values())
    rows = []
    for name, before in result.before.items():
        after = before + result.added[name]
        shares = f"{before / max(n_before, 1):.1%}", f"{after / max(n_before + n_added, 1):.1%}"
        rows.append([name, str(before), shares[0], str(result.added[name]), str(after), shares[1]])
    columns = ["class", "before", "share", "added", "after", "share"]
    print_table(console(), f"{out}: {count_of(n_added, 'picture')} added", columns, rows)
    lacking = [
        f"{name} lacks {n - result.added[name]}"
        for name, n in result.wanted.items()
        if result.added[name] < n
    ]
    if lacking:
        say(f"the other data set has no more: {', '.join(lacking)}")
    say(
        f"left out: {result.copies} copies of what is there or of each other, "
        f"{result.unusable} without a face or unreadable"
    )
