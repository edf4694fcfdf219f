"""Does what a plan says: a new manifest, and where wanted a tree of hard links or copies. The data
itself are never touched.

The result is a folder with `manifest.parquet`, `plan.csv` (the plan in its canonical form) and,
with links or copies, `files/`. It appears whole or not at all; doing it again gives the same bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from core.data import Samples
from core.data.base.samples import one_hot
from core.data.manifest import FILE
from core.errors import DataError, UserError
from core.files import atomic_folder
from core.labels import FERPLUS8, GENDER2
from core.progress import task
from evaluation.quality.dataset import Context
from evaluation.quality.repair import manifest, plan
from evaluation.quality.repair.plan import Row

Mode = Literal["manifest", "link", "copy"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done. kept: samples in the manifest; dropped, moved, relabelled: samples changed;
    splits: samples of each split now.
    """

    kept: int
    dropped: int
    moved: int
    relabelled: int
    splits: dict[str, int]


def apply(
    rows: Sequence[Row],
    context: Context,
    out: Path,
    mode: Mode = "manifest",
    *,
    data: Path | None = None,
) -> Applied:
    """Writes the data set as it is after `rows` into the folder `out`.

    mode: `manifest` names the pictures where they are; `link` makes hard links beside it (they
    share their bytes with the originals), `copy` copies, so that the folder can be moved. data:
    what `--data` said, to carry on the provenance where the data are a manifest.

    Raises:
        DataError: the plan is not for this data or contradicts itself, nothing would be left, `out`
        holds something else or lies inside the
            data, a picture cannot be read, or the disk cannot be written. Then nothing is written.
    """
    if mode not in get_args(Mode):
        raise UserError(f"Expected a mode of {get_args(Mode)}, got {mode!r}.")
    rows = plan.check(rows, context)
    apart(out, context.samples.root)
    whence, before = manifest.provenance_of(context, data) if data is not None else ({}, {})
    samples, split, changed = repaired(rows, context.samples, context.split)
    if not len(samples):
        raise DataError("Expected a plan that leaves some samples, got one that drops all of them.")
    # What the first split was stays readable after a move.
    origin = {
        i: f"{context.samples.name}/{s}/{i}"
        for i, s in zip(context.samples.ids, context.split.tolist(), strict=True)
    } | whence
    table = manifest.table_of(
        samples,
        split,
        origin,
        {i: "; ".join(t for t in (before.get(i), changed.get(i)) if t) for i in samples.ids},
    )
    dropped = {r.sample_id for r in rows if r.action == "drop"}
    relabelled = {r.sample_id for r in rows if r.action == "relabel"}
    done = Applied(
        len(samples),
        len(dropped),
        sum(r.action == "move" for r in rows),
        len(relabelled),
        {s: int((split == s).sum()) for s in sorted(set(split.tolist()))},
    )
    text = plan.dumps(replace(r, fingerprint=context.fingerprint) for r in rows)
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        name = error.object[error.start : error.start + 40]
        raise DataError(
            f"Expected names of pictures in UTF-8, got {name!r}; rename the file."
        ) from None
    counts = {"dropped": done.dropped, "moved": done.moved, "relabelled": done.relabelled}
    made = {"by": "apply", "plan_sha256": hashlib.sha256(encoded).hexdigest(), **counts}
    with atomic_folder(out, FILE) as place:
        if mode != "manifest":
            tree(
                samples.paths,
                [str(p) for p in table["path"].to_pylist()],
                place / manifest.FILES,
                mode,
            )
        (place / "plan.csv").write_bytes(encoded)
        manifest.write(table, manifest.about(context, made, files=mode != "manifest"), place)
    return done


def repaired(
    rows: Sequence[Row], samples: Samples, split: np.ndarray
) -> tuple[Samples, np.ndarray, dict[str, str]]:
    """The samples that stay, the split of each, and what was changed by id. A new emotion takes the
    place of all votes.
    """
    place = {name: i for i, name in enumerate(samples.ids)}
    split = split.astype(object).copy()
    emotion, gender, age, votes = (
        samples.emotion.copy(),
        samples.gender.copy(),
        samples.age.copy(),
        samples.emotion_votes.copy(),
    )
    keep = np.ones(len(samples), bool)
    changed: dict[str, list[str]] = {}
    for row in rows:
        i = place[row.sample_id]
        name, _, value = row.value.partition("=")
        if row.action == "drop":
            keep[i] = False
        elif row.action == "move":
            changed.setdefault(row.sample_id, []).append(f"split {split[i]} to {row.value}")
            split[i] = row.value
        elif row.action == "relabel" and name == "age":
            changed.setdefault(row.sample_id, []).append(f"age {age[i]:g} to {value}")
            age[i] = float(value)
        elif row.action == "relabel":
            space, codes = (FERPLUS8, emotion) if name == "emotion" else (GENDER2, gender)
            before = space.labels[codes[i]] if codes[i] >= 0 else "none"
            changed.setdefault(row.sample_id, []).append(f"{name} {before} to {value}")
            codes[i] = space.labels.index(value)
            if name == "emotion":
                votes[i] = one_hot(codes[i : i + 1])[0]
    at = np.flatnonzero(keep)
    fixed = replace(samples, emotion=emotion, gender=gender, age=age, emotion_votes=votes).take(at)
    return fixed, split[at].astype(str), {i: "; ".join(texts) for i, texts in changed.items()}


def apart(out: Path, *sources: Path) -> None:
    """Raises:
    DataError: `out` is one of the `sources` or lies inside it: the data are never written to.
    """
    try:
        target = out.resolve()
        for source in sources:
            if target.is_relative_to(source.resolve()):
                raise DataError(
                    f"Expected a place outside of the data for the result, got {out} inside {source}; choose another --out."
                )
    except (
        OSError,
        RuntimeError,
    ) as error:  # RuntimeError: Python's name for a loop of links, up to 3.12
        raise DataError(
            f"Expected a folder for the result, got {out}: {error}; choose another --out."
        ) from None


def tree(paths: Sequence[Path], names: Sequence[str], folder: Path, mode: Mode) -> None:
    """Hard links or copies of `paths` in `folder`, called `names`.

    Raises:
        DataError: a picture cannot be read, or lies on another disk than its link would.
        OSError: the target cannot be written.
    """
    with task("link" if mode == "link" else "copy", len(paths)) as advance:
        for i, (path, name) in enumerate(zip(paths, names, strict=True)):
            source, target = _file(path), folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if mode == "link":
                try:
                    os.link(source, target)
                except OSError as error:
                    if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                        raise DataError(
                            f"Expected to link {path} into {folder}, got: {error.strerror}; try --files copy."
                        ) from error
                    raise
            else:
                with _open(source) as file, target.open("xb") as copy:
                    shutil.copyfileobj(file, copy, 1 << 20)
            advance(i + 1)


def _file(path: Path) -> Path:
    """The file itself, behind links."""
    try:
        source = path.resolve(strict=True)
        if not source.is_file():
            raise OSError("not a file")
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f"Expected a picture at {path}, got: {error}; drop it in the plan, or restore it."
        ) from error
    return source


def _open(path: Path):  # type: ignore[no-untyped-def]
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(
            f"Expected to read {path}, got: {error}; try to check its permissions."
        ) from error
