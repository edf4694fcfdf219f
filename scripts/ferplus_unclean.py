"""Make assets/splits/ferplus_unclean.parquet: a split with the faults of a course's data set.

    python -m scripts.ferplus_unclean --data DIR --out assets/splits/ferplus_unclean.parquet

A FER capstone notebook (2024, unpublished) began with 20,214 pictures in 74.7 / 24.6 / 0.6 %, of
which copies stood in training and validation and many labels were wrong; it kept 18,981 of them.
Here, likewise: the labels are those of FER2013 (Goodfellow et al., arXiv 1307.0414), which FER+
corrected; 18,981 pictures are drawn in the notebook's shares of the classes; the 1,233 others are
copies of training pictures in validation, the most that the notebook can have had.

DIR holds FER2013Train, FER2013Valid and `fer2013_labels.csv` (columns folder, file, fer2013_label).
The list names pictures relative to its own folder: copy it into DIR before training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from core.cli import run_program, seed_number
from core.data import manifest
from core.data.ferplus_fer2013 import LABELS
from core.labels import FER4
from scripts.ferplus_four import class_sizes

SIZES = {"train": 15_109, "val": 4_977, "test": 128}
COPIES = 1_233
"""Training pictures that stand in validation, too; counted in its size."""


def divide(labels: pa.Table, seed: int = 0) -> pa.Table:
    """Return the list: columns id, root, path, split and emotion.

    Args:
        labels: FER2013's label of each picture: columns folder, file, fer2013_label.
        seed: of the draw.

    Raises:
        DataError: there are too few pictures of the four classes.
    """
    rng = np.random.default_rng(seed)
    emotion = np.array(labels["fer2013_label"].to_pylist())
    paths = np.array([f"{r['folder']}/{r['file']}" for r in labels.to_pylist()])
    of_class = {name: np.flatnonzero(emotion == name) for name in FER4.labels}
    sizes = class_sizes({k: len(v) for k, v in of_class.items()}, sum(SIZES.values()) - COPIES)
    drawn = rng.permutation(
        np.concatenate([rng.permutation(rows)[: sizes[k]] for k, rows in of_class.items()])
    )
    n_train, n_test = SIZES["train"], SIZES["test"]
    copies = rng.choice(drawn[:n_train], COPIES, replace=False)
    n_val = len(drawn) - n_train - n_test + COPIES
    rows = np.concatenate([drawn, copies])
    ids = [*paths[drawn], *(f"copy/{path}" for path in paths[copies])]
    return pa.table(
        {
            "id": ids,
            "root": ["source"] * len(rows),
            "path": paths[rows],
            "split": ["train"] * n_train + ["test"] * n_test + ["val"] * n_val,
            "emotion": emotion[rows],
        }
    ).sort_by("id")


def run(args: argparse.Namespace) -> None:
    """Draw, divide and write."""
    table = divide(csv.read_csv(args.data / LABELS), args.seed)
    about = manifest.About(
        dataset="fer2013",
        fingerprint=sha256((args.data / LABELS).read_bytes()).hexdigest(),
        roots={"source": "."},
        tight=True,
        made_by={"by": "scripts/ferplus_unclean.py", "seed": args.seed, "copies": COPIES},
    )
    pq.write_table(
        table.replace_schema_metadata({manifest.KEY: about.to_json()}), args.out, compression="zstd"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.ferplus_unclean",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the FER+ folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the list")
    parser.add_argument("--seed", type=seed_number, default=0, help="default: %(default)s")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
