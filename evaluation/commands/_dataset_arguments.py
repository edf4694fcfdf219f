"""Options that the commands share which write a data set anew."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import registry


def add_dataset_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a data set and the folder of the new one."""
    names = ", ".join(registry.names("core.data"))
    parser.add_argument("--dataset", required=True, help=f"one of {names}")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="its folder, or the folder that holds it",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the new folder, with manifest.parquet",
    )
    parser.add_argument(
        "--files",
        choices=("manifest", "link", "copy"),
        default="manifest",
        help="pictures beside the manifest",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="neither read nor write what was computed of each picture",
    )
