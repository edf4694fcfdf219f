"""The commands of `python -m train` but training itself. Torch is imported only where it is needed,
so that --help answers at once.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from core import progress, registry
from core.artifacts.downloads import ROOT
from core.errors import UserError
from train.fit import FLAGSHIP
from train.recipe.arguments import data_folders, drawn, seconds
from train.recipe.recipe import load


def _summary(argv: list[str], prog: str) -> int:
    parser = argparse.ArgumentParser(
        prog,
        description="Write summary.json, curves.html and TensorBoard's events of run folders anew.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    parser.add_argument(
        "--json", action="store_true", help="the last one's summary as one JSON object on stdout"
    )
    args = parser.parse_args(argv)
    from train.runs import summary

    for folder in args.runs:
        found = summary.write(folder)
        progress.say(
            f"{folder / summary.SUMMARY}, {summary.CURVES}: {found['state']}, best epoch {found['best']['epoch']}"
        )
    if args.json:
        print(json.dumps(found))
    return 0


def _prepare(argv: list[str], prog: str) -> int:
    parser = argparse.ArgumentParser(
        prog, description="Detect and align every picture of a data set once, into the cache."
    )
    parser.add_argument("dataset", help="a data set of core/data")
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--split", default=None, help="one split (default: train and val)")
    parser.add_argument(
        "--recipe", default=FLAGSHIP, help="whose crops and samples (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    from core.data.base.crop_cache import prepare
    from core.faces import best_detector
    from train.batches.data import relabel

    recipe = load(args.recipe)
    detector, about = best_detector()
    progress.say(f"detector: {about}")
    module = registry.load("core.data", args.dataset)
    folders = data_folders(args.data)
    folder = folders.get(args.dataset, folders.get("*"))
    if folder is None:
        raise UserError(
            f"Expected a folder for {args.dataset} in {args.data}, got only {sorted(folders)}."
        )
    for split in [args.split] if args.split else ["train", "val"]:
        samples, _ = relabel(
            module.load(folder, split), recipe
        )  # the samples that its training asks for
        with progress.task(f"align {args.dataset} {split}", len(samples)) as advance:
            made = prepare(samples, detector, recipe.input, progress=advance)
        counts = {
            state: int((made.found == code).sum())
            for state, code in (("aligned", 1), ("whole picture", 0), ("unreadable", -1))
        }
        progress.say(
            f"{args.dataset} {split}: {len(samples)} pictures, {counts}, {len(samples.problems)} left out by name or label"
        )
    return 0


def _export(argv: list[str], prog: str) -> int:
    parser = argparse.ArgumentParser(
        prog,
        description="Write a checkpoint as a bundle: model.onnx with its card inside, and card.md.",
    )
    parser.add_argument(
        "checkpoint",
        type=Path,
        help="a run folder, one of its checkpoints, or a bundle with its weights",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="data to calibrate and measure on; without it the card carries no figures",
    )
    parser.add_argument("--name", help="the model's name (default: that of the output folder)")
    parser.add_argument("--version", help="the model's version, for its card")
    parser.add_argument(
        "--int8",
        action="store_true",
        help="8-bit integers: a quarter of the size, three times as fast; needs --data",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a field: model.options.mirror=true",
    )
    args = parser.parse_args(argv)
    from core.artifacts.bundle import MODEL_FILE
    from core.faces import best_detector
    from train.batches.data import load_parts
    from train.export.export import VERSION, export
    from train.loop.initialize import network

    model, recipe = network(args.checkpoint, args.set)
    if args.int8 and not (args.data or drawn(recipe) or recipe.qat):
        raise UserError(
            "Expected --data DIR with --int8, got none: training pictures show the ranges that 8 bits are to cover. Without pictures leave "
            "--int8 out, or export a run of --set qat=true, which has learnt its ranges."
        )
    train_parts, val_parts = [], []
    if args.data or (args.int8 and drawn(recipe)):
        folders = data_folders(args.data) if args.data else {"*": "."}
        detector, about = best_detector()
        progress.say(f"detector: {about}")
        train_parts = load_parts(recipe, folders, "train", detector)
        val_parts = load_parts(recipe, folders, "val", detector)
    made = export(
        model,
        recipe,
        args.name or args.out.name,
        args.out,
        train_parts,
        val_parts,
        args.int8,
        args.version or VERSION,
    )
    progress.say(f"model and card: {made}, {(made / MODEL_FILE).stat().st_size / 1e6:.1f} MB")
    return 0


def _study(argv: list[str], prog: str) -> int:
    parser = argparse.ArgumentParser(
        prog,
        description="Train the members of a study on the same data and budget, then write one table.",
        epilog="Members that are finished are not trained again; those that were stopped go on. Exit status: 0 where all members have "
        "their figures, 2 or 1 where one failed (the table says why; the others are in it).",
    )
    parser.add_argument("name", nargs="?", help="a study of --list")
    parser.add_argument("--list", action="store_true", help="all studies and their members")
    parser.add_argument(
        "--data", metavar="DIR", help="folder of the data sets, or a JSON file {data set: folder}"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=ROOT / "runs" / "study",
        help="run folders and tables (runs/study)",
    )
    parser.add_argument("--epochs", type=int, help="of every member, instead of its recipe's")
    parser.add_argument(
        "--budget",
        type=seconds,
        metavar="TIME",
        help="of all training together, in equal shares for those still to train",
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="N samples of each data set, spread over it, for a try",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="as for a run; a study always goes on where it stopped",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="override a field of every member",
    )
    parser.add_argument(
        "--table", action="store_true", help="train nothing: the table of what is there"
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="also replace the study's section in FILE, such as train/RESULTS.md",
    )
    parser.add_argument(
        "--json", action="store_true", help="the table as one JSON object on stdout"
    )
    args = parser.parse_args(argv)
    if args.list:
        return _list_studies(args.json)
    if args.name is None:
        raise UserError(
            f"Expected the name of a study, got none; there are {', '.join(registry.names('train.studies'))}."
        )
    from train.study import run as study_run
    from train.study.definition import Plan, find

    folders = data_folders(args.data) if args.data else None
    plan = Plan(
        args.name,
        find(args.name),
        args.out,
        args.data,
        folders,
        args.epochs,
        args.budget,
        args.limit,
        tuple(args.set),
    )
    found, status = study_run.run(plan, " ".join([prog, *map(_quoted, argv)]), train=not args.table)
    if args.results:
        study_run.into_results(args.results, found)
    print(json.dumps(found, allow_nan=False) if args.json else study_run.markdown(found))
    return status


def _quoted(word: str) -> str:
    """A word for a shell, readable also with single quotes inside."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def _list_studies(as_json: bool) -> int:
    from train.study.definition import find

    studies = {name: find(name) for name in registry.names("train.studies")}
    if as_json:
        rows = [
            {
                "name": n,
                "title": s.title,
                "source": s.source,
                "members": [m.folder for m in s.members],
            }
            for n, s in studies.items()
        ]
        print(json.dumps({"studies": rows}))
    else:
        for name, study in studies.items():
            print(
                f"{name:{max(map(len, studies))}}  {study.title}  ({study.source}): {', '.join(m.folder for m in study.members)}"
            )
    return 0


def _gradcam(argv: list[str], prog: str) -> int:
    from train.gradcam import run

    return run(argv, prog)


def _ensemble(argv: list[str], prog: str) -> int:
    from train.ensemble.build import run

    return run(argv, prog)


COMMANDS = {
    "prepare": _prepare,
    "export": _export,
    "gradcam": _gradcam,
    "ensemble": _ensemble,
    "study": _study,
    "summary": _summary,
}
