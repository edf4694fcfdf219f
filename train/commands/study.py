"""Train the members of a study on the same data and budget, then write one table.

Members that are finished are not trained again; those that were stopped are resumed. Exit status:
0 where all members have their figures, 2 or 1 where one failed (the table says why; the others are
in it).
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from core import registry
from core.cli import add_trust, trust_option
from core.errors import UserError
from core.system import ROOT
from train.commands._arguments import add_training
from train.recipe.arguments import data_folders

ON_INTERRUPT = "stopped; nothing finished is lost, the same command goes on"
DEFAULT_OUT = ROOT / "runs" / "study"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", nargs="?", help="a study of --list")
    parser.add_argument("--list", action="store_true", help="all studies and their members")
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=DEFAULT_OUT,
        help="run folders and tables (runs/study)",
    )
    parser.add_argument(
        "--table", action="store_true", help="train nothing; tabulate the runs that are there"
    )
    parser.add_argument(
        "--members",
        default="",
        metavar="A,B",
        help="these alone, with those that they start from (default: all)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="also replace the study's section in FILE, such as docs/training.md",
    )
    add_training(parser)
    add_trust(parser)


def run(args: argparse.Namespace) -> int:
    """Train and tabulate; return the exit status."""
    if args.list:
        return _list_studies(args.json)
    if args.name is None:
        raise UserError(
            "Expected the name of a study, got none; there are "
            f"{', '.join(registry.names('train.studies'))}."
        )
    from train.study import page
    from train.study import run as study_run
    from train.study.definition import find, select, with_seeds
    from train.study.plan import StudyPlan

    plan = StudyPlan(
        args.name,
        with_seeds(select(find(args.name), [name for name in args.members.split(",") if name])),
        args.out,
        args.data,
        data_folders(args.data) if args.data else None,
        args.epochs,
        args.budget,
        args.limit,
        tuple(args.set),
        args.trust,
    )
    result, status = study_run.run(plan, _command_line(args), train=not args.table)
    if args.results:
        page.replace_section(args.results, result)
    if args.json:
        print(json.dumps(result.to_dict(), allow_nan=False))
    else:
        print(page.markdown(result))
    return status


def _command_line(args: argparse.Namespace) -> str:
    """Return the command that makes the same table, for readers on other machines."""
    words = ["python", "-m", "train", "study", args.name]
    words += ["--data", _place(args.data, "DIR")] if args.data else []
    words += ["--out", _place(args.out, "OUT")] if args.out != DEFAULT_OUT else []
    words += ["--epochs", str(args.epochs)] if args.epochs is not None else []
    words += ["--budget", f"{args.budget:g}s"] if args.budget is not None else []
    words += ["--limit", str(args.limit)] if args.limit is not None else []
    words += [word for text in args.set for word in ("--set", text)]
    words += ["--members", args.members] if args.members else []
    words += ["--table"] if args.table else []
    words += trust_option(is_trusted=args.trust)
    words += ["--results", _place(args.results, "FILE")] if args.results else []
    return " ".join(map(_quoted, words))


def _place(path: str | Path, placeholder: str) -> str:
    """Return a relative path as it is, and a placeholder for an absolute one."""
    return placeholder if Path(path).is_absolute() else str(path)


def _quoted(word: str) -> str:
    """Quote a word for a shell, readable also with single quotes inside."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def _list_studies(as_json: bool) -> int:
    from train.study.definition import find

    studies = {name: find(name) for name in registry.names("train.studies")}
    if as_json:
        rows = [
            {
                "name": name,
                "title": study.title,
                "source": study.source,
                "members": [m.folder for m in study.members],
            }
            for name, study in studies.items()
        ]
        print(json.dumps({"studies": rows}))
        return 0
    width = max(map(len, studies))
    for name, study in studies.items():
        members = ", ".join(m.folder for m in study.members)
        print(f"{name:{width}}  {study.title}  ({study.source}): {members}")
    return 0
