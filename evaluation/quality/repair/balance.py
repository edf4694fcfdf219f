"""More pictures for thin classes, from another data set: only from its train split, never a copy of
what is there, brought to the same size and colour, with where they come from in the file's name and
in the manifest.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from core import image as images
from core.data import Samples
from core.data.manifest import FILE
from core.errors import DataError
from core.faces import STILL_SIDE
from core.files import atomic_folder
from core.progress import task
from evaluation.quality.dataset import Context, join
from evaluation.quality.duplicates import clusters
from evaluation.quality.features import Features
from evaluation.quality.repair import manifest
from evaluation.quality.repair.apply import Mode, apart, tree
from evaluation.quality.repair.restratify import features

INTO = "train"
"""The split that is filled, and the only one that is drawn from."""
GREY = 2.0
"""Mean distance of a picture's channels, in grey levels, below which it shows no colour."""
MARGIN = 0.3
"""By how much of its width a face's box is widened on all sides where a face has to be cut out of a
photograph.
"""


@dataclass(frozen=True, slots=True)
class Form:
    """How pictures are: size (width, height), None where they differ; grey; tight (see `Samples`)."""

    size: tuple[int, int] | None
    grey: bool
    tight: bool

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.size)) if self.size else 'any size'} {'grey' if self.grey else 'colour'}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was done: by class how many there were, how many were added, how many were wanted, and
    how many pictures no face was found in.

    copies: candidates left out because they are copies of what is there, of each other, or of the
    other set's val and test.
    """

    before: dict[str, int]
    added: dict[str, int]
    wanted: dict[str, int]
    unusable: int
    copies: int


def missing(have: np.ndarray, offered: np.ndarray, share: float) -> np.ndarray:
    """How many to add of each class (K,): until each has `share` of all, or as many as are offered.

    Raises:
        DataError: the classes cannot all have that share.
    """
    if not 0 < share * len(have) <= 1:
        most = f"at most {1 / max(len(have), 1):.3f} for {len(have)} classes"
        raise DataError(f"Expected a share above 0 and {most}, got {share}; try a smaller one.")
    add = np.zeros(len(have), np.int64)
    while True:  # what is added makes the whole larger, so more is needed
        total = have.sum() + add.sum()
        need = np.minimum(
            np.maximum(np.ceil(share * total - have - 1e-9), 0).astype(np.int64), offered
        )
        if (need <= add).all():
            return add
        add = np.maximum(add, need)


def form_of(context: Context) -> Form:
    """How most pictures of a data set are."""
    seen = context.features.pixels
    seen = seen[seen["readable"]]
    if not len(seen):
        raise DataError(f"Expected pictures in {context.samples.root} that can be read, got none.")
    sizes = Counter(zip(seen["width"].tolist(), seen["height"].tolist(), strict=True))
    size, most = min(sizes.items(), key=lambda s: (-s[1], s[0]))
    return Form(
        size if 2 * most >= len(seen) else None,
        float((seen["colour"] < GREY).mean()) > 0.95,
        context.samples.tight,
    )


def both(first: Context, second: Context) -> Context:
    """The two as one, for what looks for copies; ids are `0/ID` and `1/ID`."""
    pair = {"0": first, "1": second}
    named = {
        k: replace(c.samples, ids=tuple(f"{k}/{i}" for i in c.samples.ids), groups={}, problems=())
        for k, c in pair.items()
    }
    samples, _, _ = join(named)
    features = Features(samples, None)
    features.__dict__["pixels"] = np.concatenate(
        [c.features.pixels for c in pair.values()]
    )  # computed already
    return Context(
        samples, np.concatenate([first.split, second.split]), (), features, "", first.options
    )


def candidates(
    first: Context, second: Context, codes: np.ndarray, seed: int
) -> tuple[np.ndarray, int]:
    """(places in `second` that may be drawn, in the order of drawing; how many copies were left
    out). codes: class of each, -1 none.
    """
    n = len(first)
    able = (second.split == INTO) & (codes >= 0) & second.features.pixels["readable"]
    cluster = clusters.near_clusters(both(first, second)).cluster
    taken = np.concatenate(
        [np.ones(n, bool), second.split != INTO]
    )  # what is there, and what the other set measures with
    free = able & ~np.isin(cluster[n:], cluster[taken])
    order = np.argsort(
        np.array(second.samples.ids, object), kind="stable"
    )  # of files in any order the same are drawn
    order = np.random.default_rng(seed).permutation(order)
    order = order[free[order]]
    _, once = np.unique(cluster[n:][order], return_index=True)
    return order[np.sort(once)], int(able.sum() - len(once))


def balance(
    first: Context,
    second: Context,
    out: Path,
    task_name: str,
    share: float,
    *,
    seed: int = 0,
    mode: Mode = "manifest",
    data: Path | None = None,
) -> Drawn:
    """Writes `first` and what it draws from `second` as a folder with a manifest and the converted
    pictures.

    task_name: emotion, gender or age (bands of ten years). share: of each class among the labelled
    samples of the train split. mode: of the pictures of `first`, as in `apply`; what is drawn
    always lies beside the manifest.

    Raises:
        DataError: one of them has no such labels or no train split, the share cannot be, or the
        result cannot be written.
    """
    apart(out, first.samples.root, second.samples.root)
    here, there = (_codes(c, task_name) for c in (first, second))
    labels = here[1]
    have = np.bincount(here[0][(first.split == INTO) & (here[0] >= 0)], minlength=len(labels))
    used = np.flatnonzero(
        have + np.bincount(there[0][there[0] >= 0], minlength=len(labels))
    )  # a class that nobody has is not wanted
    order, copies = candidates(first, second, there[0], seed)
    offered = np.bincount(there[0][order], minlength=len(labels))
    missing(have[used], offered[used], share)
    form = form_of(first)
    chosen: list[int] = []
    made: list[bytes] = []
    rest = {int(c): [int(i) for i in order if there[0][i] == c] for c in used}
    unusable = 0
    detector = second.features.detector if form.tight and not second.samples.tight else None
    add = np.zeros(len(labels), np.int64)
    with task("convert", None) as advance:
        while True:
            # What turns out to be unusable is no longer on offer, so the next round may want
            # others.
            drawn = (
                np.bincount(there[0][chosen], minlength=len(labels))
                if chosen
                else np.zeros(len(labels), np.int64)
            )
            add[used] = missing(
                have[used], np.array([drawn[c] + len(rest[int(c)]) for c in used]), share
            )
            want = [int(c) for c in used if drawn[c] < add[c] and rest[int(c)]]
            if not want:
                break
            for c in want:
                place = rest[c].pop(0)
                picture = convert(second.samples.paths[place], form, detector)
                unusable += picture is None
                if picture is not None:
                    chosen.append(place)
                    made.append(picture)
            advance(len(chosen))
    _write(
        first,
        second,
        out,
        chosen,
        made,
        form,
        mode,
        data,
        {"task": task_name, "share": share, "seed": seed},
    )
    added = (
        np.bincount(there[0][chosen], minlength=len(labels))
        if chosen
        else np.zeros(len(labels), int)
    )
    total = int(have.sum() + added.sum())
    counts = [
        {labels[c]: int(v[c]) for c in used}
        for v in (have, added, np.maximum(np.ceil(share * total - have - 1e-9), 0))
    ]
    return Drawn(counts[0], counts[1], counts[2], unusable, copies)


def _codes(context: Context, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    found = features(context.samples)
    if name not in found:
        raise DataError(
            f"Expected {name} labels in {context.samples.name}, got only {', '.join(found) or 'none'}; try another --task."
        )
    if not (context.split == INTO).any():
        raise DataError(
            f"Expected a {INTO} split in {context.samples.name}, got only {', '.join(context.splits)}."
        )
    return found[name]


def convert(path: Path, form: Form, detector=None) -> bytes | None:  # type: ignore[no-untyped-def]
    """A picture as a PNG file of that form; with a detector its best face is cut out. None where it
    cannot be read or shows no face.
    """
    try:
        picture = images.load(path)
    except images.ImageError:
        return None
    if detector is not None:
        faces = detector(picture, STILL_SIDE)
        if not faces:
            return None
        picture = _square(picture, faces[0].box)
    if form.size is not None:
        picture = _fit(picture, form.size)
    pixels = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if form.grey else picture[..., ::-1]
    return cv2.imencode(".png", pixels)[1].tobytes()


def _square(picture: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """A square around a face's box (left, top, width, height), widened by MARGIN; the border is
    repeated where it reaches outside.
    """
    left, top, width, height = box
    side = max(1, round(max(width, height) * (1 + 2 * MARGIN)))
    x, y = round(left + width / 2 - side / 2), round(top + height / 2 - side / 2)
    wide = cv2.copyMakeBorder(picture, side, side, side, side, cv2.BORDER_REPLICATE)
    return wide[
        np.clip(y + side, 0, None) : y + 2 * side, np.clip(x + side, 0, None) : x + 2 * side
    ]


def _fit(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut at the centre to the proportions of `size` (width, height), then resized."""
    height, width = picture.shape[:2]
    scale = min(width / size[0], height / size[1])
    w, h = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    x, y = (width - w) // 2, (height - h) // 2
    return cv2.resize(
        picture[y : y + h, x : x + w],
        size,
        interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC,
    )


def name_of(dataset: str, split: str, sample: str) -> str:
    """A file name that says where a picture comes from; the digest keeps names apart that look the
    same without odd characters.
    """
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", sample.rsplit(".", 1)[0])[-80:]
    return f"from-{dataset}/{dataset}__{split}__{plain}__{hashlib.sha256(sample.encode()).hexdigest()[:8]}.png"


def _write(
    first: Context,
    second: Context,
    out: Path,
    chosen: list[int],
    made: list[bytes],
    form: Form,
    mode: Mode,
    data: Path | None,
    how: dict[str, object],
) -> None:
    whence, before = manifest.provenance_of(first, data) if data is not None else ({}, {})
    table = manifest.table_of(first.samples, first.split, whence, before)
    extra = second.samples.take(np.array(chosen, np.int64))
    names = [name_of(second.samples.name, INTO, i) for i in extra.ids]
    if clash := sorted(set(names) & set(first.samples.ids)):
        text = (
            f"Expected names that are not taken, got {clash[0]!r} in {first.samples.name} already"
        )
        raise DataError(f"{text}; was it balanced from there before?")
    merged = pa.concat_tables([table, _table(extra, names, form)], promote_options="default")
    last = ["provenance", "changed"]
    merged = merged.select([n for n in merged.column_names if n not in last] + last)
    about = {
        "by": "balance",
        "from": second.samples.name,
        "from_fingerprint": second.fingerprint,
        "added": len(chosen),
        **how,
    }
    with atomic_folder(out, FILE) as place:
        if mode != "manifest":
            tree(first.samples.paths, table["path"].to_pylist(), place / manifest.FILES, mode)
        for name, picture in zip(names, made, strict=True):
            target = place / manifest.FILES / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(picture)
        manifest.write(
            merged, manifest.about(first, about, files=mode != "manifest", here=bool(chosen)), place
        )


def _table(extra: Samples, names: list[str], form: Form) -> pa.Table:
    """Rows of what is drawn; their pictures lie beside the manifest."""
    table = manifest.table_of(extra, np.full(len(extra), INTO))
    changed = pa.array([f"{form}"] * len(extra), pa.string())
    for column, values in (
        ("id", names),
        ("path", names),
        ("root", [manifest.HERE] * len(extra)),
        ("changed", changed),
    ):
        table = table.set_column(
            table.column_names.index(column), column, pa.array(values, pa.string())
        )
    return table
