"""All-Age-Faces (AAF): 13,322 mostly Asian faces, each another person, aged 2 to 80.

Cheng et al., Tsinghua Science and Technology 2019. Layout of the publishers: `original images` and
`aligned faces` with 00000A02.jpg (person 00000, aged 2; up to 07380 female), `image sets` with
train.txt and val.txt, lines `00000A02 0`: name and gender, 0 female, 1 male. Where the lists are
missing, gender comes from the number and the split is ours, 80/10/10 by the hash of the number. The
aligned faces are taken where both exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from core.data.base.files import SUFFIXES, files, suffix
from core.data.base.origin import Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS, split_of
from core.errors import DataError
from core.labels import AAF_GENDER, GENDER2

NAME = re.compile(r"(\d{5})A(\d{2})")
LAST_FEMALE = 7380
ALIGNED, LISTS = "aligned faces", "image sets"
SPLITS = OURS
ORIGIN = Origin(
    "All-Age-Faces",
    "Cheng et al., Tsinghua Science and Technology 2019",
    "research; the publishers state no licence",
    labels={
        "gender": "the publishers' list, as one of two",
        "age": "what the publishers' file names say",
    },
    more={"age": "Most people are Asian, nobody is over 80."},
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split; the publishers' lists have train and val, no test.

    Raises:
        DataError: no picture is named as the publishers name them, or the split is empty.
    """
    check_split(split, SPLITS)
    root = _inner(locate(root, "all_age_faces", (ALIGNED, "original images", LISTS)))
    problems: list[Problem] = []
    tables = [f"{LISTS}/{s}.txt" for s in ("train", "val") if (root / LISTS / f"{s}.txt").is_file()]
    listed = {Path(t).stem: _read_list(root, t, problems) for t in tables}
    if listed and split != "all" and split not in listed:
        raise DataError(
            f"Expected a split of the publishers' lists in {root / LISTS}: {', '.join(listed)}, "
            f"got {split!r}."
        )
    names, odd = files(root)
    aligned = any(n.startswith(f"{ALIGNED}/") for n in names)
    pictures = [n for n in names if suffix(n) in SUFFIXES]
    if aligned:
        pictures = [n for n in pictures if n.startswith(f"{ALIGNED}/")]
    names_by_stem: dict[str, str] = {}
    for name in pictures:
        stem = PurePosixPath(name).stem
        if NAME.fullmatch(stem):
            names_by_stem.setdefault(stem, name)
        else:
            odd.append(Problem(name, "malformed name; expected PERSON A AGE such as 00000A02.jpg"))
    if listed:
        gender_by_stem = _listed_genders(listed, split, names_by_stem, problems)
    else:
        # By the publishers' numbering; their lists say the same.
        gender_by_stem = {
            s: int(int(s[:5]) > LAST_FEMALE)
            for s in names_by_stem
            if split in ("all", split_of(s[:5]))
        }
    rows = [
        Row(
            names_by_stem[stem],
            gender=GENDER2.index(AAF_GENDER[gender]),
            age=float(stem.partition("A")[2]),
        )
        for stem, gender in sorted(gender_by_stem.items())
    ]
    return build(
        "all_age_faces", split, root, rows, [*problems, *odd], tables=tables, tight=aligned
    )


def _listed_genders(
    listed: Mapping[str, Mapping[str, int]],
    split: str,
    names_by_stem: Mapping[str, str],
    problems: list[Problem],
) -> dict[str, int]:
    """Return the genders of a split's pictures; pictures or lines without the other are problems.

    Args:
        listed: split -> picture -> gender.
        split: which pictures.
        names_by_stem: picture -> its file.
        problems: to which is added.
    """
    genders: dict[str, int] = {}
    for part, people in listed.items():
        for stem, gender in people.items() if split in ("all", part) else ():
            if stem in names_by_stem:
                genders[stem] = gender
            else:
                reason = f"listed in {part}.txt, but there is no such picture"
                problems.append(Problem(f"{stem}.jpg", reason))
    problems += [
        Problem(name, "in none of the publishers' lists")
        for stem, name in names_by_stem.items()
        if not any(stem in people for people in listed.values())
    ]
    return genders


def _read_list(root: Path, table: str, problems: list[Problem]) -> dict[str, int]:
    people: dict[str, int] = {}
    for number, line in enumerate(
        (root / table).read_text(encoding="utf-8", errors="replace").splitlines(), 1
    ):
        words = line.split()
        if not words:
            continue
        stem = words[0].removesuffix(".jpg")
        if len(words) != 2 or not NAME.fullmatch(stem) or words[1] not in ("0", "1"):
            problems.append(
                Problem(
                    table,
                    f"row {number}: expected a name such as 00000A02 and a gender 0 or 1, got "
                    f"{line[:60]!r}",
                )
            )
        else:
            people[stem] = int(words[1])
    return people


def _inner(root: Path) -> Path:
    """Return the folder `All-Age-Faces Dataset`, in which the archive wraps everything."""
    inner = root / "All-Age-Faces Dataset"
    return inner if inner.is_dir() else root
