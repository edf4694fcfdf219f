"""`python -m train`: the commands of `train/commands`; without one, `run`."""

from __future__ import annotations

import sys

from core import cli
from train.commands import run

EPILOG = """examples:
  python -m train --data DIR                    train what assets/models/mien ships
  python -m train --data DIR --budget 90m       the same within ninety minutes
  python -m train --list                        all recipes
  python -m train mien_teacher --data DIR --set optim.lr=1e-3 --epochs 20
  python -m train study fer_colour --data DIR   a family of recipes and its table; study --list
  python -m train prepare ferplus --data DIR    detect and align once, into the cache
  python -m train export runs/mien --data DIR --int8 --out mymodel
Ctrl-C is safe: the same command with --resume continues after the last finished epoch."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    return cli.run_commands(
        "train.commands",
        "python -m train",
        "Train recipes, export bundles, run studies.",
        argv,
        default=run,
        epilog=EPILOG,
        on_interrupt="stopped; finished files are kept",
    )


if __name__ == "__main__":
    sys.exit(main())
