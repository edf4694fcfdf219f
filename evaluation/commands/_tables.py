"""The arguments that name predictions tables and say how to read them, for several commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.progress import say
from evaluation.analysis.by_group.groups import left_out
from evaluation.commands._options import add_options
from evaluation.predictions import arrays
from evaluation.predictions.importing.arguments import add_import, import_options
from evaluation.predictions.importing.opening import open_table
from evaluation.report.formatting import left_out_lines

TABLE_HELP = "predictions of any model: Parquet, CSV, JSON Lines, Excel, Arrow, or these in gzip"


def add_table(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a predictions table of one model and say how to read it; --json."""
    add_options(parser, "table", help=TABLE_HELP)
    add_import(parser)
    add_options(parser, "--json")
    parser.add_argument("--model", help="which model, where the table holds several")
    add_split(parser)


def add_split(parser: argparse.ArgumentParser) -> None:
    """Add --split."""
    parser.add_argument("--split", help="which split, where the table holds several")


def read_any(path: Path, args: argparse.Namespace) -> pa.Table:
    """Read a table, and say on stderr what was taken for what.

    Raises:
        DataError: No such table, or not one of predictions.
    """
    imported = open_table(path, import_options(args))
    for note in imported.notes:
        say(note)
    for warning in imported.warnings:
        say(f"warning: {warning}")
    return imported.table


def splits(table: pa.Table, split: str | None) -> dict[str, pa.Table]:
    """Return the rows of each split by name, of `split` alone where one is named.

    Rows without a split are under "no split"; a table with one split or none is under "".

    Raises:
        DataError: There is no such split.
    """
    names = pc.unique(table["split"]).to_pylist() if "split" in table.column_names else []
    if split is not None and split not in names:
        have = ", ".join(sorted(n for n in names if n)) or "no split"
        raise DataError(f"Expected --split to be one of {have}, got {split!r}.")
    if split is not None:
        return {"": table.filter(pc.equal(table["split"], split))}
    if len(names) < 2:
        return {"": table}
    parts = {name: table.filter(pc.equal(table["split"], name)) for name in names if name}
    rest = table.filter(pc.is_null(table["split"]))
    return parts | ({"no split": rest} if len(rest) else {})


def read_splits(args: argparse.Namespace) -> dict[str, pa.Table]:
    """Read the rows of one model that `add_table`'s arguments name, by split as `splits` does.

    Raises:
        DataError: No such table, model or split, or not a predictions table.
    """
    parts = splits(arrays.one_model(read_any(args.table, args), args.model), args.split)
    say_splits(parts)
    return parts


def say_splits(parts: Iterable[str]) -> None:
    """Say that several splits are reported, each by itself."""
    if len(names := list(parts)) > 1:
        say(f"{len(names)} splits, each by itself: {', '.join(names)}; --split takes one")


def say_left_out(*tables: pa.Table) -> None:
    """Say which group columns have too many values for groups."""
    groups = dict[str, int]()
    for table in tables:
        groups |= left_out(arrays.coded_groups(table))
    for line in left_out_lines(groups):
        say(line)


def read_table(args: argparse.Namespace) -> pa.Table:
    """Read the rows of one model that `add_table`'s arguments name, of all splits together.

    Raises:
        DataError: No such table, model or split, or not a predictions table.
    """
    table = arrays.one_model(read_any(args.table, args), args.model)
    parts = splits(table, args.split)
    if len(parts) > 1:
        say(f"{len(parts)} splits taken together: {', '.join(parts)}; --split takes one")
        return table
    return parts[""]
