"""Apply a plan: a new manifest, and optionally hard links or copies of the images beside it.

The result is a folder with `manifest.parquet`, `plan.csv` (the plan in its canonical form) and,
with links or copies, `files/`. It appears whole or not at all; applying the plan again gives the
same bytes. The data set itself is never changed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import numpy as np

from core.data import Samples
from core.data.base.samples import one_hot
from core.data.manifest import FILE
from core.errors import DataError, UserError
from core.files import atomic_folder
from core.labels import FERPLUS8, GENDER2
from core.progress import task
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.repair import manifest, plan_file
from evaluation.quality.repair.destination import require_outside
from evaluation.quality.repair.manifest import Provenance
from evaluation.quality.repair.plan import PlanRow, check_rows

ImagePlacement = Literal["manifest", "link", "copy"]
"""manifest: images stay where they are. link: hard links beside the manifest, which share their
bytes with the originals. copy: copies beside it, so that the folder can be moved.
"""


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What was done.

    Attributes:
        kept: samples in the manifest.
        dropped: samples left out.
        moved: samples in another split now.
        relabelled: samples with another label now.
        splits: samples of each split now.
    """

    kept: int
    dropped: int
    moved: int
    relabelled: int
    splits: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class RepairedSamples:
    """The samples that stay, the split of each (M,), and what was changed, in words, by id."""

    samples: Samples
    split: np.ndarray
    changes: dict[str, str]


def apply_plan(
    rows: Sequence[PlanRow],
    dataset: AuditDataset,
    out: Path,
    placement: ImagePlacement = "manifest",
    *,
    data: Path | None = None,
) -> ApplyResult:
    """Write the data set as it is after a plan into the folder `out`.

    Args:
        rows: the plan.
        dataset: that the plan is about.
        out: the new folder.
        placement: of the images.
        data: what `--data` said, to carry on the provenance where the data set is a manifest.

    Raises:
        UserError: there is no such placement.
        DataError: the plan is not for this data or contradicts itself, nothing would be left,
            `out` holds something else or lies inside the data, an image cannot be read, or the
            disk cannot be written. Then nothing is written.
    """
    if placement not in get_args(ImagePlacement):
        raise UserError(f"Expected a mode of {get_args(ImagePlacement)}, got {placement!r}.")
    rows = check_rows(rows, dataset)
    require_outside(out, dataset.samples.root)
    repaired = repair_samples(rows, dataset.samples, dataset.split)
    if not len(repaired.samples):
        raise DataError("Expected a plan that leaves some samples, got one that drops all of them.")
    earlier = manifest.read_provenance(dataset, data) if data is not None else Provenance()
    table = manifest.manifest_table(
        repaired.samples, repaired.split, _provenance(dataset, earlier, repaired)
    )
    result = ApplyResult(
        kept=len(repaired.samples),
        dropped=len({r.sample_id for r in rows if r.action == "drop"}),
        moved=sum(r.action == "move" for r in rows),
        relabelled=len({r.sample_id for r in rows if r.action == "relabel"}),
        splits={s: int((repaired.split == s).sum()) for s in sorted(set(repaired.split.tolist()))},
    )
    plan_bytes = plan_file.encode(replace(r, fingerprint=dataset.fingerprint) for r in rows)
    made_by = {
        "by": "apply",
        "plan_sha256": hashlib.sha256(plan_bytes).hexdigest(),
        "dropped": result.dropped,
        "moved": result.moved,
        "relabelled": result.relabelled,
    }
    with atomic_folder(out, FILE) as folder:
        place_images(repaired.samples.paths, table["path"].to_pylist(), folder, placement)
        (folder / "plan.csv").write_bytes(plan_bytes)
        header = manifest.manifest_header(dataset, made_by, placement != "manifest")
        manifest.write_manifest(table, header, folder / FILE)
    return result


def _provenance(
    dataset: AuditDataset, earlier: Provenance, repaired: RepairedSamples
) -> Provenance:
    """Return where the samples come from; the split they had first stays readable after a move."""
    source = {
        i: earlier.source.get(i, f"{dataset.samples.name}/{s}/{i}")
        for i, s in zip(dataset.samples.ids, dataset.split.tolist(), strict=True)
    }
    changes = {
        i: "; ".join(filter(None, (earlier.changes.get(i), repaired.changes.get(i))))
        for i in repaired.samples.ids
    }
    return Provenance(source, changes)


def repair_samples(rows: Sequence[PlanRow], samples: Samples, split: np.ndarray) -> RepairedSamples:
    """Return what a plan leaves of samples; a new emotion takes the place of all votes.

    Args:
        rows: a checked plan.
        samples: the N samples.
        split: (N,), the split of each.
    """
    position = {name: i for i, name in enumerate(samples.ids)}
    new_split = split.astype(object).copy()
    emotion, votes = samples.emotion.copy(), samples.emotion_votes.copy()
    gender, age = samples.gender.copy(), samples.age.copy()
    ranges = None if samples.age_ranges is None else samples.age_ranges.copy()
    kept = np.ones(len(samples), bool)
    changes: dict[str, list[str]] = {}
    for row in rows:
        i = position[row.sample_id]
        task_name, _, label = row.value.partition("=")
        change = ""
        if row.action == "drop":
            kept[i] = False
        elif row.action == "move":
            change = f"split {new_split[i]} to {row.value}"
            new_split[i] = row.value
        elif row.action == "relabel" and task_name == "age":
            change = f"age {age[i]:g} to {label}"
            age[i] = float(label)
            if ranges is not None:
                ranges[i] = age[i]
        elif row.action == "relabel":
            space, codes = (FERPLUS8, emotion) if task_name == "emotion" else (GENDER2, gender)
            before = space.labels[codes[i]] if codes[i] >= 0 else "none"
            change = f"{task_name} {before} to {label}"
            codes[i] = space.labels.index(label)
            if task_name == "emotion":
                votes[i] = one_hot(codes[i : i + 1])[0]
        if change:
            changes.setdefault(row.sample_id, []).append(change)
    at = np.flatnonzero(kept)
    changed = replace(
        samples, emotion=emotion, gender=gender, age=age, age_ranges=ranges, emotion_votes=votes
    )
    texts = {i: "; ".join(parts) for i, parts in changes.items()}
    return RepairedSamples(changed.take(at), new_split[at].astype(str), texts)


def place_images(
    paths: Sequence[Path], names: Sequence[str], folder: Path, placement: ImagePlacement
) -> None:
    """Put hard links or copies of images into IMAGES_FOLDER beside a manifest, if it wants them.

    Args:
        paths: of the images.
        names: of the links or copies.
        folder: of the manifest.
        placement: of the images.

    Raises:
        DataError: an image cannot be read, or lies on another disk than its link would.
        OSError: the target cannot be written.
    """
    if placement == "manifest":
        return
    with task(placement, len(paths)) as advance:
        for i, (path, name) in enumerate(zip(paths, names, strict=True)):
            source, target = _resolve(path), folder / manifest.IMAGES_FOLDER / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if placement == "link":
                _link(source, target)
            else:
                with _open(source) as file, target.open("xb") as copy:
                    shutil.copyfileobj(file, copy, 1 << 20)
            advance(i + 1)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise DataError(
                f"Expected to link {source} to {target}, got: {error.strerror}; try --files copy."
            ) from error
        raise


def _resolve(path: Path) -> Path:
    """Return the file itself, behind links."""
    try:
        source = path.resolve(strict=True)
        if not source.is_file():
            raise OSError("not a file")
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f"Expected a picture at {path}, got: {error}; drop it in the plan, or restore it."
        ) from error
    return source


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(
            f"Expected to read {path}, got: {error}; try to check its permissions."
        ) from error
