"""APPA-REAL: 7,591 faces with real and apparent ages (Agustsson et al., FG 2017).

Layout of the publishers: gt_avg_train.csv, gt_avg_valid.csv and gt_avg_test.csv (file_name,
num_ratings, apparent_age_avg, apparent_age_std, real_age) beside the folders train, valid and test
with 000000.jpg and, cropped, 000000.jpg_face.jpg; the crops are taken where they exist. Also one
table labels.csv (file, real_age) with names such as train/train_000000.jpg. `age` is the real one.
"""

from __future__ import annotations

from pathlib import Path

from core.data.base.class_folders import split_name
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build, missing_tables, read_pictures
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS
from core.labels import AGE_MAX

FOLDERS = {"train": "train", "val": "valid", "test": "test"}
TABLES = {f"gt_avg_{folder}.csv": part for part, folder in FOLDERS.items()}
ONE_TABLE = "labels.csv"
SPLITS = OURS
ORIGIN = Origin(
    "APPA-REAL",
    "Agustsson et al., FG 2017",
    RESEARCH,
    labels={"age": "the real age at the time of the picture, as people gave it"},
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split, the publishers'.

    Raises:
        DataError: a table is missing or has other columns, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "appa_real", (*TABLES, ONE_TABLE))
    tables = [t for t in TABLES if (root / t).is_file()] or [
        t for t in (ONE_TABLE,) if (root / t).is_file()
    ]
    if not tables or (tables != [ONE_TABLE] and split not in ("all", *map(TABLES.get, tables))):
        expected = [t for t, part in TABLES.items() if split in ("all", part)]
        raise missing_tables(root, expected, tables)
    rows: list[Row] = []
    problems: list[Problem] = []
    for table in tables:
        if split in ("all", TABLES.get(table, split)):
            _read(root, table, split, rows, problems)
    faces = all(row.file.endswith("_face.jpg") for row in rows) or tables == [ONE_TABLE]
    return build("appa_real", split, root, rows, problems, tables=tables, tight=faces)


def _read(root: Path, table: str, split: str, rows: list[Row], problems: list[Problem]) -> None:
    """Append the rows of one table that belong to the split, and what is wrong with others."""
    column = "file" if table == ONE_TABLE else "file_name"
    folder = FOLDERS.get(TABLES.get(table, ""), "")
    for number, file, cells, reason in read_pictures(
        root, table, (column, "real_age"), inside=folder
    ):
        part = TABLES.get(table) or split_name(Path(file).name.partition("_")[0])
        if split not in ("all", part):
            continue
        age = _age(cells.get("real_age", ""))
        if part is None:
            reason = reason or f"row {number}: expected a name such as train_000000.jpg, got {file}"
        elif age is None:
            reason = reason or (
                f"row {number}: expected an age of 0-{AGE_MAX}, got {cells['real_age'][:20]!r}"
            )
        if reason or age is None:
            problems.append(Problem(table, str(reason)))
            continue
        rows.append(
            Row(f"{file}_face.jpg" if (root / f"{file}_face.jpg").is_file() else file, age=age)
        )


def _age(text: str) -> float | None:
    """Return years, or None where the text is no age of a person."""
    try:
        age = float(text.replace(",", "."))
    except ValueError:
        return None
    return age if 0 <= age <= AGE_MAX else None
