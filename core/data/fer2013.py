"""FER2013: 35,887 grey pictures of 48x48, seven emotions (arXiv 1307.0414).

Goodfellow et al., ICONIP 2013. The publishers' form is one table, fer2013.csv (columns emotion,
pixels, Usage) or icml_face_data.csv (the same in another order): its pictures are written as PNGs
into the user's cache once, keyed by the table's content, and named as FER+ names them (row 0 is
fer0000000.png). Splits: Training, PublicTest (val), PrivateTest (test). The common other form is
folders, train/angry/*.jpg and test/...: without a val folder a tenth of train is val.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from core.data.base.class_folders import emotions, load_tree
from core.data.base.files import cached_folder
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build, read_csv
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS
from core.labels import FER7, FERPLUS8

TABLES = ("fer2013.csv", "icml_face_data.csv")
USAGES = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
SPLITS = OURS
ORIGIN = Origin(
    "FER2013",
    "Goodfellow et al., ICONIP 2013",
    RESEARCH,
    labels={"emotion": "the word that a picture was found by on the web, looked over by people"},
)
SIDE = 48
INDEX = "index.json"


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split, from the table or from class folders.

    Folders are names, or numbers in FER2013's order.

    Raises:
        DataError: neither a table nor class folders, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "fer2013", TABLES)
    table = next(
        (
            t
            for target in (root, root / "fer2013")
            for name in TABLES
            if (t := target / name).is_file()
        ),
        None,
    )
    if table is None:
        return load_tree("fer2013", root, split, emotions(FER7.labels))
    with table.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    folder = cached_folder(f"fer2013-{content[:16]}", lambda target: _unpack(table, target))
    index = json.loads((folder / INDEX).read_bytes())
    rows = [
        Row(name, FERPLUS8.index(FER7.labels[code]))
        for name, code in index["rows"]
        if split in ("all", USAGES[name.partition("/")[0]])
    ]
    problems = [Problem(table.name, reason) for reason in index["problems"]]
    return build("fer2013", split, folder, rows, problems, tables=[INDEX])


def _unpack(table: Path, target: Path) -> None:
    """Write every sound row of `table` as a PNG, and an index of codes and broken rows."""
    rows, problems = [], []
    for usage in USAGES:
        (target / usage).mkdir()
    for number, cells, reason in read_csv(table, ("emotion", "pixels", "Usage")):
        if reason is None:
            try:
                pixels = np.array(cells["pixels"].split(), np.int64)
                code, usage = int(cells["emotion"]), cells["usage"]
                if pixels.size != SIDE * SIDE or pixels.min() < 0 or pixels.max() > 255:
                    reason = (
                        f"row {number}: expected {SIDE * SIDE} pixels in 0..255, got {pixels.size} "
                        f"in {pixels.min()}..{pixels.max()}"
                    )
                elif not 0 <= code < len(FER7) or usage not in USAGES:
                    reason = (
                        f"row {number}: expected an emotion 0-6 and a usage of "
                        f"{', '.join(USAGES)}, got {code} and {usage!r}"
                    )
            except (ValueError, OverflowError) as error:
                reason = f"row {number}: expected numbers: {error}"
        if reason is not None:
            problems.append(reason)
            continue
        name = f"{usage}/fer{number - 2:07d}.png"  # the header is row 1
        png = cv2.imencode(".png", pixels.astype(np.uint8).reshape(SIDE, SIDE))[1]
        (target / name).write_bytes(png.tobytes())
        rows.append((name, code))
    (target / INDEX).write_text(json.dumps({"rows": rows, "problems": problems}))
