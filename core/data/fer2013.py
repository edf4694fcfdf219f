"""FER2013: 35,887 grey pictures of 48x48, seven emotions (arXiv 1307.0414).

Goodfellow et al., ICONIP 2013. The publishers' form is one table, fer2013.csv (columns emotion,
pixels, Usage) or icml_face_data.csv (the same in another order): its pictures are written as PNGs
into the user's cache once, keyed by the table's content, and named as FER+ names them (row 0 is
fer0000000.png). Splits: Training, PublicTest (val), PrivateTest (test). A table of another
name with these columns is read alike; Kaggle's train.csv has no Usage and is refused. The common
other form is folders, train/angry/*.jpg and test/...: without a val folder a tenth of train is val.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from pathlib import Path

import cv2
import numpy as np

from core.data.base.class_folders import emotions, load_tree
from core.data.base.files import cached_folder, suffix
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build, read_csv
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS
from core.data.base.table_header import MAX_HEADER_BYTES
from core.errors import DataError
from core.labels import FER7, FERPLUS8

TABLES = ("fer2013.csv", "icml_face_data.csv")
COLUMNS = ("emotion", "pixels", "Usage")
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
    table = _find_table(root)
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


def _find_table(root: Path) -> Path | None:
    """Return the table in `root` or its folder `fer2013`, by its name or else by its columns.

    Raises:
        DataError: a table has emotions and pixels, but not what says which part a picture is of.
    """
    tables = sorted(
        (p for p in (*root.glob("*"), *(root / "fer2013").glob("*")) if suffix(p.name) == ".csv"),
        key=lambda p: (p.name.lower() not in TABLES, len(p.parts), p.name),
    )
    without_usage: list[Path] = []
    for table in tables:
        if table.name.lower() in TABLES and table.stat().st_size == 0:
            return table  # reading it says that it is empty
        lacking = _lacking(table)
        if not lacking:
            return table
        if lacking == {"usage"}:
            without_usage.append(table)
    if not without_usage:
        return tables[0] if tables and tables[0].name.lower() in TABLES else None
    table = without_usage[0]
    raise DataError(
        f"Expected columns {', '.join(COLUMNS)} in {table}, got emotion, pixels; without Usage "
        "(Training, PublicTest or PrivateTest) no picture has a split; try fer2013.csv or "
        "icml_face_data.csv of the same data set. To train on this file, with every tenth picture "
        f"for validation: {_add_usage_command(table)}"
    )


def _lacking(table: Path) -> set[str]:
    """Return the columns that the first line of a table does not name, in lower case."""
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline(MAX_HEADER_BYTES).lower()
    return {c.lower() for c in COLUMNS} - {w.strip('" \r\n') for w in re.split("[,;\t]", line)}


def _add_usage_command(table: Path) -> str:
    """Return a command that writes a table with Usage beside `table`."""
    code = (
        f'import pandas; t = pandas.read_csv({json.dumps(str(table))}); t["Usage"] = '
        '["Training" if i % 10 else "PublicTest" for i in t.index]; '
        f"t.to_csv({json.dumps(str(table.with_name('fer2013_with_usage.csv')))}, index=False)"
    )
    return f"python -c {shlex.quote(code)}"


def _unpack(table: Path, target: Path) -> None:
    """Write every sound row of `table` as a PNG, and an index of codes and broken rows."""
    rows, problems = [], []
    usages = {usage.lower(): usage for usage in USAGES}
    for usage in USAGES:
        (target / usage).mkdir()
    for number, cells, reason in read_csv(table, COLUMNS):
        if reason is None:
            try:
                pixels = np.array(cells["pixels"].split(), np.int64)
                code = int(cells["emotion"])
                usage = usages.get(cells["usage"].lower(), cells["usage"])
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
