"""Small data sets for the tests of the repair."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.data import Samples
from core.data.base.samples import missing, one_hot
from core.labels import FERPLUS8
from evaluation.quality import open_dataset
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.features import ImageFeatures
from tests.core.data.picture_files import pictures


def folder(root: Path, each: int = 4) -> Path:
    """An `image_folder` of two classes with `each` pictures in train and in val."""
    for split in ("train", "val"):
        for label in FERPLUS8.labels[:2]:
            pictures(root / split / label, [f"{label}-{i}.png" for i in range(each)])
    return root


def open_folder(root: Path) -> AuditDataset:
    """`folder(root)` opened; nothing is cached."""
    return open_dataset("image_folder", root, cache=None)


def written(root: Path) -> dict[str, tuple[bytes, int]]:
    """Name -> (bytes, time stamp) of every file below `root`."""
    return {
        p.relative_to(root).as_posix(): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


def invented(n: int, seed: int = 0, groups: dict[str, np.ndarray] | None = None) -> AuditDataset:
    """`n` samples with all three labels and no pictures behind them, all in train."""
    rng = np.random.default_rng(seed)
    columns = missing(n)
    columns["emotion"] = rng.choice(
        len(FERPLUS8), n, p=np.array([35, 25, 12, 12, 9, 3, 2, 2]) / 100
    )
    columns["emotion_votes"] = one_hot(columns["emotion"])
    columns["gender"] = rng.integers(0, 2, n)
    columns["age"] = rng.integers(0, 90, n).astype(np.float32)
    ids = tuple(f"{i:06d}.png" for i in range(n))
    samples = Samples(
        "invented",
        "all",
        Path("/nowhere"),
        ids,
        tuple(Path("/nowhere") / i for i in ids),
        **columns,
        groups=groups or {},
    )
    return AuditDataset(samples, np.full(n, "train"), (), ImageFeatures(samples, None), "f" * 64)
