"""List the pictures that a recipe learns from and is validated on, without the pictures.

    python -m scripts.picture_list mien --data DIR --out assets/splits/mien.parquet

Columns dataset, id (the sample_id of tables, relative to the data set's folder) and split.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.cli import run_program
from core.files import atomic_file
from train.batches.data import read_split
from train.recipe.arguments import data_folders
from train.recipe.recipe import Recipe, load

SPLITS = ("train", "val")


def list_pictures(recipe: Recipe, data: str) -> pa.Table:
    """Return one row a picture: columns dataset, id and split, all text.

    Args:
        recipe: whose data sets are listed.
        data: as `--data` of a training.

    Raises:
        DataError: a data set is missing or cannot be read.
    """
    folders = data_folders(data)
    parts = [
        pa.table(
            {
                "dataset": [name] * len(samples),
                "id": list(samples.ids),
                "split": [split] * len(samples),
            }
        )
        for split in SPLITS
        for name in recipe.datasets(split)
        for samples in [read_split(name, folders, split)]
    ]
    return pa.concat_tables(parts)


def run(args: argparse.Namespace) -> None:
    """Write the list."""
    rows = list_pictures(load(args.recipe), args.data)
    with atomic_file(args.out) as file:
        pq.write_table(rows, file, compression="zstd")


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.picture_list",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", metavar="RECIPE", help="see `python -m train --list`")
    parser.add_argument("--data", required=True, metavar="DIR", help="as for `python -m train`")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the list")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
