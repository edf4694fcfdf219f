"""Estimate memory and time of a training from steps measured on this machine."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from core.cli import count_number
from train.commands._arguments import add_data, add_json, add_limit, add_set
from train.fit import FLAGSHIP, Job
from train.recipe.arguments import is_generated

IMAGES = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "recipe", nargs="?", default=FLAGSHIP, help="as for training (default: %(default)s)"
    )
    add_data(parser)
    add_limit(parser)
    parser.add_argument("--epochs", type=count_number, metavar="N", help="instead of the recipe's")
    parser.add_argument(
        "--images",
        type=count_number,
        metavar="N",
        help=f"training pictures, in place of those of --data (default without: {IMAGES:,})",
    )
    add_set(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print the plan and return the exit status."""
    from train.batches.data import read_split
    from train.batches.sampling import samples_of_epoch
    from train.loop.estimate import describe, estimate

    job = Job(args.recipe, tuple(args.set), args.data, epochs=args.epochs, limit=args.limit)
    recipe = job.resolve()
    images = args.images or IMAGES
    if not args.images and (args.data or is_generated(recipe)):
        sizes = (len(read_split(name, job.folders, "train")) for name in recipe.data)
        images = sum(min(size, args.limit or size) for size in sizes)
    images = samples_of_epoch(recipe.sampling, images)
    plan = estimate(recipe, images)
    content = {"recipe": args.recipe, **asdict(plan)}
    print(json.dumps(content) if args.json else describe(args.recipe, recipe, plan))
    return 0
