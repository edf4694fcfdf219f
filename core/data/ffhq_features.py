"""FFHQ with the attributes of FFHQ-features-dataset: age, gender and soft emotion scores.

70,000 faces. Pictures: Karras, Laine, Aila, CVPR 2019. Attributes:
github.com/DCGM/ffhq-features-dataset, read from the pictures by Microsoft's Face API, so they are a
machine's predictions, not an annotation by people. json/00000.json is a list with one entry per
face: faceRectangle and faceAttributes with gender, age and emotion (eight scores). The largest face
counts. Pictures lie in any folder, such as images1024x1024/00000/00000.png; where there are several
sizes, the first by name is taken. Split: the publishers' 60,000 for training, the last 10,000 for
validation.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from pathlib import Path, PurePosixPath

import numpy as np

from core.data.base.files import SUFFIXES, files, suffix
from core.data.base.origin import Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.errors import DataError
from core.labels import AGE_MAX, FERPLUS8, GENDER2

TRAIN = 60_000
SPLITS = ("train", "val", "all")
READ = "what Microsoft's Face API read from a picture"
ORIGIN = Origin(
    "FFHQ",
    "Karras, Laine and Aila, CVPR 2019; labels of FFHQ-features-dataset",
    "pictures CC BY-NC-SA 4.0 as a collection; labels CC BY-NC-SA 4.0",
    labels={"emotion": READ, "gender": READ, "age": READ},
    pictures="FFHQ with the labels of FFHQ-features-dataset",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split; those without attributes are in `problems`.

    Raises:
        DataError: no picture has attributes, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "ffhq_features", ["json", "ffhq-features-dataset"])
    names, problems = files(root)
    pictures: dict[str, str] = {}
    tables: dict[str, str] = {}
    for name in names:
        stem = PurePosixPath(name).stem
        if not (len(stem) == 5 and stem.isdecimal()) or split not in (
            "all",
            "train" if int(stem) < TRAIN else "val",
        ):
            continue
        if suffix(name) == ".json":
            tables.setdefault(stem, name)
        elif suffix(name) in SUFFIXES:
            pictures.setdefault(stem, name)
    problems += [
        Problem(pictures[stem], "no attributes: there is no JSON file of that number")
        for stem in sorted(set(pictures) - set(tables))
    ]
    stems = sorted(set(pictures) & set(tables))
    rows: list[Row] = []
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(stems), 4096):
            chunk = stems[start : start + 4096]
            for stem, row in zip(
                chunk, pool.map(lambda s: _row(pictures[s], root / tables[s]), chunk), strict=True
            ):
                if isinstance(row, Row):
                    rows.append(row)
                else:
                    problems.append(Problem(pictures[stem], f"{tables[stem]}: {row}"))
    return build(
        "ffhq_features", split, root, rows, problems, tables=[tables[s] for s in stems], tight=False
    )


def _row(picture: str, path: Path) -> Row | str:
    """Return the row of a picture whose attributes are in `path`, or why there is none."""
    try:
        faces = json.loads(path.read_bytes())
        if not faces:
            return "no face was found"
        about = max(
            faces, key=lambda f: f["faceRectangle"]["width"] * f["faceRectangle"]["height"]
        )["faceAttributes"]
        votes = np.zeros(len(FERPLUS8), np.float64)
        for label, score in about["emotion"].items():
            votes[FERPLUS8.index(label)] += float(score)
        age, gender = float(about["age"]), GENDER2.index(about["gender"])
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        DataError,
    ) as error:
        return (
            f"expected faceAttributes with gender, age and emotion, got {type(error).__name__}: "
            f"{error}"
        )
    if not (
        np.isfinite(votes).all()
        and votes.min() >= 0
        and votes.sum() > 0
        and isfinite(age)
        and 0 <= age <= AGE_MAX
    ):
        return f"expected scores from 0 and an age of 0-{AGE_MAX}, got {votes.tolist()} and {age}"
    return Row(picture, int(votes.argmax()), gender, age, votes=(votes / votes.sum()).tolist())
