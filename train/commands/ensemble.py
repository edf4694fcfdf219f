"""Combine several models into one by weighted averages, and measure what that gains.

The weights are chosen on validation data, task by task, and kept only where they beat equal ones.
The folder that it writes holds copies of the models and ensemble.json. It can be used wherever a
model can, such as `python -m evaluation predict --model OUT` or `python -m apps.webcam --model
OUT`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from core.cli import add_trust
from train.commands._arguments import add_data, add_json, add_limit
from train.recipe.arguments import data_folders


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "models",
        nargs="+",
        type=Path,
        metavar="MODEL",
        help="bundles: model files or their folders",
    )
    add_data(parser, required=True)
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="the new ensemble's folder"
    )
    parser.add_argument(
        "--dataset",
        action="append",
        help="may be repeated (default: those that the models' cards name)",
    )
    parser.add_argument("--name", help="the ensemble's name (default: that of the output folder)")
    parser.add_argument(
        "--flip",
        action="store_true",
        help="flip averaging in every member: twice the time",
    )
    parser.add_argument(
        "--labels",
        metavar="SPACE",
        help="emotion label space, such as FER7 (default: the smallest of the members')",
    )
    add_limit(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Build and measure the ensemble; return the exit status."""
    from train.ensemble.build import build
    from train.ensemble.report import show

    result = build(
        args.models,
        data_folders(args.data),
        args.out,
        args.name or args.out.name,
        args.flip,
        {"emotion": args.labels} if args.labels else {},
        args.dataset,
        args.limit,
        is_trusted=args.trust,
    )
    if args.json:
        print(json.dumps(result.to_dict(), allow_nan=False))
    else:
        show(result)
    return 0
