"""What the commands that measure the demo have in common: options, the verdict on their targets,
and how they end.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from apps.webcam.__main__ import MODEL
from core.errors import status
from evaluation.report.gates import FAILED

Result = dict[str, Any]
"""What was measured; `met`: target -> whether it is met, None where that was not measured."""
WORDS = {True: "met", False: "MISSED", None: "not measured"}


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """A command line with the options that all have."""
    p = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    p.add_argument(
        "--model",
        type=Path,
        default=MODEL,
        help="model file or its folder, or an ensemble's (default: the shipped one)",
    )
    p.add_argument("--json", action="store_true", help="one JSON object on stdout")
    p.add_argument(
        "--gate",
        action="store_true",
        help=f"exit with {FAILED} where a target is missed or not measured",
    )
    return p


def run(
    args: argparse.Namespace,
    measure: Callable[[argparse.Namespace], Result],
    show: Callable[[Result, Console], None],
) -> int:
    """Measures and tells. Exit status 2: the user's mistake; 1: the system's; with --gate, 3: a
    target is missed or not measured.
    """
    met: dict[str, bool | None] = {}

    def work() -> None:
        result = measure(args)
        if args.json:
            print(json.dumps(result, allow_nan=False))
        else:
            console = Console(highlight=False)
            show(result, console)
            for target, kept in result["met"].items():
                console.print(f"{WORDS[kept]:6}  {target}")
        met.update(result["met"])

    ended = status(work, debug=False)
    return FAILED if args.gate and not ended and not (met and all(met.values())) else ended
