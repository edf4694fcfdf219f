"""Train a recipe and export the result; without a recipe, that of the shipped model."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from core import registry
from core.errors import UserError
from evaluation.training_runs.run_folder import RunFolder
from train import fit
from train.commands._arguments import add_training
from train.fit import FLAGSHIP, Job
from train.recipe.recipe import Recipe, load

ON_INTERRUPT = "stopped; nothing finished is lost, the same command with --resume goes on"
RECIPE_HELP = (
    "a recipe of --list, or a Python file of your own with a value RECIPE (default: that of the "
    "shipped model, %(default)s)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("recipe", nargs="?", default=FLAGSHIP, help=RECIPE_HELP)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--prerequisites",
        action="store_true",
        help="train the recipes that it builds on first, each in runs/NAME, where they are not "
        "finished; --epochs, --limit and --set then apply to each, --budget to all together",
    )
    what.add_argument(
        "--list",
        action="store_true",
        help="all recipes: model, parameters, data, source and the figures that it reports",
    )
    what.add_argument(
        "--show", action="store_true", help="the resolved recipe and its parameter counts"
    )
    what.add_argument(
        "--profile",
        action="store_true",
        help="measure the input pipeline beside the training it feeds; nothing is kept",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="run folder (default: runs/RECIPE)")
    parser.add_argument(
        "--keep-lr",
        action="store_true",
        help="with --resume and more --epochs: stay at the last learning rate where the longer "
        "schedule would raise it",
    )
    add_training(parser)


def run(args: argparse.Namespace) -> int:
    """List, show, profile or train; return the exit status."""
    if args.keep_lr and not args.resume:
        raise UserError("Expected --keep-lr with --resume, which it changes; add it.")
    if args.list:
        return _list(args.json)
    job = Job(
        args.recipe,
        tuple(args.set),
        args.data,
        args.out,
        args.epochs,
        args.budget,
        args.limit,
        args.resume,
        args.keep_lr,
    )
    recipe = job.resolve()
    if args.show:
        return _show(job.recipe, recipe, args.json)
    if args.profile:
        return _profile(job, args.json)
    from train.loop import distributed

    if args.prerequisites:
        fit.fit_with_prerequisites(job)
    else:
        fit.fit(job)
    if args.json and distributed.is_main():
        print(json.dumps(RunFolder(job.folder).summary()))
    return 0


def _profile(job: Job, as_json: bool) -> int:
    from train.loop import distributed
    from train.loop.profile import describe, profile

    recipe = job.resolve()
    with distributed.process_group():
        if distributed.world_size() > 1:
            # Each measures for a time, not a number of steps: one would wait for the others.
            raise UserError(
                f"Expected one process for --profile, got {distributed.world_size()}; "
                "try it without torchrun."
            )
        [train_parts] = fit.load_splits(job, recipe, "train")
        report = profile(recipe, train_parts)
    if as_json:
        print(json.dumps({"recipe": job.recipe, **asdict(report)}))
    else:
        print(describe(job.recipe, report))
    return 0


def _list(as_json: bool) -> int:
    from train.network.build import count_parameters

    recipes = {name: load(name) for name in registry.names("train.recipes")}
    rows = [
        {
            "name": name,
            "source": recipe.source,
            "model": recipe.model.options.get("name", recipe.model.family),
            "data": list(recipe.data),
            "expected": dict(recipe.expected),
            "parameters": count_parameters(recipe),
        }
        for name, recipe in recipes.items()
    ]
    if as_json:
        print(json.dumps({"recipes": rows}))
        return 0
    name_width, model_width = (max(len(row[key]) for row in rows) for key in ("name", "model"))
    for row in rows:
        figures = "".join(
            f", {figure.replace('_', ' ')} {value:g}" for figure, value in row["expected"].items()
        )
        print(
            f"{row['name']:{name_width}}  {row['model']:{model_width}} "
            f"{row['parameters']['total']:>11,} parameters  {'+'.join(row['data'])}  "
            f"({row['source']}{figures})"
        )
    return 0


def _show(name: str, recipe: Recipe, as_json: bool) -> int:
    from train.network.build import count_parameters

    content = {
        "name": name,
        "recipe": recipe.to_dict(),
        "parameters": count_parameters(recipe),
    }
    print(json.dumps(content) if as_json else json.dumps(content, indent=2))
    return 0
