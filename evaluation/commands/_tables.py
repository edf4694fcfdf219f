"""The arguments that name predictions tables and say how to read them, for several commands."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.progress import say
from evaluation.analysis.by_group.groups import left_out
from evaluation.commands._options import add_options
from evaluation.predictions import arrays
from evaluation.predictions import table as predictions_table
from evaluation.predictions.importing.arguments import add_import, import_options
from evaluation.predictions.importing.opening import open_table
from evaluation.report.formatting import left_out_lines

NO_SPLIT = "no split"
"""What rows without a split are called; --split takes it, too."""
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

    Rows whose split is null or "" are under NO_SPLIT; a table with one split or none is under "".

    Raises:
        DataError: There is no such split.
    """
    column = pa.array([NO_SPLIT] * len(table), pa.string())
    if "split" in table.column_names:
        has_split = pc.fill_null(pc.not_equal(table["split"], ""), False)
        column = pc.if_else(has_split, table["split"], NO_SPLIT)
    names = sorted(pc.unique(column).to_pylist(), key=NO_SPLIT.__eq__)  # it comes last
    if split is not None and split not in names:
        have = ", ".join(sorted(names)) or NO_SPLIT
        raise DataError(f"Expected --split to be one of {have}, got {split!r}.")
    if split is not None:
        return {"": table.filter(pc.equal(column, split))}
    if len(names) < 2:
        return {"": table}
    return {name: table.filter(pc.equal(column, name)) for name in names}


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


def read_one_model(path: Path) -> pa.Table:
    """Read a table whose rows are all of one model, for commands that take no name of one.

    Raises:
        DataError: No such table, not one of predictions, or of several models.
    """
    rows = predictions_table.read(path)
    models = pc.unique(rows["model"]).to_pylist()
    if len(models) > 1:
        raise DataError(
            f"Expected predictions of one model in {path}, got {', '.join(sorted(models))}; "
            "write a table for each."
        )
    return rows


def unique_names(paths: Sequence[Path], taken: Collection[str] = ()) -> list[str]:
    """Return a name for each table: its file's, or the whole path where that name is taken."""
    names: list[str] = []
    for path in paths:
        names.append(str(path) if path.stem in (*taken, *names) else path.stem)
    return names


def require_figures(has_figures: bool, path: Path) -> None:
    """Refuse a table that no figure can be computed from.

    Raises:
        DataError: It is one.
    """
    if not has_figures:
        raise DataError(
            f"Expected rows of {path} with both a truth and a prediction of a task, got none; "
            "fill in what is missing, or name other columns with --map."
        )
