"""More images for thin classes, drawn from the train split of another data set.

Never drawn is a copy of what a data set holds already. Drawn images are brought to the size and
colour of the first data set; their file names and the manifest say where they come from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.data.manifest import FILE
from core.errors import DataError
from core.files import atomic_folder
from core.progress import task
from evaluation.quality.dataset import AuditDataset, join_splits
from evaluation.quality.duplicates import clusters
from evaluation.quality.features import ImageFeatures
from evaluation.quality.label_columns import label_codes
from evaluation.quality.repair import manifest
from evaluation.quality.repair.apply import ImagePlacement, place_images
from evaluation.quality.repair.destination import require_outside
from evaluation.quality.repair.image_form import ImageForm, convert_image, form_of
from evaluation.quality.repair.manifest import Provenance

FILLED_SPLIT = "train"
"""The split that is filled, and the only one that is drawn from."""


@dataclass(frozen=True, slots=True)
class BalanceResult:
    """What was done.

    Attributes:
        before: images by class before.
        added: images by class that were added.
        wanted: images by class that would have to be added for the share.
        unusable: drawn images that cannot be read or show no face.
        copies: images that were left out because they are copies of what is there, of each other,
            or of the other data set's val and test splits.
    """

    before: dict[str, int]
    added: dict[str, int]
    wanted: dict[str, int]
    unusable: int
    copies: int


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Positions of the drawn samples in their data set, their files, and how many were unusable."""

    positions: list[int]
    files: list[bytes]
    unusable: int


def number_to_add(counts: np.ndarray, offered: np.ndarray, share: float) -> np.ndarray:
    """Return how many samples to add to each class, int64 (K,).

    That is until each class has `share` of all samples, or as many as are offered.

    Args:
        counts: samples of each class (K,).
        offered: samples of each class that could be added (K,).
        share: of all samples, that every class should have at least.

    Raises:
        DataError: the classes cannot all have that share.
    """
    if not 0 < share * len(counts) <= 1:
        raise DataError(
            f"Expected a share above 0 and at most {1 / max(len(counts), 1):.3f} for "
            f"{len(counts)} classes, got {share}; try a smaller one."
        )
    added = np.zeros(len(counts), np.int64)
    while True:  # what is added makes the total larger, so more is needed
        total = counts.sum() + added.sum()
        lacking = np.maximum(np.ceil(share * total - counts - 1e-9), 0).astype(np.int64)
        needed = np.minimum(lacking, offered)
        if (needed <= added).all():
            return added
        added = np.maximum(added, needed)


def join_datasets(first: AuditDataset, second: AuditDataset) -> AuditDataset:
    """Return two data sets as one, to search for copies; ids are `0/ID` and `1/ID`."""
    parts = (first, second)
    samples_by_name = {
        f"{k}": replace(
            part.samples, ids=tuple(f"{k}/{i}" for i in part.samples.ids), groups={}, problems=()
        )
        for k, part in enumerate(parts)
    }
    samples, _, _ = join_splits(samples_by_name)
    records = np.concatenate([part.features.images for part in parts])
    split = np.concatenate([part.split for part in parts])
    features = ImageFeatures(samples, None, images=records)
    return AuditDataset(samples, split, (), features, "", first.options)


def drawing_order(
    first: AuditDataset, second: AuditDataset, codes: np.ndarray, seed: int
) -> tuple[np.ndarray, int]:
    """Return which samples of `second` may be drawn, in random order, and how many are copies.

    Args:
        first: the data set that is filled.
        second: the data set that is drawn from.
        codes: class of each sample of `second`, -1 for none.
        seed: of the order, which does not depend on that of the files.

    Returns:
        Positions in `second`, one of each cluster of copies; and how many others of its train
        split were left out as copies.
    """
    n_first = len(first)
    usable = (second.split == FILLED_SPLIT) & (codes >= 0) & second.features.images["readable"]
    cluster = clusters.near_clusters(join_datasets(first, second)).cluster
    # No copies of what is there, nor of what the other data set measures with.
    taken = np.concatenate([np.ones(n_first, bool), second.split != FILLED_SPLIT])
    free = usable & ~np.isin(cluster[n_first:], cluster[taken])
    order = np.argsort(np.array(second.samples.ids, object), kind="stable")
    order = np.random.default_rng(seed).permutation(order)
    order = order[free[order]]
    _, first_of_cluster = np.unique(cluster[n_first:][order], return_index=True)
    n_copies = int(usable.sum() - len(first_of_cluster))
    return order[np.sort(first_of_cluster)], n_copies


def balance(
    first: AuditDataset,
    second: AuditDataset,
    out: Path,
    task_name: str,
    share: float,
    *,
    seed: int = 0,
    placement: ImagePlacement = "manifest",
    data: Path | None = None,
) -> BalanceResult:
    """Write `first` and what it draws from `second` as a folder with a manifest.

    Args:
        first: the data set that is filled.
        second: the data set that is drawn from.
        out: the new folder; drawn images always lie in it.
        task_name: emotion, gender or age (bands of ten years).
        share: of each class among the labelled samples of the train split.
        seed: the same seed draws the same samples.
        placement: of the images of `first`, see `apply_plan`.
        data: what `--data` said, to carry on the provenance where `first` is a manifest.

    Raises:
        DataError: one of them has no such labels or no train split, the share cannot be had, or
            the result cannot be written.
    """
    require_outside(out, first.samples.root, second.samples.root)
    first_codes, labels = _codes(first, task_name)
    second_codes, _ = _codes(second, task_name)
    counts = _count(first_codes[first.split == FILLED_SPLIT], len(labels))
    # A class that no sample has is not wanted.
    used = np.flatnonzero(counts + _count(second_codes, len(labels)))
    order, n_copies = drawing_order(first, second, second_codes, seed)
    form = form_of(first)
    drawn = _draw(second, form, order, second_codes, counts, used, share)
    how = {"task": task_name, "share": share, "seed": seed}
    _write(first, second, out, drawn, form, placement, data, how)
    added = _count(second_codes[drawn.positions], len(labels))
    total = int(counts.sum() + added.sum())
    wanted = np.maximum(np.ceil(share * total - counts - 1e-9), 0)
    before, added_by_class, wanted_by_class = (
        {labels[c]: int(values[c]) for c in used} for values in (counts, added, wanted)
    )
    return BalanceResult(before, added_by_class, wanted_by_class, drawn.unusable, n_copies)


def _count(codes: np.ndarray, n_classes: int) -> np.ndarray:
    return np.bincount(codes[codes >= 0], minlength=n_classes)


def _codes(dataset: AuditDataset, task_name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class of each sample (N,), -1 unknown, and the names of the classes."""
    name, columns = dataset.samples.name, label_codes(dataset.samples)
    if task_name not in columns:
        raise DataError(
            f"Expected {task_name} labels in {name}, got only {', '.join(columns) or 'none'}; "
            "try another --task."
        )
    if not (dataset.split == FILLED_SPLIT).any():
        raise DataError(
            f"Expected a {FILLED_SPLIT} split in {name}, got only {', '.join(dataset.splits)}."
        )
    return columns[task_name]


def _draw(
    second: AuditDataset,
    form: ImageForm,
    order: np.ndarray,
    codes: np.ndarray,
    counts: np.ndarray,
    used: np.ndarray,
    share: float,
) -> _Drawn:
    """Draw and convert images until every class of `used` has its share or none is left.

    What turns out to be unusable is no longer on offer, so the next round may want others.
    """
    remaining = {int(c): [int(i) for i in order if codes[i] == c] for c in used}
    detector = second.features.detector if form.tight and not second.samples.tight else None
    positions: list[int] = []
    files: list[bytes] = []
    unusable = 0
    with task("convert", None) as advance:
        while True:
            drawn = _count(codes[positions], len(counts))
            offered = np.array([drawn[c] + len(remaining[int(c)]) for c in used])
            to_add = dict(
                zip(used.tolist(), number_to_add(counts[used], offered, share), strict=True)
            )
            wanting = [c for c in to_add if drawn[c] < to_add[c] and remaining[c]]
            if not wanting:
                return _Drawn(positions, files, unusable)
            for c in wanting:
                position = remaining[c].pop(0)
                file = convert_image(second.samples.paths[position], form, detector)
                if file is None:
                    unusable += 1
                else:
                    positions.append(position)
                    files.append(file)
            advance(len(positions))


def drawn_name(dataset: str, split: str, sample_id: str) -> str:
    """Return a file name that says where an image comes from.

    The digest keeps names apart that look the same without odd characters.
    """
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", sample_id.rsplit(".", 1)[0])[-80:]
    digest = hashlib.sha256(sample_id.encode()).hexdigest()[:8]
    return f"from-{dataset}/{dataset}__{split}__{plain}__{digest}.png"


def _write(
    first: AuditDataset,
    second: AuditDataset,
    out: Path,
    drawn: _Drawn,
    form: ImageForm,
    placement: ImagePlacement,
    data: Path | None,
    how: Mapping[str, object],
) -> None:
    """Write `first` with what was drawn from `second` as the folder `out` with a manifest."""
    provenance = manifest.read_provenance(first, data) if data is not None else Provenance()
    table = manifest.manifest_table(first.samples, first.split, provenance)
    added = second.samples.take(np.array(drawn.positions, np.int64))
    names = [drawn_name(second.samples.name, FILLED_SPLIT, i) for i in added.ids]
    if clash := sorted(set(names) & set(first.samples.ids)):
        raise DataError(
            f"Expected names that are not taken, got {clash[0]!r} in {first.samples.name} "
            "already; was it balanced from there before?"
        )
    drawn_rows = manifest.manifest_table(added, np.full(len(added), FILLED_SPLIT))
    for column, values in (
        ("id", names),
        ("path", names),
        ("root", [manifest.HERE_ROOT] * len(added)),
        ("changed", [str(form)] * len(added)),
    ):
        index = drawn_rows.column_names.index(column)
        drawn_rows = drawn_rows.set_column(index, column, pa.array(values, pa.string()))
    merged = pa.concat_tables([table, drawn_rows], promote_options="default")
    last = ["provenance", "changed"]
    merged = merged.select([n for n in merged.column_names if n not in last] + last)
    made_by = {
        "by": "balance",
        "from": second.samples.name,
        "from_fingerprint": second.fingerprint,
        "added": len(names),
        **how,
    }
    with atomic_folder(out, FILE) as folder:
        place_images(first.samples.paths, table["path"].to_pylist(), folder, placement)
        for name, file in zip(names, drawn.files, strict=True):
            target = folder / manifest.IMAGES_FOLDER / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file)
        header = manifest.manifest_header(first, made_by, placement != "manifest", bool(names))
        manifest.write_manifest(merged, header, folder / FILE)
