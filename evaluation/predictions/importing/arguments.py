"""The arguments that say how to read a foreign table, for commands and the studio."""

from __future__ import annotations

import argparse

from evaluation.predictions.importing.options import ImportOptions, parse_labels, parse_units
from evaluation.predictions.mapping import column_map


def add_import(parser: argparse.ArgumentParser) -> None:
    """Add what the columns of a foreign table cannot say: --map, --labels, --regression, ..."""
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="our name of a column = its name in the file, such as emotion_true=label; may be "
        "repeated (names: docs/own_tables.md)",
    )
    parser.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="A,B,C",
        help="names of the classes in the order of their codes, or a file with one a line; "
        "TASK=A,B,C where there are several tasks",
    )
    parser.add_argument(
        "--regression",
        action="append",
        default=[],
        metavar="TASK",
        help="a task that predicts numbers",
    )
    parser.add_argument(
        "--unit", action="append", default=[], metavar="TASK=UNIT", help="unit of its numbers"
    )
    parser.add_argument(
        "--softmax",
        action="store_true",
        help="the probability columns hold logits: apply a softmax",
    )
    parser.add_argument(
        "--percent",
        action="store_true",
        help="the probability columns are percentages: divide by 100",
    )


def import_options(args: argparse.Namespace) -> ImportOptions:
    """Return what `add_import`'s arguments say.

    Raises:
        DataError: One has another form.
    """
    return ImportOptions(
        column_map(args.map),
        parse_labels(args.labels),
        tuple(args.regression),
        parse_units(args.unit),
        args.softmax,
        args.percent,
    )
