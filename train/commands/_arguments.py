"""Arguments that several commands have."""

from __future__ import annotations

import argparse

from core.cli import count_number
from train.recipe.arguments import parse_duration


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add --data, --epochs, --budget, --resume, --limit, --set and --json."""
    add_data(parser)
    parser.add_argument("--epochs", type=count_number, metavar="N", help="instead of each recipe's")
    parser.add_argument(
        "--budget",
        type=parse_duration,
        metavar="TIME",
        help="of all training together, such as 90m, 2h or 600s; schedules are fitted into it",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue from the run folder's last checkpoint, as a study always does",
    )
    add_limit(parser)
    add_set(parser)
    add_json(parser)


def add_data(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add --data."""
    parser.add_argument(
        "--data",
        required=required,
        metavar="DIR",
        help="folder of the data sets, a manifest, or a JSON file {data set: either}",
    )


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Add --limit."""
    parser.add_argument(
        "--limit",
        type=count_number,
        metavar="N",
        help="N samples of each split of each data set, spread over it: two sets give 2 N to "
        "learn from",
    )


def add_set(parser: argparse.ArgumentParser) -> None:
    """Add --set."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a field of the recipe, such as optim.lr=1e-3; may be repeated",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
