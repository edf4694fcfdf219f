"""A small tree of real pictures in the publishers' layouts, so that training tests run the whole
way from files in seconds.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.data import Samples
from core.data.base.samples import missing
from core.labels import FERPLUS8
from train.batches.data import DatasetPart, relabel
from train.recipe.recipe import Recipe

SMALL_NET = [
    "--set",
    "model.options.stem=8",
    "--set",
    "model.options.stages=[(16,1),(24,1)]",
    "--set",
    "batch=32",
    "--set",
    "amp=no",
]


def copy_small(data: Path, target: Path, train: int = 72, val: int = 36, faces: int = 120) -> Path:
    """`train` and `val` pictures of FER+, and every n-th of UTKFace so that `faces` remain."""
    for split, count in (("FER2013Train", train), ("FER2013Valid", val)):
        folder = target / "ferplus" / split
        folder.mkdir(parents=True)
        rows = (data / "ferplus" / split / "label.csv").read_text().splitlines()[:count]
        (folder / "label.csv").write_text("\n".join(rows) + "\n")
        for row in rows:
            shutil.copy(data / "ferplus" / split / row.split(",")[0], folder)
    (target / "utkface").mkdir()
    files = sorted((data / "utkface").glob("*.jpg"))
    for file in files[:: len(files) // faces][:faces]:
        shutil.copy(file, target / "utkface")
    return target


@pytest.fixture(scope="session")
def small_data(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `copy_small`."""
    return copy_small(data_dir, tmp_path_factory.mktemp("small"))


def part_of(
    recipe: Recipe,
    n: int = 24,
    seed: int = 0,
    name: str = "made",
    tasks: tuple[str, ...] | None = None,
) -> DatasetPart:
    """`n` samples of noise with random targets for `tasks` (default: all of the recipe's heads), as
    `load_parts` would give them.
    """
    rng = np.random.default_rng(seed)
    spec, columns = recipe.input, missing(n)
    heads = {h.task: h for h in recipe.heads}
    for task in tasks or tuple(heads):
        if task == "age":
            columns["age"] = rng.uniform(1, 90, n).astype(np.float32)
        elif task == "gender":
            columns["gender"] = rng.integers(0, 2, n)
        else:
            names = [FERPLUS8.index(label) for label in heads["emotion"].labels]
            columns["emotion"] = rng.choice(names, n)
    ids = tuple(f"{name}-{i}" for i in range(n))
    samples = Samples(name, "train", Path(), ids, tuple(Path(i) for i in ids), **columns)
    samples, shares = relabel(samples, recipe)
    return DatasetPart(
        samples, rng.integers(0, 256, (n, spec.size, spec.size, spec.channels), np.uint8), shares
    )
