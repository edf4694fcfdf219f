"""IMDB-WIKI: 523,051 faces of celebrities with age and gender from their pages.

Rothe, Timofte, Van Gool, IJCV 2016. Layout of the publishers, the face crops with 40 % margin:
imdb_crop/imdb.mat and wiki_crop/wiki.mat, either or both, with the pictures in folders 00-99 beside
them. A .mat holds dob (Matlab day number), photo_taken (year), full_path, gender (0 female, 1 male,
NaN unknown), name, face_score (-Inf: no face) and second_face_score (NaN: no second face). Age is
that on the first of July of the year of the photograph. A picture is left out, with the reason,
where no face or a weak one was detected, where there is a second face (the label may be the other
person's), and where dates or age are impossible. There is no official split: ours is 80/10/10 by
the hash of the name, so that no person is divided, nor between IMDb and Wikipedia. The part of
Wikipedia alone is the data set `wiki`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite, isnan, nan
from pathlib import Path
from typing import Any

import numpy as np

from core.data.base.origin import Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS, split_of
from core.errors import DataError
from core.labels import AGE_MAX, GENDER2, IMDBWIKI_GENDER

PARTS = ("imdb", "wiki")
FIELDS = ("dob", "photo_taken", "full_path", "gender", "name", "face_score", "second_face_score")
MIN_SCORE = 1.0
"""Weakest face that is kept; what public preparations of this set use."""
MATLAB_DAYS = 366
"""Matlab counts days from year 0, Python from year 1."""
SPLITS = OURS
ORIGIN = Origin(
    "IMDB-WIKI",
    "Rothe, Timofte and Van Gool, IJCV 2016",
    "academic research only",
    labels={
        "gender": "what IMDb and Wikipedia say of a person, as one of two",
        "age": "the time between birth and photograph, both as the web gives them",
    },
    more={"age": "Some are another person's."},
    note="IMDB-WIKI has no official split: ours is 80/10/10 with nobody on two sides.",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split. Group: `source` (imdb or wiki).

    Raises:
        DataError: no .mat file, a damaged one, or the split is empty.
    """
    return load_parts("imdb_wiki", root, split)


def load_parts(name: str, root: str | Path, split: str, parts: Sequence[str] = PARTS) -> Samples:
    """Return the pictures of one split of some parts, for a data set of that name.

    Raises:
        DataError: as `load`.
    """
    check_split(split, SPLITS)
    root = locate(root, name, [m for part in parts for m in (f"{part}.mat", f"{part}_crop")])
    tables = [
        f"{at}{p}.mat"
        for p in parts
        for at in (f"{p}_crop/", "")
        if (root / at / f"{p}.mat").is_file()
    ]
    if not tables:
        raise DataError(
            f"Expected {' or '.join(f'{p}_crop/{p}.mat' for p in parts)} in {root}, got none; try "
            "--data DIR."
        )
    rows: list[Row] = []
    problems: list[Problem] = []
    for table in tables:
        part, below = Path(table).stem, table.rpartition("/")[0]
        for number, about in enumerate(_entries(root / table, part), 1):
            if split not in (
                "all",
                split_of(about.name.casefold().strip() or about.full_path),
            ):
                continue
            file = f"{below}/{about.full_path}".lstrip("/")
            age, reason = _age(about)
            if reason or not about.full_path:
                problems.append(Problem(file, f"row {number} of {table}: {reason or 'no path'}"))
                continue
            has_gender = about.gender in (0, 1)
            gender = GENDER2.index(IMDBWIKI_GENDER[int(about.gender)]) if has_gender else -1
            rows.append(Row(file, gender=gender, age=age, groups={"source": part}))
    return build(name, split, root, rows, problems, tables=tables, tight=False)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the publishers' table has of a picture; a text is "" and a number NaN where missing."""

    dob: float
    photo_taken: float
    full_path: str
    gender: float
    name: str
    face_score: float
    second_face_score: float


def _entries(path: Path, part: str) -> Iterator[_Entry]:
    """Yield the entry of each picture."""
    from scipy.io import loadmat

    try:
        table = loadmat(path, squeeze_me=True, variable_names=[part])[part]
        columns = {f: np.atleast_1d(table[f].item()) for f in FIELDS}
    except Exception as error:  # scipy raises almost any type on damaged files
        raise DataError(
            f"Expected the publishers' table in {path}, got: {type(error).__name__}: {error}; try "
            "to download it again."
        ) from error
    sizes = {len(c) for c in columns.values()}
    if len(sizes) != 1:
        raise DataError(
            f"Expected columns of one length in {path}, got {sorted(sizes)}; try to download it "
            "again."
        )
    for cells in zip(*columns.values(), strict=True):
        dob, photo_taken, full_path, gender, name, face_score, second_face_score = cells
        yield _Entry(
            dob=_number(dob),
            photo_taken=_number(photo_taken),
            full_path=_text(full_path),
            gender=_number(gender),
            name=_text(name),
            face_score=_number(face_score),
            second_face_score=_number(second_face_score),
        )


def _text(cell: object) -> str:
    return str(cell) if isinstance(cell, str) else ""


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return nan


def _age(about: _Entry) -> tuple[float, str | None]:
    """Return (age in years, None), or (NaN, why the picture is left out)."""
    if not isfinite(about.face_score):
        return nan, "no face was found"
    if about.face_score < MIN_SCORE:
        return nan, f"the face is uncertain: score {about.face_score:.2f} below {MIN_SCORE}"
    if not isnan(about.second_face_score):
        return nan, "there is a second face"
    try:
        birth = date.fromordinal(int(about.dob) - MATLAB_DAYS)
        taken = date(int(about.photo_taken), 7, 1)
    except (ValueError, OverflowError):
        return nan, f"impossible dates: day {about.dob}, year {about.photo_taken}"
    age = taken.year - birth.year - ((taken.month, taken.day) < (birth.month, birth.day))
    return (float(age), None) if 0 <= age <= AGE_MAX else (nan, f"impossible age: {age} years")
