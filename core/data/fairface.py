"""FairFace: 97,698 faces from the web, balanced over seven races (arXiv 1908.04913).

Karkkainen and Joo, WACV 2021. Layout of the publishers: fairface_label_train.csv and
fairface_label_val.csv (file, age, gender, race, service_test) beside the folders train and val, or
above a folder that holds these. Splits: the publishers keep their test set, so their val is our
test; a tenth of train is val, decided by the hash of the name.

Ages are bins: 0-2, 3-9, 10-19, ..., 60-69, more than 70. `age` is the middle of a bin, and 75 for
the last; a mean absolute error on it says how far predictions are from these middles. The bin is
the group `age_bin`, and what the loss `age_interval` learns from. Copies that went through a
spreadsheet, which takes two of the bins for dates (`03-Sep`, `Oct-19`), are read too.
"""

from __future__ import annotations

import re
from pathlib import Path

from core.data.base.origin import Origin
from core.data.base.rows import Row, build, missing_tables, read_pictures
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS, carve
from core.errors import DataError
from core.labels import FAIRFACE_AGE, GENDER2

TABLES = {"train": "fairface_label_train.csv", "test": "fairface_label_val.csv"}
SPLITS = OURS
YEARS_OF_70_PLUS = 75.0
"""Years that stand for "more than 70"."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ORIGIN = Origin(
    "FairFace",
    "Karkkainen and Joo, WACV 2021",
    "CC BY 4.0",
    labels={
        "gender": "what at least two of three annotators saw in a picture, as one of two",
        "age": "the middle of the bin that at least two of three annotators chose",
    },
    more={"age": "The bins are 3 to 10 years wide, and open from 70 on."},
    true="by at least two of FairFace's three annotators",
    note="FairFace's validation part is our test part; a tenth of its training part is our "
    "validation part.",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split. Groups: `race` (seven) and `age_bin`.

    Raises:
        DataError: a list is missing or has other columns, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "fairface", TABLES.values())
    tables = {part: name for part, name in TABLES.items() if (root / name).is_file()}
    splits = {"all": list(tables), "val": ["train"]}.get(split, [split])
    if not splits or any(part not in tables for part in splits):
        raise missing_tables(root, [TABLES[part] for part in splits or TABLES], tables.values())
    rows: list[Row] = []
    problems: list[Problem] = []
    for part in splits:
        columns = ("file", "age", "gender", "race")
        for number, file, cells, reason in read_pictures(root, tables[part], columns):
            if split not in ("all", carve(part, Path(file).stem) if part == "train" else part):
                continue
            try:
                if reason:
                    raise DataError(reason)
                rows.append(_row(file, cells))
            except DataError as error:
                problems.append(Problem(tables[part], reason or f"row {number}: {error}"))
    return build("fairface", split, root, rows, problems, tables=[tables[p] for p in splits])


def _row(file: str, cells: dict[str, str]) -> Row:
    """Return the picture of one row of a table.

    Raises:
        DataError: a cell means none of the publishers' labels.
    """
    low, high = age_bin(cells["age"])
    name = "70+" if high == FAIRFACE_AGE[-1][1] else f"{low:02d}-{high:02d}"
    return Row(
        file,
        gender=GENDER2.index(cells["gender"]),
        age=YEARS_OF_70_PLUS if name == "70+" else (low + high) / 2,
        groups={"race": cells["race"].replace("_", " "), "age_bin": name},
        age_range=(low, high),
    )


def age_bin(text: str) -> tuple[int, int]:
    """Return the ends of an age bin as the publishers or a spreadsheet write it.

    >>> age_bin("3-9"), age_bin("03-Sep"), age_bin("2019-10-01"), age_bin("more than 70")
    ((3, 9), (3, 9), (10, 19), (70, 116))

    Raises:
        DataError: it is none of them.
    """
    date = re.sub(r"\s00:00(:00)?", "", text.strip().lower())
    months = re.sub("[a-z]{3,}", lambda m: _month_number(m[0]), date)
    numbers = [int(n) % 100 for n in re.findall(r"\d{1,4}", months)]  # the year 2019 is a 19
    if numbers == [FAIRFACE_AGE[-1][0]]:
        return FAIRFACE_AGE[-1]
    for ends in FAIRFACE_AGE[:-1]:
        as_date = len(numbers) == 3 and set(ends) <= set(numbers) and min(ends) > 0
        if tuple(numbers) == ends or (sorted(numbers) == list(ends) and months != date) or as_date:
            return ends
    bins = ", ".join(f"{low}-{high}" for low, high in FAIRFACE_AGE[:-1])
    raise DataError(f"expected an age of {bins} or more than 70, got {text[:40]!r}")


def _month_number(word: str) -> str:
    return str(MONTHS.index(word[:3]) + 1) if word[:3] in MONTHS else word
