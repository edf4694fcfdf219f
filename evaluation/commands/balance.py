"""balance: draws pictures from a second data set into the thin classes of a first one, up to a
share of its train split; writes a manifest.

Only from the second's train split, and nothing that is a near duplicate of a picture in the first
(any split) or in the second's val and test. Drawn pictures get the first's size and colour and lie
in DIR/files; the file's name and the manifest say where they come from. The same seed draws the
same.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from core import registry
from core.progress import say
from evaluation.commands.restratify import add_source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `balance`."""
    add_source(parser)
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="DATASET",
        help=f"one of {', '.join(registry.names('core.data'))}",
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
    """Draws, writes and counts."""
    from evaluation.quality import open_context
    from evaluation.quality.repair import balance

    first = open_context(args.dataset, args.data, cache=not args.no_cache)
    second = open_context(args.source, args.from_data or args.data, cache=not args.no_cache)
    done = balance.balance(
        first,
        second,
        args.out,
        args.task,
        args.share,
        seed=args.seed,
        mode=args.files,
        data=args.data,
    )
    if args.json:
        print(json.dumps(asdict(done)))
    else:
        show(args.out, done)
    return 0


def show(out: Path, done) -> None:  # type: ignore[no-untyped-def]
    """The result as text."""
    from evaluation.report.text import console, grid

    out_console = console()
    total = {
        "before": sum(done.before.values()),
        "after": sum(done.before.values()) + sum(done.added.values()),
    }
    rows = grid(
        f"{out}: {sum(done.added.values())} pictures added",
        "class",
        "before",
        "share",
        "added",
        "after",
        "share",
    )
    for name, n in done.before.items():
        after = n + done.added[name]
        shares = f"{n / max(total['before'], 1):.1%}", f"{after / max(total['after'], 1):.1%}"
        rows.add_row(name, str(n), shares[0], str(done.added[name]), str(after), shares[1])
    out_console.print(rows)
    short = [
        f"{name} lacks {done.wanted[name] - done.added[name]}"
        for name in done.wanted
        if done.added[name] < done.wanted[name]
    ]
    if short:
        say(f"the other data set has no more: {', '.join(short)}")
    say(
        f"left out: {done.copies} copies of what is there or of each other, {done.unusable} without a face or unreadable"
    )
