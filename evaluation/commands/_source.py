"""The arguments that say which model predicts which images, for several commands."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from core import registry, system
from core.data import Samples
from core.errors import DataError
from core.progress import say

MAX_PROBLEMS_PRINTED = 5


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add --model, --data, --split and --threads."""
    parser.add_argument(
        "--model", required=True, type=Path, help="model file or its folder, or an ensemble's"
    )
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="DIR",
        help="the data set's folder, or the folder that holds it",
    )
    parser.add_argument(
        "--split",
        default="val",
        choices=("train", "val", "test", "all"),
        help="default: %(default)s",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=system.usable_processors(),
        help="default: one a usable processor (%(default)s)",
    )


def load_samples(dataset: str, args: argparse.Namespace, seed: int | None = None) -> Samples:
    """Load the samples that `add_source`'s arguments and --limit name, and report what is left out.

    Args:
        dataset: Name of the data set.
        args: With `data`, `split`, `limit` and `threads`.
        seed: Draws the --limit samples at random; None takes the first.

    Raises:
        DataError: A number below 1, or anything that the data set refuses.
    """
    if (args.limit or 1) < 1 or args.threads < 1:
        raise DataError(
            f"Expected --limit and --threads to be at least 1, got {args.limit} and {args.threads}."
        )
    samples: Samples = registry.load("core.data", dataset).load(args.data, args.split)
    if args.limit and args.limit < len(samples):
        if seed is None:
            samples = samples.take(slice(args.limit))
        else:
            rng = np.random.default_rng(seed)
            samples = samples.take(np.sort(rng.choice(len(samples), args.limit, replace=False)))
    for problem in samples.problems[:MAX_PROBLEMS_PRINTED]:
        say(f"left out: {problem.file}: {problem.reason}")
    if len(samples.problems) > MAX_PROBLEMS_PRINTED:
        say(f"... and {len(samples.problems) - MAX_PROBLEMS_PRINTED} more")
    return samples
