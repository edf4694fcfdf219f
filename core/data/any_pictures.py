"""Pictures without a layout: all below a folder or an object store's URL, or a Parquet of paths.

`--data` takes a folder, a URL (`s3://bucket/prefix`; see `core.data.base.object_store`), or a
Parquet file with a column `path`, also named by a folder that holds it as `pictures.parquet`. A
path is absolute, a URL, or relative to the Parquet file. Optional columns: `split`, `emotion`,
`gender`, `age`, `group_<name>`. Without a `split` a picture is in one of ours by the hash of its
name; `--split all` takes all. The face is searched, as in a photograph. Of an object store the
fingerprint covers names, sizes and time stamps, not what is in the objects.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.data.base.files import SUFFIXES, files, suffix
from core.data.base.object_store import is_stored, objects, read
from core.data.base.origin import Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS, split_of
from core.data.base.table_size import read_parquet
from core.data.manifest import GROUP
from core.errors import DataError
from core.labels import AGE_MAX, FERPLUS8, GENDER2

SPLITS = OURS
LISTED = "what the list of pictures says"
ORIGIN = Origin(
    "the list of pictures",
    "",
    "their own terms",
    labels={"emotion": LISTED, "gender": LISTED, "age": LISTED},
    pictures="pictures of one's own",
    true="as the list of pictures says",
)
FILE = "pictures.parquet"
MAX_LIST_BYTES = 1 << 30
HINT = "try --data DIR, or another --split"


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split.

    Raises:
        DataError: nothing there, a list without paths, or an empty split.
    """
    check_split(split, SPLITS)
    root = Path(root)
    if not is_stored(root) and root.suffix != ".parquet":
        root = locate(root, "any_pictures", [FILE])
        root = root / FILE if (root / FILE).is_file() else root
    if root.suffix == ".parquet":
        return _listed(root, split)
    problems: list[Problem] = []
    surveyed: tuple[str, dict[str, str]] | None = None
    if is_stored(root):
        pictures = [o for o in objects(root) if suffix(o[0]) in SUFFIXES]
        names = [name for name, *_ in pictures]
        surveyed = hashlib.sha256(json.dumps(pictures).encode()).hexdigest(), {}
    else:
        names, problems = files(root)
        names = [name for name in names if suffix(name) in SUFFIXES]
    rows = [Row(name) for name in names if split in ("all", split_of(name))]
    return build(
        "any_pictures", split, root, rows, problems, tight=False, hint=HINT, surveyed=surveyed
    )


def _listed(file: Path, split: str) -> Samples:
    """Return the pictures that a Parquet file lists."""
    table, digest = _read_list(file)
    if "path" not in table.column_names:
        columns = ", ".join(table.column_names[:9])
        raise DataError(f"Expected a column `path` in {file}, got {columns}; rename one.")
    root, names = _places(file, [str(p or "") for p in table["path"].to_pylist()])
    rows, problems = [], []
    for name, values in zip(names, table.to_pylist(), strict=True):
        if split not in ("all", values.get("split") or split_of(name)):
            continue
        try:
            rows.append(_row(name, values))
        except DataError as error:
            problems.append(Problem(name, str(error)))
    surveyed = ("", dict[str, str]()) if is_stored(root) else None
    samples = build(
        "any_pictures", split, root, rows, problems, tight=False, hint=HINT, surveyed=surveyed
    )
    total = hashlib.sha256((samples.fingerprint + digest).encode()).hexdigest()
    return replace(samples, fingerprint=total)


def _read_list(file: Path) -> tuple[Any, str]:
    """Return the table, and the SHA-256 of its file."""
    try:
        if not is_stored(file):
            return read_parquet(file), hashlib.sha256(file.read_bytes()).hexdigest()
        with TemporaryDirectory() as folder:
            copy = Path(folder) / FILE
            copy.write_bytes(read(file, MAX_LIST_BYTES))
            return read_parquet(copy), hashlib.sha256(copy.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        text = f"Expected a Parquet file with a column `path` at {file}"
        raise DataError(f"{text}, got: {str(error)[:200]}; try --data FILE.parquet.") from None


def _places(file: Path, paths: list[str]) -> tuple[Path, list[str]]:
    """Return a folder that holds all pictures, and their names below it."""

    def place(path: str) -> str:
        if is_stored(path):
            return str(Path(path))
        return os.path.normpath(path if Path(path).is_absolute() else file.parent / path)

    places = [place(path) for path in paths]
    folder = os.path.normpath(file.parent)
    try:
        if not all(Path(p).is_relative_to(folder) for p in places):
            folder = os.path.commonpath([Path(p).parent for p in places])
    except ValueError:
        raise DataError(
            f"Expected the paths in {file} to be all files or all URLs of one store, got both; "
            "try a list for each."
        ) from None
    return Path(folder), [os.path.relpath(p, folder) for p in places]


def _row(name: str, values: Mapping[str, Any]) -> Row:
    """Return a picture with the labels of its row.

    Raises:
        DataError: a label that is none.
    """
    emotion, gender, age = (values.get(task) for task in ("emotion", "gender", "age"))
    row = Row(
        name,
        emotion=-1 if emotion is None else FERPLUS8.index(str(emotion)),
        gender=-1 if gender is None else GENDER2.index(str(gender)),
        groups={
            k.removeprefix(GROUP): str(v or "") for k, v in values.items() if k.startswith(GROUP)
        },
    )
    if age is not None and age == age:  # NaN is how some programs write a missing number
        row.age = age
        if type(age) not in (int, float) or not 0 <= age <= AGE_MAX:
            raise DataError(f"Expected an age of 0 to {AGE_MAX} years, got {age!r}.")
    return row
