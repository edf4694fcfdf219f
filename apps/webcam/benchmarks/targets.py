"""What the measuring commands share: options, the check of their targets, and the exit status."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from rich.console import Console

from apps.webcam.options import add_model_argument
from core.cli import add_debug, exit_status
from evaluation.report.gates import STATUS_FAILED

VERDICTS = {True: "met", False: "MISSED", None: "not measured"}


class MeasuredTargets(Protocol):
    """A report with targets."""

    @property
    def met(self) -> Mapping[str, bool | None]:
        """Whether each target is met, by its text; None where it was not measured."""
        ...

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object of the command line."""
        ...


Report = TypeVar("Report", bound=MeasuredTargets)


def build_parser(
    module: str, description: str, *, takes_model: bool = True
) -> argparse.ArgumentParser:
    """Return a parser with the options that all measuring commands have."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    if takes_model:
        add_model_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--gate",
        action="store_true",
        help=f"exit with {STATUS_FAILED} if a target is missed or not measured",
    )
    add_debug(parser)
    return parser


def run(
    args: argparse.Namespace,
    measure: Callable[[argparse.Namespace], Report],
    show: Callable[[Report, Console], None],
) -> int:
    """Measure, print the report, and return the exit status.

    Args:
        args: As parsed by `build_parser`.
        measure: Returns the report.
        show: Prints the report as tables, without the targets.

    Returns:
        0; 2 on the user's mistake; 1 on ours; with `--gate` 3 if a target is missed or not
        measured, also because of Ctrl-C.
    """
    met: dict[str, bool | None] = {}

    def work() -> None:
        report = measure(args)
        if args.json:
            print(json.dumps(report.to_dict(), allow_nan=False))
        else:
            console = Console(highlight=False)
            show(report, console)
            for target, is_met in report.met.items():
                console.print(f"{VERDICTS[is_met]:6}  {target}", soft_wrap=True)
        met.update(report.met)

    status = exit_status(work, debug=args.debug, on_interrupt=None)
    if args.gate and not status and not (met and all(met.values())):
        return STATUS_FAILED
    return status
