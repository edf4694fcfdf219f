"""Copies planted among real pictures are found, and hardly anything else: 300 originals of each
data set and as many strangers.

Each original in one split gets one copy in another: same bytes, JPEG of quality 60 to 95, resized
by 0.5 to 2, other brightness and contrast, cropped by up to 4 % of each side, or mirrored. As many
pictures without a copy stand beside them. A data set's own copies are no mistake of the check:
pairs of originals that were joined before anything was planted are left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core import image as images
from core.data import Samples
from core.data.base.samples import missing
from evaluation.quality.checks import near_duplicates
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters
from evaluation.quality.features import ImageFeatures

KINDS = ("exact", "jpeg", "resized", "brightness", "cropped", "mirrored")


def change(picture: np.ndarray, kind: str, rng: np.random.Generator, suffix: str) -> bytes:
    """RGB uint8 (H, W, 3) -> a file of its copy; `suffix` .png keeps the pixels, .jpg has quality
    95.
    """
    height, width = picture.shape[:2]
    if kind == "jpeg":
        return encode(picture, ".jpg", int(rng.integers(60, 96)))
    if kind == "resized":
        factor = rng.uniform(0.5, 2)
        how = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(3)]
        picture = cv2.resize(
            picture, (round(width * factor), round(height * factor)), interpolation=how
        )
    elif kind == "brightness":
        picture = (
            np.clip(picture * rng.uniform(0.75, 1.3) + rng.uniform(-20, 20), 0, 255)
            .round()
            .astype(np.uint8)
        )
    elif kind == "cropped":
        w, h = (round(side * (1 - rng.uniform(0, 0.04))) for side in (width, height))
        x, y = rng.integers(0, width - w + 1), rng.integers(0, height - h + 1)
        picture = picture[y : y + h, x : x + w]
    elif kind == "mirrored":
        picture = picture[:, ::-1]
    return encode(np.ascontiguousarray(picture), suffix)


def encode(picture: np.ndarray, suffix: str, quality: int = 95) -> bytes:
    """RGB uint8 (H, W, 3) as a file."""
    how = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    return cv2.imencode(suffix, picture[..., ::-1], how)[1].tobytes()


def plant(
    folder: Path, paths: Sequence[Path], n: int, rng: np.random.Generator
) -> tuple[AuditDataset, np.ndarray, np.ndarray]:
    """`n` originals with one copy each and `n` without, in `folder` -> dataset, the original of
    each sample (N,), its kind (N,).

    Originals are linked, not copied; `kind` of an original is "".
    """
    chosen = rng.choice(len(paths), min(2 * n, len(paths)), replace=False)
    files, origin, kind, split = [], [], [], []
    for number, at in enumerate(chosen.tolist()):
        source = paths[at]
        link = folder / f"o{number:06d}{source.suffix}"
        link.symlink_to(source.resolve())
        rows = [(link, "", "train")]
        if number < n:
            what = KINDS[number % len(KINDS)]
            copy = folder / f"c{number:06d}{source.suffix}"
            suffix = ".png" if source.suffix == ".png" else ".jpg"
            copy.write_bytes(
                source.read_bytes()
                if what == "exact"
                else change(images.load(source), what, rng, suffix)
            )
            rows.append((copy, what, "val"))
        for path, what, part in rows:
            files.append(path)
            origin.append(number)
            kind.append(what)
            split.append(part)
    samples = Samples(
        "planted", "all", folder, tuple(f.name for f in files), tuple(files), **missing(len(files))
    )
    return (
        AuditDataset(samples, np.array(split), (), ImageFeatures(samples, None), "planted"),
        np.array(origin),
        np.array(kind),
    )


def measure(dataset: AuditDataset, origin: np.ndarray, kind: np.ndarray) -> dict[str, Any]:
    """Recall of each kind, and precision over all pairs that share a cluster, for near duplicates
    and for mirrored copies.
    """
    originals = np.flatnonzero(kind == "")
    samples = dataset.samples.take(originals)
    before = AuditDataset(
        samples,
        dataset.split[originals],
        (),
        ImageFeatures(samples, None, images=dataset.features.images[originals]),
        "before",
        dataset.options,
    )
    measures: dict[str, Any] = {}
    for name, mirrored in (("copies", False), ("mirrored", True)):
        planted = np.flatnonzero(
            (kind == "mirrored") if mirrored else (kind != "") & (kind != "mirrored")
        )
        cluster = clusters.near_clusters(dataset, mirrored=mirrored).cluster
        clustering = clusters.near_clusters(before, mirrored=mirrored).cluster
        if mirrored:  # a picture's copy and its mirror image are one cluster, whichever is named
            own = clusters.near_clusters(before).cluster
            clustering = clusters.connected_components(
                len(clustering),
                np.concatenate([clusters.chain_pairs(clustering), clusters.chain_pairs(own)]),
            )
        place = np.empty(origin.max() + 1, np.int64)
        place[origin[originals]] = clustering  # original -> its cluster before
        first = np.empty(origin.max() + 1, np.int64)
        first[origin[originals]] = originals
        hit = cluster[planted] == cluster[first[origin[planted]]]
        right = wrong = its_own = 0
        mistakes = []
        for group in clusters.cluster_members(cluster):
            for a in range(len(group)):
                for b in range(a + 1, len(group)):
                    i, j = origin[group[a]], origin[group[b]]
                    if i == j:
                        right += 1
                    elif place[i] == place[j]:
                        its_own += 1
                    else:
                        wrong += 1
                        mistakes.append(
                            (dataset.samples.ids[group[a]], dataset.samples.ids[group[b]])
                        )
        measures[name] = {
            "recall": float(hit.mean()),
            "precision": right / max(right + wrong, 1),
            "planted": len(planted),
            "found": int(hit.sum()),
            "pairs_right": right,
            "pairs_wrong": wrong,
            "pairs_of_the_data_itself": its_own,
            "mistakes": mistakes[:20],
            "by_kind": {
                k: float(hit[kind[planted] == k].mean())
                for k in KINDS
                if (kind[planted] == k).any()
            },
        }
    return measures


@pytest.mark.parametrize("name", ["ferplus", "utkface"])
def test_planted_copies(name: str, data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / name
    paths = (
        sorted((folder / "FER2013Train").glob("*.png"))
        if name == "ferplus"
        else sorted(folder.glob("*.jpg"))
    )
    dataset, origin, kind = plant(tmp_path, paths, 300, np.random.default_rng(7))
    assert (np.unique(kind, return_counts=True)[1] == [600, *[50] * 6]).all()
    recall = measure(dataset, origin, kind)
    for kind_of_copy in ("copies", "mirrored"):
        assert recall[kind_of_copy]["recall"] >= 0.98, recall[kind_of_copy]
        assert recall[kind_of_copy]["precision"] >= 0.98, recall[kind_of_copy]
        assert (
            recall[kind_of_copy]["pairs_of_the_data_itself"] < 30
        )  # few of a sample are copies already
    assert len(near_duplicates.run(dataset).table) >= 380  # of 400
