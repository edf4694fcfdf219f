"""Writes a predictions table of any size with invented answers, for speed tests: eight emotion probabilities, gender, age, groups.

    python scripts/generate_predictions.py --rows 1000000 --out /tmp/m.parquet [--models 1] [--seed 0]

The same seed gives the same table. Written in parts, so memory does not grow with the rows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evaluation.store.generate import generate  # noqa: E402


def main() -> int:
    """See the module's text."""
    p = argparse.ArgumentParser(description="Invented predictions for speed tests.")
    p.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    p.add_argument("--models", type=int, default=1, help="default: %(default)s")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", type=Path, required=True, metavar="T.parquet")
    args = p.parse_args()
    generate(args.out, args.rows, args.models, args.seed)
    print(f"{args.out}: {args.rows:,} rows, {args.out.stat().st_size / 2**20:.0f} MB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
