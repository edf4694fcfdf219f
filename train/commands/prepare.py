"""Detect and align every picture of a data set once, into the crop cache."""

from __future__ import annotations

import argparse

from core import progress
from core.vocabulary import count_of
from train.commands._arguments import add_data
from train.fit import FLAGSHIP
from train.recipe.arguments import data_folders
from train.recipe.recipe import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("dataset", help="a data set of core/data")
    add_data(parser, required=True)
    parser.add_argument("--split", default=None, help="one split (default: train and val)")
    parser.add_argument(
        "--recipe", default=FLAGSHIP, help="whose crops and samples (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Fill the cache and return the exit status."""
    from core.data.base.crop_cache import prepare
    from core.faces import best_detector
    from train.batches.data import read_split, relabel

    recipe = load(args.recipe)
    detector, description = best_detector()
    progress.say(f"detector: {description}")
    folders = data_folders(args.data)
    for split in [args.split] if args.split else ["train", "val"]:
        # Only the samples that training with this recipe uses.
        samples, _ = relabel(read_split(args.dataset, folders, split), recipe)
        with progress.task(f"align {args.dataset} {split}", len(samples)) as advance:
            crops = prepare(samples, detector, recipe.input, progress=advance)
        counts = {
            state: int((crops.state == code).sum())
            for state, code in (("aligned", 1), ("whole picture", 0), ("unreadable", -1))
        }
        progress.say(
            f"{args.dataset} {split}: {count_of(len(samples), 'picture')}, {counts}, "
            f"{len(samples.problems)} left out by name or label"
        )
    return 0
