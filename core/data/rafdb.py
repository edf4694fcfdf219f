"""RAF-DB, single-label basic emotions: 15,339 faces from the web, some 40 annotators each.

Li, Deng, Du, CVPR 2017. Layout of the publishers (folder `basic`):
EmoLabel/list_patition_label.txt (sic) with lines `train_00001.jpg 5`, codes 1-7;
Image/aligned/train_00001_aligned.jpg (100x100) or Image/original/train_00001.jpg; and, where it
exists, Annotation/manual/train_00001_manu_attri.txt: five landmarks, then gender, race and an age
band. The common other form is folders named 1-7: DATASET/train/5/train_00001_aligned.jpg. Splits:
the publishers' train and test; a tenth of train is val, decided by the hash of the name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from core.data.base.class_folders import emotions, load_tree
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS, carve
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2, RAF7, RAFDB_AGE, RAFDB_GENDER, RAFDB_RACE

LISTS = tuple(
    f"{place}EmoLabel/{name}"
    for place in ("", "basic/")
    for name in ("list_patition_label.txt", "list_partition_label.txt")
)
NAME = re.compile(r"(?P<stem>(?P<part>train|test)_\d+)(_aligned)?\.jpg", re.IGNORECASE)
CODES = tuple(str(code) for code in range(1, len(RAF7) + 1))
COMPOUND_CLASSES = 11
"""Classes of the publishers' other list, of mixed emotions such as happily surprised."""
SPLITS = OURS
ORIGIN = Origin(
    "RAF-DB",
    "Li, Deng and Du, CVPR 2017",
    f"{RESEARCH}, by agreement with the publishers",
    labels={
        "emotion": "what some forty annotators saw in a picture",
        "gender": "the data set's binary annotation by look",
    },
    note="A tenth of RAF-DB's training part is our validation part.",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split.

    Groups, with the publishers' annotations: `race` and `age_band`.

    Raises:
        DataError: neither the label list nor class folders, a list of another form or coding, or
            the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "rafdb", LISTS)
    list_file = next((label for label in LISTS if (root / label).is_file()), None)
    if list_file is None:
        return load_tree("rafdb", root, split, emotions(RAF7.labels, first=1))
    basic = (root / list_file).parent.parent
    aligned = (basic / "Image" / "aligned").is_dir()
    rows: list[Row] = []
    problems: list[Problem] = []
    tables = [(root / list_file).relative_to(basic).as_posix()]
    for part, stem, code in _read_list(root / list_file):
        if split not in ("all", carve(part, stem)):
            continue
        about = f"Annotation/manual/{stem}_manu_attri.txt"
        gender, groups = -1, dict[str, str]()
        if (basic / about).is_file():
            tables.append(about)
            try:
                gender, groups = _attributes(
                    (basic / about).read_text(encoding="utf-8", errors="replace").split()
                )
            except DataError as error:
                problems.append(
                    Problem(about, f"the picture stays, without gender and groups: {error}")
                )
        picture = f"Image/aligned/{stem}_aligned.jpg" if aligned else f"Image/original/{stem}.jpg"
        rows.append(Row(picture, FERPLUS8.index(RAF7.labels[code - 1]), gender, groups=groups))
    return build("rafdb", split, basic, rows, problems, tables=tables, tight=aligned)


def _read_list(path: Path) -> list[tuple[str, str, int]]:
    """Return part, name without its ending, and code 1-7 of every line.

    Raises:
        DataError: a line has another form, so that the list may mean other classes; says which.
    """
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    numbered = [(i, line.split()) for i, line in enumerate(lines, 1) if line.strip()]
    codes = [words[1] for _, words in numbered if len(words) == 2]
    entries: list[tuple[str, str, int]] = []
    for number, words in numbered:
        match = NAME.fullmatch(words[0])
        if match is None or len(words) != 2 or words[1] not in CODES:
            raise DataError(
                "Expected every line to be `train_NUMBER.jpg CODE` or `test_NUMBER.jpg CODE` with "
                f"a code 1-7, got line {number}, {' '.join(words)[:60]!r}, in {path}; "
                f"{_other_coding(words, match is not None, codes)}; try the publishers' list of "
                "the seven basic emotions."
            )
        entries.append((match["part"], match["stem"], CODES.index(words[1]) + 1))
    return entries


def _other_coding(words: Sequence[str], is_named: bool, codes: Sequence[str]) -> str:
    """Return what a list looks like whose first unexpected line has `words`.

    Args:
        words: of the line.
        is_named: the line begins with a picture's name.
        codes: second words of all lines that have two.
    """
    if not is_named:
        return "it looks like a list with a header, or of other pictures"
    if len(words) < 2:
        return "the line has no code"
    if len(words) > 2:
        return f"it looks like a list with {len(words)} columns, of which one may be the emotion"
    numbers = {int(code) for code in codes if code.isdecimal() and len(code) < 4}
    if len(numbers) < len(set(codes)):
        return "it looks like a list with other codes than whole numbers"
    if 0 in numbers:
        return (
            "it looks like codes from zero (0-6), one below the publishers'"
            if max(numbers) < len(RAF7)
            else f"it looks like codes 0-{max(numbers)} of another data set"
        )
    if max(numbers) <= COMPOUND_CLASSES:
        return f"it looks like the list of {COMPOUND_CLASSES} compound emotions (codes 1-11)"
    return f"it looks like codes up to {max(numbers)} of another data set"


def _attributes(words: Sequence[str]) -> tuple[int, dict[str, str]]:
    """Return gender and groups of ten coordinates and the codes of gender, race and age band."""
    try:
        gender, race, band = (int(float(w)) for w in words[10:])
        if min(gender, race, band) < 0:
            raise IndexError
        label = RAFDB_GENDER[gender]
        groups = {"race": RAFDB_RACE[race], "age_band": RAFDB_AGE[band]}
    except (ValueError, IndexError, OverflowError) as error:
        raise DataError(
            "Expected ten coordinates and the codes of gender, race and age, got "
            f"{' '.join(words[10:])[:60]!r}."
        ) from error
    return GENDER2.labels.index(label) if label in GENDER2.labels else -1, groups
