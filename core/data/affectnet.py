"""AffectNet: faces from web searches in six languages, eight emotions (arXiv 1708.03985).

Mollahosseini, Hasani, Mahoor, IEEE TAC 2017. Three layouts, in this order:

1. training.csv and validation.csv, in the folder or in Manually_Annotated_file_lists:
   subDirectory_filePath, box, landmarks, expression; pictures below Manually_Annotated_Images.
   Paths may have backslashes. Codes 8 none, 9 uncertain, 10 no face carry no label and are left
   out.
2. train_set and val_set with images/N.jpg (224x224 crops) and annotations/N_exp.npy.
3. Class folders, by number 0-7 or by name, as in copies on Kaggle.

The publishers keep their test set, so there is none in the first two; results in papers are those
of `val`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.data.base.class_folders import emotions, load_tree
from core.data.base.files import SUFFIXES, files, suffix
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build, read_pictures
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS
from core.errors import DataError
from core.labels import AFFECTNET8, AFFECTNET_CODES, FERPLUS8

TABLES = {"train": "training.csv", "val": "validation.csv"}
LISTS = ("", "Manually_Annotated_file_lists/", "Manually_Annotated/")
PICTURES = (
    "Manually_Annotated_Images",
    "Manually_Annotated/Manually_Annotated_Images",
    "Manually_Annotated",
)
FOLDERS = {"train": "train_set", "val": "val_set"}
COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
SPLITS = OURS
ORIGIN = Origin(
    "AffectNet",
    "Mollahosseini, Hasani and Mahoor, IEEE TAC 2017",
    f"{RESEARCH}, by agreement with the publishers",
    labels={"emotion": "what one of twelve annotators saw in a picture"},
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split; those without one of the eight labels are in `problems`.

    Raises:
        DataError: no known layout, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(
        root,
        "affectnet",
        (*TABLES.values(), *FOLDERS.values(), *(p.rstrip("/") for p in LISTS if p)),
    )
    tables = {s: at + t for s, t in TABLES.items() for at in LISTS if (root / at / t).is_file()}
    arrays = {s: f for s, f in FOLDERS.items() if (root / f / "annotations").is_dir()}
    if not tables and not arrays:
        return load_tree("affectnet", root, split, emotions(AFFECTNET8.labels))
    splits = tables or arrays
    if split != "all" and split not in splits:
        raise DataError(
            f"Expected a split that is in {root}: {', '.join(splits)}, got {split!r}; the "
            "publishers keep their test set."
        )
    rows: list[Row] = []
    problems: list[Problem] = []
    for part in splits if split == "all" else [split]:
        if tables:
            _from_table(root, tables[part], rows, problems)
        else:
            _from_arrays(root, arrays[part], rows, problems)
    labels = (
        [tables[s] for s in tables if split in ("all", s)]
        if tables
        else [_array_of(r.file) for r in rows]
    )
    return build("affectnet", split, root, rows, problems, tables=labels, tight=not tables)


def _from_table(root: Path, table: str, rows: list[Row], problems: list[Problem]) -> None:
    columns = ("subDirectory_filePath", "expression")
    for number, file, cells, reason in read_pictures(root, table, columns, COLUMNS, usual=PICTURES):
        emotion, why = _emotion(cells.get("expression", ""))
        if reason or why:
            problems.append(Problem(table if reason else file, reason or f"row {number}: {why}"))
        else:
            rows.append(Row(file, emotion))


def _from_arrays(root: Path, folder: str, rows: list[Row], problems: list[Problem]) -> None:
    names, odd = files(root / folder)
    problems += [Problem(f"{folder}/{p.file}", p.reason) for p in odd]
    for name in names:
        if not name.startswith("images/") or suffix(name) not in SUFFIXES:
            continue
        file = f"{folder}/{name}"
        try:
            code = np.load(root / _array_of(file), allow_pickle=False)
            emotion, why = _emotion(str(code.item()))
        except (OSError, ValueError, EOFError) as error:
            why = f"its annotation cannot be read: {error}"
        if why:
            problems.append(Problem(file, why))
        else:
            rows.append(Row(file, emotion))


def _array_of(picture: str) -> str:
    """Return train_set/annotations/7_exp.npy for train_set/images/7.jpg."""
    folder, _, name = picture.rpartition("/images/")
    return f"{folder}/annotations/{Path(name).stem}_exp.npy"


def _emotion(code: str) -> tuple[int, str | None]:
    """Return (index in FERPLUS8, None) of a code 0-10, or (-1, why there is none)."""
    if not code.isdecimal() or int(code) >= len(AFFECTNET_CODES):
        return -1, f"expected an expression code 0-{len(AFFECTNET_CODES) - 1}, got {code[:20]!r}"
    label = AFFECTNET_CODES[int(code)]
    return (
        (FERPLUS8.index(label), None)
        if label in AFFECTNET8.labels
        else (-1, f"annotated as {label}")
    )
