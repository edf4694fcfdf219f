"""`python -m train [RECIPE] ...`: --list, --show, --profile, or a run; without a recipe the
flagship's, and first what it builds on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import progress, registry
from core.artifacts.downloads import ROOT
from core.errors import UserError
from train.recipe.arguments import data_folders, drawn, is_manifest, seconds
from train.recipe.recipe import Recipe, load, override

if TYPE_CHECKING:
    from train.batches.data import Part

FLAGSHIP = "mien"
WHOLE = (
    f"a recipe of --list (default: the flagship, {FLAGSHIP}, and first the recipes that it builds on, each in runs/NAME; --epochs, --limit "
    "and --set then mean each of them, --budget all together)"
)


def run(argv: list[str], prog: str, epilog: str = "") -> int:
    """`python -m train [RECIPE] ...`; prog and epilog as in its help."""
    parser = argparse.ArgumentParser(
        prog, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", nargs="?", help=WHOLE)
    parser.add_argument(
        "--list",
        action="store_true",
        help="all recipes: model, parameters, data, source and the figures that it reports",
    )
    parser.add_argument(
        "--show", action="store_true", help="the resolved recipe and its parameter counts"
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="measure the input pipeline beside the training it feeds; nothing is kept",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="with --list, --show or --profile: one JSON object on stdout",
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="folder of the data sets, a manifest, or a JSON file {data set: either}",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="run folder (default: runs/RECIPE)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument(
        "--budget",
        type=seconds,
        metavar="TIME",
        help="such as 90m, 2h or 600s; the schedule is fitted into it",
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="N samples of each data set, spread over it, for a try",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the run folder's last checkpoint"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="override a field, such as optim.lr=1e-3",
    )
    args = parser.parse_args(argv)
    if args.list:
        return _list(args.json)
    whole = ["data=manifest"] if args.data and is_manifest(args.data) else []
    changes = whole + args.set + ([f"epochs={args.epochs}"] if args.epochs is not None else [])
    name = args.recipe or FLAGSHIP
    recipe = override(load(name), changes)
    if args.show:
        return _show(name, recipe, args.json)
    if args.data is None and not drawn(recipe):
        raise UserError(
            "Expected --data DIR, the folder that holds the data sets; see README, Retrain."
        )
    from train.loop import distributed
    from train.loop.trainer import LAST

    out = args.out or ROOT / "runs" / name
    if (out / LAST).is_file() and not (args.resume or args.profile):
        raise UserError(
            f"Expected an empty run folder, got {out} with a checkpoint; add --resume to go on, or choose another --out."
        )
    with distributed.joined():
        budget = args.budget if args.recipe or args.profile else _forerunners(args, changes)
        return _run(args, name, recipe, out, budget, args.resume)


def _forerunners(args: argparse.Namespace, changes: list[str]) -> float | None:
    """Trains what the flagship builds on and is not there yet, or goes on with it. Returns the
    flagship's share of the budget, which all share by their epochs.
    """
    from train.runs import prerequisites

    for text in changes:
        if text.startswith(prerequisites.LINKS):
            raise UserError(
                f"Expected a recipe with --set {text}, as each has its own; try python -m train {FLAGSHIP} --set {text}."
            )
    recipes = {name: override(load(name), changes) for name in prerequisites.order(FLAGSHIP)}
    over = {
        n
        for n, r in recipes.items()
        if n != FLAGSHIP and prerequisites.finished(n, r, args.limit, args.budget is not None)
    }
    epochs = {n: r.epochs for n, r in recipes.items() if n not in over}
    share = {n: args.budget and args.budget * e / sum(epochs.values()) for n, e in epochs.items()}
    for name in list(share)[:-1]:
        progress.say(f"{FLAGSHIP} builds on {name}, which comes first")
        _run(args, name, recipes[name], ROOT / "runs" / name, share[name], resume=True)
    return share[FLAGSHIP]


def _run(
    args: argparse.Namespace,
    name: str,
    recipe: Recipe,
    out: Path,
    budget: float | None,
    resume: bool,
) -> int:
    from core.faces import best_detector
    from train.batches.data import load_parts
    from train.export.export import export_run
    from train.loop import distributed
    from train.loop.trainer import Run

    folders = data_folders(args.data) if args.data else {"*": "."}  # drawn data sets need no folder
    with distributed.first_of_machine():
        detector, about = best_detector()
        progress.say(f"detector: {about}")
        train_parts = load_parts(recipe, folders, "train", detector, args.limit)
        if args.profile:
            return _profile(args, name, recipe, train_parts)
        val_parts = load_parts(recipe, folders, "val", detector, args.limit)
    run = Run(recipe, out)
    run.facts["limit"] = args.limit
    if resume:
        progress.say(
            f"resumed after epoch {run.epoch}"
            if run.resume()
            else f"nothing to resume in {out}; starts anew"
        )
    run.train(train_parts, val_parts, budget)
    if distributed.is_main():
        progress.say(f"model and card: {export_run(out, name, train_parts, val_parts)}")
    return 0


def _profile(args: argparse.Namespace, name: str, recipe: Recipe, parts: Sequence[Part]) -> int:
    from train.loop.profile import describe, profile

    found = {"recipe": name, **profile(recipe, parts)}
    print(json.dumps(found) if args.json else describe(name, found))
    return 0


def _list(as_json: bool) -> int:
    from train.loop.initialize import count_parameters

    rows: list[dict[str, Any]] = []
    for name in registry.names("train.recipes"):
        recipe = load(name)
        row = {
            "name": name,
            "source": recipe.source,
            "model": recipe.model.options.get("name", recipe.model.family),
        }
        row |= {
            "data": list(recipe.data),
            "expected": dict(recipe.expected),
            "parameters": count_parameters(recipe),
        }
        rows.append(row)
    if as_json:
        print(json.dumps({"recipes": rows}))
    else:
        names, models = (max(len(r[k]) for r in rows) for k in ("name", "model"))
        for r in rows:
            size = f"{r['parameters']['total']:>11,} parameters"
            told = "".join(
                f", {figure.replace('_', ' ')} {value:g}" for figure, value in r["expected"].items()
            )
            print(
                f"{r['name']:{names}}  {r['model']:{models}} {size}  {'+'.join(r['data'])}  ({r['source']}{told})"
            )
    return 0


def _show(name: str, recipe: Recipe, as_json: bool) -> int:
    from train.loop.initialize import count_parameters

    shown: dict[str, Any] = {
        "name": name,
        "recipe": recipe.to_dict(),
        "parameters": count_parameters(recipe),
    }
    print(json.dumps(shown) if as_json else json.dumps(shown, indent=2))
    return 0
