"""Command line options shared by the demo and the commands that measure it."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli import add_trust

SHIPPED_MODEL = Path(__file__).resolve().parents[2] / "assets" / "models" / "mien"


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, which defaults to the shipped model, and `--trust`."""
    parser.add_argument(
        "--model",
        type=Path,
        default=SHIPPED_MODEL,
        help="model file or folder, or an ensemble's folder (default: the shipped model)",
    )
    add_trust(parser)
