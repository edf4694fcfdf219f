"""Class-per-folder trees: SPLIT/CLASS/picture or CLASS/picture, at any depth below one folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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

    Raises:
        DataError: no class folder is known, a class has no pictures, or the split is empty.
    """
    given_root, root = root, _level(root, classify)
    tops = _folders(root)
    by_split: dict[str, list[str]] = {}
    for top in tops:
        if (part := split_name(top)) is not None:
            by_split.setdefault(part, []).append(top)
    problems: list[Problem] = []
    rows: list[Row] = []
    classes = (
        [f for top in tops if split_name(top) for f in _folders(root / top)]
        if by_split
        else [f for f in tops if classify(f)]
    )
    if not classes:
        folders = ", ".join(_folders(given_root)[:9]) or "no folders"
        raise DataError(
            f"Expected a folder `{name}` in {given_root}, or folders of splits or classes, got "
            f"{folders}; "
            "try --data DIR."
        )
    if not by_split:
        rows += [
            r for r in _classes(root, "", classify, problems) if split in ("all", split_of(r.file))
        ]
    else:
        carved = "val" not in by_split
        parts = {"all": list(by_split), "val": ["train"] if carved else ["val"]}.get(split, [split])
        if not any(part in by_split for part in parts):
            raise DataError(
                f"Expected a folder for the {split} split of {name} in {root}, got "
                f"{', '.join(tops)}; try another --split."
            )
        for part in parts:
            for top in by_split.get(part, []):
                class_rows = _classes(root, f"{top}/", classify, problems)
                rows += [
                    r
                    for r in class_rows
                    if split in ("all", carve(part, r.file) if carved else part)
                ]
    return build(
        name,
        split,
        root,
        sorted(rows, key=lambda r: r.file),
        problems,
        tight=True,
        hint="try --data DIR; classes are folders",
    )


def _classes(root: Path, below: str, classify: Classify, problems: list[Problem]) -> list[Row]:
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
                "remove "
                "the folder."
            )
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
