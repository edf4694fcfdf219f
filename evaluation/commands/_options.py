"""Options that several commands share, and the samples that they name."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core import registry, system
from core.cli import seed_number
from core.data import Samples
from core.errors import DataError
from core.progress import say

DATASETS = ", ".join(registry.names("core.data"))
MAX_PROBLEMS_PRINTED = 5
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "table": {"type": Path, "metavar": "T.parquet"},
    "--dataset": {"required": True, "help": f"one of {DATASETS}"},
    "--data": {
        "type": Path,
        "default": Path(),
        "metavar": "DIR",
        "help": "the data set's folder, or the folder that holds it",
    },
    "--model": {
        "required": True,
        "type": Path,
        "help": "model file or its folder, or an ensemble's",
    },
    "--split": {
        "default": "val",
        "choices": ("train", "val", "test", "all"),
        "help": "default: %(default)s",
    },
    "--threads": {
        "type": int,
        "default": system.usable_processors(),
        "help": "default: one a usable processor (%(default)s)",
    },
    "--engine": {
        "choices": registry.names("evaluation.engines"),
        "default": "local",
        "help": "where the pictures are worked on (default: %(default)s)",
    },
    "--address": {
        "metavar": "HOST:PORT",
        "help": "--engine ray: a cluster that this machine belongs to (default: one of this "
        "machine alone)",
    },
    "--limit": {"type": int, "metavar": "N"},
    "--out": {"required": True, "type": Path, "metavar": "T.parquet"},
    "--files": {
        "choices": ("manifest", "link", "copy"),
        "default": "manifest",
        "help": "what lies beside the manifest: nothing, links to the pictures, or copies "
        "(default: %(default)s)",
    },
    "--seed": {"type": seed_number, "default": 0, "help": "default: %(default)s"},
    "--json": {"action": "store_true", "help": "one JSON object on stdout"},
    "--no-cache": {
        "action": "store_true",
        "help": "neither read nor write what was computed of each picture",
    },
    "--show-faces": {"action": "store_true"},
    "--html": {"type": Path, "metavar": "R.html"},
    "--fix": {"type": Path, "metavar": "plan.csv"},
}


def add_options(parser: argparse.ArgumentParser, *names: str, **changes: object) -> None:
    """Add options of OPTIONS.

    Args:
        parser: To which they are added.
        names: Of the options.
        changes: Arguments of `add_argument`, for all of them.
    """
    for name in names:
        parser.add_argument(name, **{**OPTIONS[name], **changes})


def add_result_folder(parser: argparse.ArgumentParser) -> None:
    """Add the options of the commands that write a data set anew."""
    add_options(parser, "--dataset", "--data", "--files", "--seed", "--json", "--no-cache")
    add_options(parser, "--out", metavar="DIR", help="the new folder, with manifest.parquet")


def load_samples(dataset: str, args: argparse.Namespace, seed: int | None = None) -> Samples:
    """Load the samples that --data, --split and --limit name, and report what is left out.

    Args:
        dataset: Name of the data set.
        args: With `data`, `split`, `limit` and `threads`.
        seed: Draws the --limit samples at random; None takes the first.

    Raises:
        DataError: A number below 1, or anything that the data set refuses.
    """
    if (args.limit is not None and args.limit < 1) or args.threads < 1:
        raise DataError(
            f"Expected --limit and --threads to be at least 1, got {args.limit} and {args.threads}."
        )
    samples: Samples = registry.load("core.data", dataset).load(args.data, args.split)
    if args.limit and args.limit < len(samples):
        rng = np.random.default_rng(seed)
        samples = samples.take(
            slice(args.limit)
            if seed is None
            else np.sort(rng.choice(len(samples), args.limit, replace=False))
        )
    for problem in samples.problems[:MAX_PROBLEMS_PRINTED]:
        say(f"left out: {problem.file}: {problem.reason}")
    if len(samples.problems) > MAX_PROBLEMS_PRINTED:
        say(f"... and {len(samples.problems) - MAX_PROBLEMS_PRINTED} more")
    return samples
