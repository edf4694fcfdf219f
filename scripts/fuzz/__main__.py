"""Attack every target with seeded hostile input and count what fails.

Examples:
  python -m scripts.fuzz --minutes 10
  python -m scripts.fuzz tables bundles --seed 7 --json
  python -m scripts.fuzz tables --case 123
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from core import registry
from core.cli import run_program
from core.errors import UserError
from core.progress import say
from evaluation.report.formatting import console, print_table
from scripts.fuzz.one_case import run_alone
from scripts.fuzz.runner import TargetReport, fuzz
from scripts.fuzz.worker import TARGETS

MISSED = 3
"""Exit status where a case failed."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    targets = registry.names(TARGETS)
    p = argparse.ArgumentParser(
        prog="python -m scripts.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(targets)} (default: all)"
    )
    p.add_argument(
        "--minutes", type=float, default=1.0, help="for each target (default: %(default)s)"
    )
    p.add_argument("--seed", type=int, default=0, help="of the cases (default: %(default)s)")
    p.add_argument("--cases", type=int, default=sys.maxsize, help="at most so many for each target")
    p.add_argument("--case", type=int, help="run only this case of one target, with its traceback")
    p.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return p


def run(args: argparse.Namespace) -> int:
    """Print the counts and return the exit status: 3 where a case failed."""
    targets = args.targets or registry.names(TARGETS)
    for target in targets:
        registry.load(TARGETS, target)
    if args.case is not None:
        if len(targets) != 1:
            raise UserError(f"Expected one target with --case, got {len(targets)}.")
        return run_alone(targets[0], args.seed, args.case, as_json=args.json, debug=args.debug)
    reports = []
    for target in targets:
        say(f"{target}: {args.minutes:g} minutes, seed {args.seed}")
        reports.append(fuzz(target, args.seed, 60 * args.minutes, args.cases))
    if args.json:
        print(json.dumps({"targets": [asdict(report) for report in reports]}))
    else:
        show(reports)
    return 0 if all(report.is_clean for report in reports) else MISSED


def show(reports: Sequence[TargetReport]) -> None:
    """Print the counts as a table, and below it what failed."""
    columns = (
        "target",
        "cases",
        "refused",
        "crashes",
        "hangs",
        "swollen",
        "slowest s",
        "peak MB",
        "look-ups",
        "files left",
    )
    rows = (
        [
            r.target,
            *map(str, (r.cases, r.refused, r.crashes, r.hangs, r.swollen)),
            f"{r.slowest_s:.2f}",
            f"{r.peak_memory_mb:.0f}",
            str(r.lookups),
            str(r.files_left),
        ]
        for r in reports
    )
    out = console()
    print_table(out, "Hostile input", columns, rows)
    for r in reports:
        for case, reason in r.failures:
            out.print(f"{r.target} --seed {r.seed} --case {case}: {reason}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
