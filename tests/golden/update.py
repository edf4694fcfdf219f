"""Rewrites golden files: `python -m tests.golden.update [NAME ...]`; without names, all of them.

Prints what changed in each, values apart from intervals, before it writes. `--dry-run` writes
nothing. Read `git diff tests/golden/files` before you commit.
"""

from __future__ import annotations

import argparse
import json
import sys

from tests.golden.compare import TOLERANCE, comparable, differences, text
from tests.golden.goldens import FILES, GOLDENS


def main(argv: list[str] | None = None) -> int:
    """Rewrites the golden files named in `argv`.

    Returns:
        Exit status: 0, or 2 for an unknown name.
    """
    parser = argparse.ArgumentParser("python -m tests.golden.update", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--dry-run", action="store_true", help="say what differs, write nothing")
    args = parser.parse_args(argv)
    if unknown := sorted(set(args.names) - set(GOLDENS)):
        print(f"no golden named {', '.join(unknown)}; one of {', '.join(GOLDENS)}", file=sys.stderr)
        return 2
    FILES.mkdir(exist_ok=True)
    for name in args.names or GOLDENS:
        file, now = FILES / f"{name}.json", comparable(GOLDENS[name]())
        if file.exists():
            golden = json.loads(file.read_text(encoding="utf-8"))
            lines = [line for kind in TOLERANCE for line in differences(golden, now, kind)]
        else:
            lines = ["new"]
        if lines:
            print(f"{name}:", *lines, sep="\n  ")
        if not args.dry_run:
            file.write_text(text(now) + "\n", encoding="utf-8")
    if not (args.names or args.dry_run):
        for file in FILES.glob("*.json"):
            if file.stem not in GOLDENS:
                print(f"{file.stem}: no golden any more, removed")
                file.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
