"""A manifest: one Parquet file with the split and the labels of each picture.

`python -m evaluation audit --apply`, `restratify` and `balance` write it
(`evaluation.quality.repair.manifest`); the pictures stay where they are. Columns: `id, root, path,
split, emotion, votes, gender, age, age_youngest, age_oldest, group_<name>..., provenance, changed`.
`path` is relative to one of the folders that the metadata `mien.manifest` names (`roots`), a
relative folder to the manifest's own; labels are those of `core.labels`, null where nothing is
known. `--data` takes the file, or a folder that holds `manifest.parquet`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.data.base.files import survey
from core.data.base.origin import Origin
from core.data.base.samples import (
    Problem,
    Samples,
    TargetColumns,
    check_split,
    locate,
    missing,
    one_hot,
)
from core.data.base.splits import OURS
from core.data.base.table_size import read_parquet
from core.errors import DataError
from core.labels import AGE_MAX, FERPLUS8, GENDER2, LabelSpace
from core.schema import parse_json

SPLITS = OURS
ORIGIN = Origin(
    "the manifest",
    "",
    "the terms of the pictures that it names",
    labels=dict.fromkeys(("emotion", "gender", "age"), "what the manifest says"),
    pictures="pictures of a manifest",
    true="as the manifest's labels say",
)
FILE = "manifest.parquet"
KEY = b"mien.manifest"
VERSION = 1
GROUP = "group_"
COLUMNS = {
    "id": pa.string(),
    "root": pa.string(),
    "path": pa.string(),
    "split": pa.string(),
    "emotion": pa.string(),
    "votes": pa.list_(pa.float32(), len(FERPLUS8)),
    "gender": pa.string(),
    "age": pa.float32(),
    "provenance": pa.string(),
    "changed": pa.string(),
}
NEEDED = ("id", "root", "path", "split")
AGE_RANGE = ("age_youngest", "age_oldest")
"""Columns of a data set whose ages are ranges."""


@dataclass(frozen=True, slots=True)
class About:
    """What a manifest states about itself.

    Attributes:
        dataset: the data set that it was made from.
        fingerprint: of that data.
        roots: name -> folder.
        tight: see `Samples`.
        made_by: how it was made, as counts and texts; `made` in the file.
    """

    dataset: str
    fingerprint: str
    roots: dict[str, str]
    tight: bool
    made_by: dict[str, object]

    def to_json(self) -> bytes:
        """Return the value of the metadata key."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["made"] = values.pop("made_by")  # the key of version 1
        return json.dumps({"version": VERSION, **values}, sort_keys=True, allow_nan=False).encode()


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split, in the manifest's order.

    Raises:
        DataError: no manifest, a malformed one, pictures that were moved, or an empty split.
    """
    check_split(split, SPLITS)
    file = find(root)
    table, about = read(file)
    splits = sorted(set(table["split"].to_pylist()))
    table = table if split == "all" else table.filter(pc.equal(table["split"], split))
    if not len(table):
        raise DataError(
            f"Expected pictures of the {split} split in {file}, got none; it has "
            f"{', '.join(splits) or 'no rows'}; try --split."
        )
    base, places = _places(table, about, file)
    names = [p.relative_to(base).as_posix() for p in places]
    content, bad = survey(base, names)
    good = np.array([name not in bad for name in names])
    if not good.any():
        name, reason = next(iter(bad.items()))
        raise DataError(
            f"Expected the pictures of {file} in {base}, got none ({name!r}: {reason}); were they "
            "moved? `--files copy` makes a folder of its own."
        )
    at = np.flatnonzero(good)
    table = table.take(at)
    groups = {
        n.removeprefix(GROUP): np.array(pc.fill_null(table[n], "").to_pylist())
        for n in table.column_names
        if n.startswith(GROUP)
    }
    return Samples(
        "manifest",
        split,
        base,
        ids=tuple(table["id"].to_pylist()),
        paths=tuple(places[i] for i in at),
        **_targets(table),
        age_ranges=_age_ranges(table),
        groups=groups,
        fingerprint=hashlib.sha256(content.encode() + file.read_bytes()).hexdigest(),
        problems=tuple(Problem(n, bad[n]) for n in names if n in bad),
        tight=about.tight,
    )


def _places(table: pa.Table, about: About, file: Path) -> tuple[Path, list[Path]]:
    """Return a folder that holds all pictures of the table, and the path of each."""
    folders = {name: _folder(file, place) for name, place in about.roots.items()}
    rows = zip(table["root"].to_pylist(), table["path"].to_pylist(), strict=True)
    places = [folders[root] / path for root, path in rows]
    used = {folders[root] for root in pc.unique(table["root"]).to_pylist()}
    return Path(os.path.commonpath(used)), places


def is_manifest(root: str | Path) -> bool:
    """Return whether `root` is a manifest, or a folder with one, and not a data set's folder."""
    return Path(root).suffix.lower() == ".parquet" or (Path(root) / FILE).is_file()


def find(root: str | Path) -> Path:
    """Return the manifest's file for the value of `--data`.

    Raises:
        DataError: there is none.
    """
    if Path(root).suffix.lower() == ".parquet":
        if not Path(root).is_file():
            raise DataError(f"Expected a manifest at {root}, got no file; try --data DIR/{FILE}.")
        return Path(root)
    file = locate(root, "manifest", [FILE]) / FILE
    if not file.is_file():
        raise DataError(f"Expected {FILE} in {file.parent}, got none; try --data DIR/{FILE}.")
    return file


def read(file: Path) -> tuple[pa.Table, About]:
    """Return the checked table and its metadata; optional columns that are absent hold nulls.

    Raises:
        DataError: no Parquet, no manifest, or a bad row; says which.
    """
    try:
        table = read_parquet(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected a manifest (Parquet), got {file}: {str(error)[:200]}") from None
    about = _about(table, file)
    if absent := [n for n in NEEDED if n not in table.column_names]:
        raise DataError(
            f"Expected columns {', '.join(NEEDED)} in {file}, got none for {', '.join(absent)}; "
            "make it again."
        )
    has_ranges = set(AGE_RANGE) <= set(table.schema.names)
    ranges = dict.fromkeys(AGE_RANGE, pa.float32()) if has_ranges else {}
    for name, kind in (COLUMNS | ranges).items():
        column = table[name] if name in table.column_names else pa.nulls(len(table), kind)
        try:
            column = column.cast(kind)
        except pa.ArrowException as error:
            raise DataError(
                f"Expected {name} of {file} to be {kind}, got {column.type}: {str(error)[:100]}"
            ) from None
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, column)
        else:
            table = table.append_column(name, column)
    _check(table, about, file)
    return table, about


def _about(table: pa.Table, file: Path) -> About:
    """Return what a manifest says of itself in the table's metadata."""
    try:
        raw = parse_json((table.schema.metadata or {})[KEY])
        roots = {str(k): str(v) for k, v in raw["roots"].items()}
        dataset, fingerprint = str(raw["dataset"]), str(raw["fingerprint"])
        about = About(dataset, fingerprint, roots, raw["tight"] is True, dict(raw["made"]))
        version = raw["version"]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"Expected a manifest with metadata {KEY.decode()!r} in {file}, got none that can be "
            f"read ({error}); `python -m evaluation audit --apply PLAN --out DIR` makes one."
        ) from None
    if version != VERSION:
        text = f"Expected a manifest of version {VERSION}, got {version}: {file}"
        raise DataError(f"{text}; make it again.")
    return about


def _check(table: pa.Table, about: About, file: Path) -> None:
    """Raise DataError for the first row that cannot be right; the first row is row 1."""

    def check_column(name: str, good: Callable[[Any], bool], what: str) -> None:
        checked: dict[Any, bool] = {}
        for i, value in enumerate(table[name].to_pylist(), 1):
            key = tuple(value) if isinstance(value, list) else value
            if key not in checked:
                checked[key] = good(value)
            if not checked[key]:
                raise DataError(
                    f"Expected {name} to be {what}, got {value!r} in row {i} of {file}; make it "
                    "again."
                )

    def inside(path: str | None) -> bool:
        plain = PurePosixPath(path or "/")
        return not plain.is_absolute() and ".." not in plain.parts and "\0" not in str(plain)

    check_column("id", bool, "a name")
    check_column("root", about.roots.__contains__, f"one of {sorted(about.roots)}")
    check_column("path", inside, "a path inside its root")
    check_column("split", (*SPLITS[:-1],).__contains__, f"one of {SPLITS[:-1]}")
    check_column(
        "emotion", lambda v: v is None or v in FERPLUS8.labels, f"one of {FERPLUS8.labels}"
    )
    check_column("votes", lambda v: v is None or _are_votes(v), "shares of at least 0")
    check_column("gender", lambda v: v is None or v in GENDER2.labels, f"one of {GENDER2.labels}")
    for name in ("age", *(name for name in AGE_RANGE if name in table.column_names)):
        check_column(name, lambda v: v is None or 0 <= v <= AGE_MAX, f"0 to {AGE_MAX} years")
    counts = pc.value_counts(table["id"])
    if len(counts) != len(table):
        twice = next(c["values"].as_py() for c in counts if c["counts"].as_py() > 1)
        raise DataError(
            f"Expected unique ids in {file}, got {twice!r} more than once; make it again."
        )


def _are_votes(values: list[float | None]) -> bool:
    return all(v is not None and 0 <= v < np.inf for v in values) and any(values)


def _targets(table: pa.Table) -> TargetColumns:
    """Return the target columns as `Samples` has them."""
    columns = missing(len(table))

    def codes(name: str, space: LabelSpace) -> list[int]:
        return [-1 if v is None else space.labels.index(v) for v in table[name].to_pylist()]

    columns["emotion"][:] = codes("emotion", FERPLUS8)
    columns["gender"][:] = codes("gender", GENDER2)
    columns["age"][:] = [np.nan if v is None else v for v in table["age"].to_pylist()]
    columns["emotion_votes"] = one_hot(columns["emotion"])
    for i, votes in enumerate(table["votes"].to_pylist()):
        if votes is not None and columns["emotion"][i] >= 0:
            columns["emotion_votes"][i] = votes
    return columns


def _age_ranges(table: pa.Table) -> np.ndarray | None:
    """Return youngest and oldest ages (N, 2), NaN where unknown; None where all are exact."""
    if not set(AGE_RANGE) <= set(table.column_names):
        return None
    return np.stack([table[name].to_numpy() for name in AGE_RANGE], axis=1)


def _folder(file: Path, place: str) -> Path:
    """Return the folder of a root; a relative one is relative to the manifest's."""
    folder = Path(os.path.normpath(file.parent.absolute() / place))
    if not folder.is_dir():
        text = f"Expected the pictures of {file} in {folder}, got no such folder"
        raise DataError(f"{text}; make it again with --data DIR, or with --files copy.")
    return folder
