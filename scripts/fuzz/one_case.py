"""One case again, in a process with a temporary folder of its own.

    python -m scripts.fuzz.one_case TARGET SEED CASE [--json] [--debug]

`python -m scripts.fuzz TARGET --case CASE` starts it: other programs' files come and go in the
shared temporary folder, and would count as left.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict

from core import registry
from core.cli import run_program
from core.system import ROOT
from scripts.fuzz.case import run_case, watch_lookups
from scripts.fuzz.worker import TARGETS


def run_alone(target: str, seed: int, case: int, *, as_json: bool, debug: bool) -> int:
    """Start this program and return its exit status."""
    options = ["--json"] * as_json + ["--debug"] * debug
    words = ["-m", "scripts.fuzz.one_case", target, str(seed), str(case), *options]
    with tempfile.TemporaryDirectory(prefix="mien-fuzz-") as folder:
        env = os.environ | {"TMPDIR": folder}
        return subprocess.run([sys.executable, *words], cwd=ROOT, env=env, check=False).returncode


def run(args: argparse.Namespace) -> None:
    """Run the case and print what came of it, as JSON."""
    module = registry.load(TARGETS, args.target)
    result = run_case(module, args.target, args.seed, args.case, watch_lookups(), debug=args.debug)
    print(json.dumps(asdict(result), indent=None if args.json else 1))


def main() -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(description="Run one case of a target again.")
    parser.add_argument("target")
    parser.add_argument("seed", type=int)
    parser.add_argument("case", type=int)
    parser.add_argument("--json", action="store_true", help="on one line")
    return run_program(parser, run)


if __name__ == "__main__":
    sys.exit(main())
