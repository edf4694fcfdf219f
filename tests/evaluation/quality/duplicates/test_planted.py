"""Copies planted among real pictures are found, and hardly anything else: 300 originals of each
data set and as many strangers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import registry
from evaluation.quality.duplicates import planted


@pytest.mark.parametrize("dataset", ["ferplus", "utkface"])
def test_planted_copies(dataset: str, data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / dataset
    paths = (
        sorted((folder / "FER2013Train").glob("*.png"))
        if dataset == "ferplus"
        else sorted(folder.glob("*.jpg"))
    )
    context, origin, kind = planted.plant(tmp_path, paths, 300, np.random.default_rng(7))
    assert (np.unique(kind, return_counts=True)[1] == [600, *[50] * 6]).all()
    found = planted.measure(context, origin, kind)
    for name in ("copies", "mirrored"):
        assert found[name]["recall"] >= 0.98, found[name]
        assert found[name]["precision"] >= 0.98, found[name]
        assert found[name]["pairs_of_the_data_itself"] < 30  # few of a sample are copies already
    assert (
        registry.load("evaluation.quality.checks", "near_duplicates").run(context).num_rows >= 380
    )  # of 400
