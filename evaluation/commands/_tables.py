"""The arguments that name a predictions table, for several commands."""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa

from evaluation.predictions import arrays, table
from evaluation.predictions.table import column_map


def add_table(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Add the table, --map and --model."""
    parser.add_argument("table", type=Path, metavar="T.parquet", help=help_text)
    add_map(parser, "column of the contract = column of the file")
    parser.add_argument("--model", help="which model, where the table holds several")


def add_map(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Add --map."""
    parser.add_argument("--map", action="append", default=[], metavar="OURS=THEIRS", help=help_text)


def read_table(args: argparse.Namespace) -> pa.Table:
    """Read the rows of one model that `add_table`'s arguments name.

    Raises:
        DataError: No such table or model, or not a predictions table.
    """
    return arrays.one_model(table.read(args.table, names=column_map(args.map)), args.model)
