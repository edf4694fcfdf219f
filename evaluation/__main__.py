"""`python -m evaluation`: one command per file of `evaluation/commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from core.cli import run_commands


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status of the process."""
    return run_commands(
        "evaluation.commands",
        "python -m evaluation",
        "Where a model fails: predictions, figures, benchmarks.",
        argv,
    )


if __name__ == "__main__":
    sys.exit(main())
