"""Rows of a data set as `Samples`, and its tables read so that a broken row is named."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path

import numpy as np

from core.data.base.files import picture_folder, survey
from core.data.base.samples import (
    Problem,
    Samples,
    TargetColumns,
    missing,
    most_frequent,
    one_hot,
)
from core.data.base.table_header import MAX_HEADER_BYTES
from core.errors import DataError


@dataclass(slots=True)
class Row:
    """One picture.

    Attributes:
        file: name relative to the data folder.
        emotion: index in FERPLUS8, -1 missing.
        gender: index in GENDER2, -1 missing.
        age: years, NaN missing.
        votes: shares of FERPLUS8, where the label is soft; without them all weight is on `emotion`.
        groups: values by name of the group.
        age_range: youngest and oldest age, where the label is a range; `age` is its middle.
    """

    file: str
    emotion: int = -1
    gender: int = -1
    age: float = nan
    votes: Sequence[float] | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    age_range: tuple[float, float] | None = None


def build(
    name: str,
    split: str,
    root: Path,
    rows: Sequence[Row],
    problems: Sequence[Problem] = (),
    *,
    tables: Sequence[str] = (),
    tight: bool = True,
    hint: str = "try --data DIR or another --split",
    surveyed: tuple[str, dict[str, str]] | None = None,
) -> Samples:
    """Return samples of the readable pictures; missing, damaged and repeated ones become problems.

    Args:
        name: of the data set.
        split: of the samples.
        root: the data folder.
        rows: one for each picture.
        problems: files that were left out before.
        tables: files that the fingerprint covers too, relative to `root`.
        tight: see `Samples`.
        hint: what the message of an error advises.
        surveyed: what `survey` would return, where the files cannot be looked at here.

    Raises:
        DataError: nothing is left; says the most frequent reason and `hint`.
    """
    unique = {r.file: r for r in reversed(rows)}  # of a repeated file the first row counts
    repeated = [
        Problem(r.file, "listed more than once; the first row counts")
        for r in rows
        if unique[r.file] is not r
    ]
    content, bad = surveyed or survey(root, list(unique), tables)
    left_out = (*problems, *repeated, *(Problem(f, reason) for f, reason in bad.items()))
    good = [r for r in rows if unique[r.file] is r and r.file not in bad]
    if not good:
        raise DataError(
            f"Expected pictures for the {split} split of {name} in {root}, got none"
            f"{most_frequent(left_out)}; {hint}."
        )
    ranges = None
    if any(row.age_range for row in good):
        ranges = np.array([row.age_range or (row.age, row.age) for row in good], np.float32)
    keys = sorted({k for r in good for k in r.groups})
    groups = {k: np.array([r.groups.get(k, "") for r in good]) for k in keys}
    ids = tuple(r.file for r in good)
    paths = tuple(root / i for i in ids)
    return Samples(
        name,
        split,
        root,
        ids,
        paths,
        **_targets(good),
        age_ranges=ranges,
        groups=groups,
        fingerprint=content,
        problems=left_out,
        tight=tight,
    )


def _targets(rows: Sequence[Row]) -> TargetColumns:
    columns = missing(len(rows))
    columns["emotion"][:] = [r.emotion for r in rows]
    columns["gender"][:] = [r.gender for r in rows]
    columns["age"][:] = [r.age for r in rows]
    columns["emotion_votes"] = one_hot(columns["emotion"])
    for i, row in enumerate(rows):
        if row.votes is not None:
            columns["emotion_votes"][i] = row.votes
    return columns


def read_csv(
    path: Path, columns: Sequence[str], order: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str], str | None]]:
    """Yield row number, cells by column, and what is wrong, for every row with content.

    The file's first row is row 1. Column names are compared without case and surrounding blanks.
    Cells are divided by the comma, semicolon or tab that the first line has most of.

    Args:
        path: the table.
        columns: needed ones.
        order: all columns of a table without a header; none: a header is needed.

    Raises:
        DataError: the file is empty or lacks one of `columns`.
    """
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        first_line = file.readline(MAX_HEADER_BYTES)
        file.seek(0)
        reader = csv.reader(file, delimiter=max(",;\t", key=first_line.count))
        header, number = None, 0
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                yield number, {}, f"row {number}: {error}"
                continue
            if not any(c.strip() for c in cells):
                continue
            if header is None:
                header = [c.strip().lower() for c in cells]
                lacking = [c for c in columns if c.lower() not in header]
                if not lacking:
                    continue
                if not order or len(lacking) < len(columns):
                    raise DataError(
                        f"Expected columns {', '.join(columns)} in {path}, got "
                        f"{', '.join(cells)[:99]}; try the original file."
                    )
                header = [c.lower() for c in order]
            row = dict(zip(header, (c.strip() for c in cells), strict=False))
            reason = None
            if absent := [c for c in columns if not row.get(c.lower())]:
                reason = f"row {number}: expected a value for {', '.join(absent)}"
            elif any(cells[len(header) :]):
                reason = f"row {number}: expected {len(header)} cells, got {len(cells)}"
            yield number, row, reason
        if header is None:
            raise DataError(
                f"Expected a table in {path}, got an empty file; try the original file."
            )


def read_pictures(
    root: Path,
    table: str,
    columns: Sequence[str],
    order: Sequence[str] = (),
    *,
    inside: str = "",
    usual: Iterable[str] = (),
) -> Iterator[tuple[int, str, dict[str, str], str | None]]:
    """Yield row number, picture, cells by column, and what is wrong, as `read_csv` has them.

    A picture's name is relative to `root`, wherever below it the pictures are; names in the table
    may have backslashes.

    Args:
        root: the data folder.
        table: relative to `root`.
        columns: needed ones; the first has the names.
        order: as in `read_csv`.
        inside: folder that the table's names leave out.
        usual: as in `picture_folder`.

    Raises:
        DataError: as `read_csv`.
    """
    entries = list(read_csv(root / table, columns, order))
    start = f"{inside}/" if inside else ""
    names = [
        start + cells.get(columns[0].lower(), "").replace("\\", "/") for _, cells, _ in entries
    ]
    below = picture_folder(root, names, usual)
    for (number, cells, reason), name in zip(entries, names, strict=True):
        yield number, below + name, cells, reason


def missing_tables(root: Path, expected: Iterable[str], present: Iterable[str]) -> DataError:
    """Return the error for a data folder without a table that the split needs.

    Args:
        root: the data folder.
        expected: names of the tables.
        present: names of those that are there.
    """
    return DataError(
        f"Expected the publishers' {' and '.join(expected)} in {root}, got "
        f"{', '.join(present) or 'none'}; try --data DIR or another --split."
    )
