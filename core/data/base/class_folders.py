"""Class-per-folder trees: SPLIT/CLASS/picture or CLASS/picture, at any depth below one folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from core.data.base.files import SUFFIXES, files, suffix
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples
from core.data.base.splits import carve, split_of
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "publictest"), "val"),
    **dict.fromkeys(("test", "testing", "privatetest"), "test"),
}
Classify = Callable[[str], dict[str, int] | None]


def split_name(folder: str) -> str | None:
    """Return the split that a folder's name means, e.g. `Training` or `FER2013Test`, or None."""
    return SPLIT_NAMES.get(re.sub(r"^fer2013|[^a-z]", "", folder.lower()).removesuffix("set"))


def emotions(codes: Sequence[str] = (), first: int = 0) -> Classify:
    """Return a reader of folder names as emotions in any known spelling, or as numbers.

    Args:
        codes: emotions by number; none: numbers are refused.
        first: the number of the first of them.
    """

    def classify(folder: str) -> dict[str, int] | None:
        label = folder
        if folder.isdecimal():
            at = int(folder) - first
            if not 0 <= at < len(codes):
                return None
            label = codes[at]
        try:
            return {"emotion": FERPLUS8.index(label)}
        except DataError:
            return None

    return classify


def genders(folder: str) -> dict[str, int] | None:
    """Return the perceived gender that a folder's name means, or None."""
    try:
        return {"gender": GENDER2.index(folder)}
    except DataError:
        return None


def load_tree(name: str, root: Path, split: str, classify: Classify) -> Samples:
    """Return the pictures of one split.

    Without a val folder a tenth of train is val; without any split folder all is divided 80/10/10
    by name.

    Args:
        name: of the data set.
        root: its folder.
        split: "train", "val", "test" or "all".
        classify: the name of a folder -> its label, or None where it is no class.

    Raises:
        DataError: no class folder is known, a class has no pictures, or the split is empty.
    """
    top, problems = _level(root, classify), list[Problem]()
    by_split: dict[str, list[str]] = {}
    for folder in _folders(top):
        if (part := split_name(folder)) is not None:
            by_split.setdefault(part, []).append(folder)
    if by_split:
        has_classes = any(_folders(top / f) for folders in by_split.values() for f in folders)
    else:
        has_classes = any(classify(folder) for folder in _folders(top))
    if not has_classes:
        raise DataError(
            f"Expected a folder `{name}` in {root}, or folders of splits or classes, got "
            f"{', '.join(_folders(root)[:9]) or 'no folders'}; try --data DIR."
        )
    if by_split:
        rows = _rows_of_split(name, top, split, by_split, classify, problems)
    else:
        rows = _classes(top, "", classify, problems)
        rows = [r for r in rows if split in ("all", split_of(r.file))]
    return build(
        name,
        split,
        top,
        sorted(rows, key=lambda r: r.file),
        problems,
        tight=True,
        hint="try --data DIR; classes are folders",
    )


def _rows_of_split(
    name: str,
    top: Path,
    split: str,
    by_split: Mapping[str, Sequence[str]],
    classify: Classify,
    problems: list[Problem],
) -> list[Row]:
    """Return the rows of a split where folders divide the data; adds to `problems`.

    Args:
        name: of the data set.
        top: where the split folders are.
        split: as in `load_tree`.
        by_split: split -> its folders.
        classify: as in `load_tree`.
        problems: files that are left out.

    Raises:
        DataError: no folder is of the split.
    """
    is_val_carved = "val" not in by_split
    sources = {"all": list(by_split), "val": ["train"] if is_val_carved else ["val"]}
    parts = [part for part in sources.get(split, [split]) if part in by_split]
    if not parts:
        raise DataError(
            f"Expected a folder for the {split} split of {name} in {top}, got "
            f"{', '.join(_folders(top))}; try another --split."
        )
    return [
        row
        for part in parts
        for folder in by_split[part]
        for row in _classes(top, f"{folder}/", classify, problems)
        if split in ("all", carve(part, row.file) if is_val_carved else part)
    ]


def _classes(root: Path, below: str, classify: Classify, problems: list[Problem]) -> list[Row]:
    """Return the pictures of all class folders in `root / below`; adds to `problems`."""
    rows: list[Row] = []
    for folder in _folders(root / below):
        label = classify(folder)
        names, odd = files(root / below / folder)
        folder_name = f"{below}{folder}"
        problems += [Problem(f"{folder_name}/{p.file}", p.reason) for p in odd]
        if label is None:
            problems.append(Problem(folder_name, f"not a known class; {len(names)} files in it"))
            continue
        pictures = [n for n in names if suffix(n) in SUFFIXES]
        problems += [
            Problem(f"{folder_name}/{n}", "not a picture file")
            for n in names
            if suffix(n) not in SUFFIXES
        ]
        if not pictures:
            raise DataError(
                f"Expected pictures of a class in {root / folder_name}, got none; add some, or "
                "remove the folder."
            )
        # mypy: the names in a label are those of a row's fields.
        rows += [Row(f"{folder_name}/{n}", **label) for n in pictures]  # type: ignore[arg-type]
    return rows


def _level(root: Path, classify: Classify) -> Path:
    """Return where the split or class folders are.

    That is `root`, or below folders that hold a single one, as archives often do.
    """
    for _ in range(4):
        inner = _folders(root)
        if len(inner) != 1 or any(split_name(f) or classify(f) for f in inner):
            break
        root /= inner[0]
    return root


def _folders(root: Path) -> list[str]:
    return sorted(
        p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))
    )
