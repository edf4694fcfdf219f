"""Command line options shared by the demo and the commands that measure it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from core.cli import add_trust
from core.system import SHIPPED_MODEL

INTERVAL_SECONDS = 300
"""Time that a line of counts stands for, at the least."""


@dataclass(frozen=True, slots=True)
class MonitoringOptions:
    """What the demo counts; nothing unless one of the first two is set.

    Attributes:
        file: The file that lines of counts are appended to, or None.
        metrics: Whether the counts are served at `/metrics`.
        interval_s: Time that a line stands for, at the least.
    """

    file: Path | None = None
    metrics: bool = False
    interval_s: int = INTERVAL_SECONDS


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, which defaults to the shipped model, and `--trust`."""
    parser.add_argument(
        "--model",
        type=Path,
        default=SHIPPED_MODEL,
        help="model file or folder, or an ensemble's folder (default: the shipped model)",
    )
    add_trust(parser)
