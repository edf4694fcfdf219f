"""A small tree of real pictures in the publishers' layouts, so that training tests run the whole way from files in seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

SMALL_NET = ["--set", "model.options.stem=8", "--set", "model.options.stages=[(16,1),(24,1)]", "--set", "batch=32", "--set", "amp=no"]


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
