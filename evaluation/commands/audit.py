"""audit: what is wrong with a data set: copies, leaks between splits, wrong labels, drift, faulty
pictures; and the repair, never in place.

Each check is a file of evaluation/quality. --fix writes a plan, one row for each thing to do, to be
edited by hand; --findings a file that the studio reviews and makes a plan of; --apply writes a new
manifest by a plan. What was computed of a picture is cached, so a second run reads changed files
only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core import progress, registry
from core.errors import DataError, UserError

SHOWN = 5
WORST = 50
"""Findings of each check that --json and --html hold."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `audit`."""
    parser.add_argument("--dataset", help=f"one of {', '.join(registry.names('core.data'))}")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the data set's folder, or the folder that holds it",
    )
    parser.add_argument(
        "--checks",
        metavar="A,B",
        help="only these checks, `all`, or with a leading + these besides the usual ones",
    )
    parser.add_argument(
        "--list", action="store_true", help="name the checks, their options and defaults, and stop"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="CHECK.OPTION=V",
        help="an option of a check; may be given again",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="only the first N samples of each split"
    )
    parser.add_argument(
        "--model", type=Path, help="model for embeddings (default: the shipped one)"
    )
    parser.add_argument(
        "--fix",
        type=Path,
        metavar="plan.csv",
        help="write a plan of repair: sample_id,action,value,reason,split,fingerprint",
    )
    parser.add_argument(
        "--html",
        type=Path,
        metavar="R.html",
        help="also write the findings as one self-contained page, faces blurred",
    )
    parser.add_argument(
        "--findings",
        type=Path,
        metavar="F.parquet",
        help="write the findings for review: `python -m apps.studio --audit`",
    )
    parser.add_argument("--show-faces", action="store_true", help="--html: do not blur")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="neither read nor write what was computed of each picture",
    )
    parser.add_argument(
        "--apply",
        type=Path,
        metavar="plan.csv",
        help="do what an edited plan says instead of looking for faults",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="--apply: the new folder, with manifest.parquet"
    )
    parser.add_argument(
        "--files",
        choices=("manifest", "link", "copy"),
        default="manifest",
        help="--apply: pictures beside the manifest",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the checks, or applies a plan."""
    from evaluation.quality import (
        load_checks,
        open_context,
        run_check,
    )  # OpenCV and ONNX Runtime, not for --help

    if args.list:
        return _list(args)
    if not args.dataset:
        raise UserError("Expected --dataset D --data DIR, got none; try --list for the checks.")
    if bool(args.apply) != bool(args.out) or (
        args.apply and (args.fix or args.html or args.findings or args.checks or args.limit)
    ):
        raise UserError(
            "Expected --apply plan.csv --out DIR without --fix, --html, --findings, --checks and --limit, got another mixture."
        )
    if args.show_faces and not args.html:
        raise UserError("Expected --html with --show-faces, got it alone; try --html R.html.")
    for path in (args.fix, args.html, args.findings):
        if path is not None:
            writable(path)
    chosen = choose(args.checks)
    context = open_context(
        args.dataset,
        args.data,
        limit=args.limit,
        options=options(args.set),
        cache=not args.no_cache,
        model=args.model,
    )
    if args.apply:
        return _apply(args, context)
    tables: dict[str, pa.Table] = {}
    for name, module in load_checks(chosen).items():
        tables[name] = run_check(module, context)
    found = summary(context, tables)
    if args.fix:
        from evaluation.quality.repair import plan

        # What is no sample (a malformed name, a whole split) is no row of a plan: there is nothing
        # to keep or drop.
        known = pa.array(context.samples.ids)
        rows = plan.write(
            {n: t.filter(pc.is_in(t["sample_id"], known)) for n, t in tables.items()},
            args.fix,
            context.fingerprint,
        )
        found["plan"] = {"file": str(args.fix), "rows": rows}
        progress.say(
            f"{args.fix}: a plan of {rows} rows; edit it, then: python -m evaluation audit ... --apply {args.fix} --out DIR"
        )
    if args.findings:
        from evaluation.quality.repair import review

        rows = review.write(args.findings, tables, context, found, args.data)
        found["findings"] = {"file": str(args.findings), "issues": rows}
        progress.say(
            f"{args.findings}: {rows} findings; to review: python -m apps.studio --audit {args.findings} --images {args.data}"
        )
    if args.html:
        from evaluation.quality.html import page

        write(args.html, page(found, tables, context, blur=not args.show_faces))
    if args.json:
        print(json.dumps(found, allow_nan=False))
    else:
        show(found)
        if not args.checks:
            print(
                f"Not run: {', '.join(found['not_run'])}; try --checks +{found['not_run'][0]}, or --list."
            )
    return 0


def choose(text: str | None) -> list[str]:
    """Names of checks from `--checks`: `a,b`, `+a` (the usual ones and a), `all`; [] are the usual
    ones.

    Raises:
        UserError: a name is unknown.
    """
    from evaluation.quality import load_checks

    if not text:
        return []
    every = [
        n
        for n in registry.names("evaluation.quality.checks")
        if hasattr(registry.load("evaluation.quality.checks", n), "NAME")
    ]
    if text == "all":
        return every
    names = [n.strip() for n in text.removeprefix("+").split(",") if n.strip()]
    if not names:
        raise UserError(f"Expected names of checks, got {text!r}; try --list.")
    load_checks(names)
    return list(dict.fromkeys([*load_checks(), *names] if text.startswith("+") else names))


def options(pairs: list[str]) -> dict[str, dict[str, Any]]:
    """`CHECK.OPTION=VALUE` as check -> option -> value, of the type of its default.

    Raises:
        UserError: no such check or option, or a value of another type.
    """
    from evaluation.quality import load_checks

    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        left, sign, text = pair.partition("=")
        check, _, name = left.partition(".")
        if not sign or not name:
            raise UserError(f"Expected --set CHECK.OPTION=VALUE, got {pair!r}; try --list.")
        known = getattr(load_checks([check])[check], "OPTIONS", {})
        if name not in known:
            raise UserError(
                f"Expected an option of {check} ({', '.join(known) or 'it has none'}), got {name!r}; try --list."
            )
        kind = type(known[name])
        try:
            value = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (ValueError, KeyError):
            raise UserError(f"Expected {left} to be like {known[name]!r}, got {text!r}.") from None
        found.setdefault(check, {})[name] = value
    return found


def summary(context: Any, tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """What --json prints."""
    from evaluation.quality import figures, load_checks

    modules = load_checks(list(tables)) if tables else {}
    made: dict[str, Any] = {}
    for name, table in tables.items():
        issues = table.filter(table["is_issue"])
        made[name] = {
            "title": modules[name].TITLE,
            "issues": len(issues),
            "samples": pc.count_distinct(issues["sample_id"]).as_py(),
            "figures": figures(table),
            "worst": issues.slice(0, WORST).to_pylist(),
        }
    return {
        "dataset": context.samples.name,
        "root": str(context.samples.root),
        "fingerprint": context.fingerprint,
        "samples": len(context),
        "splits": {s: int((context.split == s).sum()) for s in context.splits},
        "left_out": len(context.problems),
        "missing_splits": dict(context.missing),
        "not_run": [n for n in choose("all") if n not in tables],
        "checks": made,
    }


def show(found: Mapping[str, Any]) -> None:
    """The summary as text."""
    from evaluation.report.text import console, grid

    out_console = console()
    splits = ", ".join(f"{s} {n}" for s, n in found["splits"].items())
    out_console.print(
        f"{printable(found['dataset'])} in {printable(found['root'])}: {found['samples']} samples ({splits})",
        soft_wrap=True,
    )
    rows = grid("Findings", "check", "issues", "samples")
    for check in found["checks"].values():
        rows.add_row(check["title"], str(check["issues"]), str(check["samples"]))
    out_console.print(rows)
    for name, check in found["checks"].items():
        plain = {k: v for k, v in check["figures"].items() if not isinstance(v, (dict, list))}
        told = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in plain.items())
        if check["issues"] or told:
            out_console.print(
                f"{check['title']} ({name})" + (f": {told}" if told else ""),
                style="bold",
                soft_wrap=True,
            )
        for row in check["worst"][:SHOWN]:
            where = printable(row["sample_id"] or row["group"] or row["split"] or "")
            out_console.print(
                f"  {row['score']:.2f}  {where}: {printable(row['reason'])}", soft_wrap=True
            )
        if check["issues"] > SHOWN:
            out_console.print(f"  ... and {check['issues'] - SHOWN} more")


def printable(text: str) -> str:
    """`text` for a terminal: control characters and broken encodings written out."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in text
    )


def writable(path: Path) -> None:
    """Tries the place of a result before minutes are spent on it.

    Raises:
        DataError: it is a folder, or its folder is missing or read-only.
    """
    import os

    if path.is_dir():
        raise DataError(f"Expected a file to write, got the folder {path}; try {path / 'audit'}.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise DataError(
            f"Expected to write {path}, got no folder there that may be written; try another place."
        )


def write(path: Path, text: str) -> None:
    """A text file that appears whole.

    Raises:
        DataError: the disk is full or cannot be written; nothing is left behind.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text, encoding="utf-8", errors="backslashreplace")
        new.replace(path)
    except OSError as error:
        raise DataError(f"Expected to write {path}, got: {error}; try another place.") from error
    finally:
        new.unlink(missing_ok=True)


def _list(args: argparse.Namespace) -> int:
    from evaluation.quality import load_checks

    found = [
        {
            "name": name,
            "title": m.TITLE,
            "default": getattr(m, "DEFAULT", True),
            "options": getattr(m, "OPTIONS", {}),
        }
        for name, m in load_checks(choose("all")).items()
    ]
    if args.json:
        print(json.dumps({"checks": found}))
    else:
        for c in found:
            told = " ".join(f"{k}={v}" for k, v in c["options"].items())
            print(
                f"{c['name']:18}{c['title']}{'' if c['default'] else ' (only when named)'}{f': {told}' if told else ''}"
            )
    return 0


def _apply(args: argparse.Namespace, context: Any) -> int:
    from dataclasses import asdict

    from evaluation.quality.repair import apply, plan

    done = asdict(
        apply.apply(plan.read(args.apply, context), context, args.out, args.files, data=args.data)
    )
    if args.json:
        print(json.dumps(done))
    else:
        print(f"{args.out}: " + ", ".join(f"{k} {v}" for k, v in done.items()))
    return 0
