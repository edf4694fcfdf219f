r"""Give a model's card operating points and what is not given; the network stays as it is.

Reads tables of predictions of this model at the operating point `accuracy`: the validation parts of
its own data sets, and data sets that it was not trained on. One table needs exact ages of pictures
that the network in question has not learnt: one of `--tables`, or one of `--left-out`. Only the
metadata of model.onnx and card.md are written.

Examples:
  python -m train card assets/models/mien --data DIR --version 0.5.0 \
    --tables ferplus.parquet utkface.parquet fairface.parquet appa_real.parquet \
    --left-out without_fairface.parquet without_appa_real.parquet
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from core import progress
from core.files import atomic_file, write_text
from train.commands._arguments import add_data
from train.recipe.arguments import data_folders


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("model", type=Path, help="a bundle with its weights")
    add_data(parser, required=True)
    parser.add_argument(
        "--tables",
        required=True,
        nargs="+",
        type=Path,
        metavar="T.parquet",
        help="predictions of this model at `accuracy`: validation parts, and other data sets",
    )
    parser.add_argument(
        "--left-out",
        nargs="+",
        type=Path,
        default=[],
        metavar="T.parquet",
        help="predictions for a data set of its own by the same recipe, trained without it",
    )
    parser.add_argument(
        "--findings", metavar="RECIPE", help="take the sentences of this recipe's `findings`"
    )
    parser.add_argument("--version", help="the model's new version (default: as it is)")


def run(args: argparse.Namespace) -> int:
    """Write the card and return the exit status."""
    import shutil

    from core.artifacts import bundle
    from core.artifacts.bundle import CARD_FILE
    from evaluation.predictions import table
    from train.batches.data import read_split
    from train.compression.fold_batchnorm import reparameterize
    from train.export.model_card import describe
    from train.export.onnx_file import set_card
    from train.export.operating_points import training_priors, with_points
    from train.loop.initialize import load_network
    from train.recipe.recipe import load

    file = bundle.model_path(args.model)
    card = bundle.load_card(file)
    if args.findings:
        findings = list(load(args.findings).findings)
        card = replace(card, recipe={**card.recipe, "findings": findings})
    network, recipe = load_network(args.model)
    folders = data_folders(args.data)
    training = [read_split(name, folders, "train") for name in recipe.data]
    with progress.task("measure"):
        card = with_points(
            replace(card, version=args.version or card.version),
            [table.read(path) for path in args.tables],
            training_priors(recipe, training),
            [table.read(path) for path in args.left_out],
        )
    parameters = sum(p.numel() for p in reparameterize(network).parameters())
    with atomic_file(file) as scratch:
        shutil.copyfile(file, scratch)
        set_card(scratch, card)
    write_text(file.with_name(CARD_FILE), describe(card, parameters))
    progress.say(f"card of {file}: {', '.join(card.points)}, default {card.operating_point}")
    return 0
