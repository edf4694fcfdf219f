"""Write summary.json, the curves and TensorBoard's events of run folders anew."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from core import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    parser.add_argument(
        "--json", action="store_true", help="the last one's summary as one JSON object on stdout"
    )


def run(args: argparse.Namespace) -> int:
    """Rewrite the summaries and return the exit status."""
    from evaluation.training_runs.run_folder import CURVES, PICTURE, SUMMARY
    from train.network.build import count_parameters
    from train.runs import summary

    for folder in args.runs:
        content = summary.rewrite(folder, count_parameters)
        progress.say(
            f"{folder / SUMMARY}, {CURVES}, {PICTURE}: {content.state}, best epoch "
            f"{content.best['epoch']:.0f}"
        )
    if args.json:
        print(json.dumps(content.to_dict()))
    return 0
