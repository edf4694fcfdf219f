"""`scripts/ferplus_four.py` and the list that it made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from core.data import manifest
from core.errors import DataError
from core.labels import FER4, FERPLUS8
from scripts import ferplus_four

STORED = Path(__file__).parents[2] / "assets" / "splits" / "ferplus_four.parquet"


def test_the_stored_list_has_the_notebook_s_size_and_classes() -> None:
    table, about = manifest.read(STORED)  # refuses an id that stands there twice
    split, emotion = (np.array(table[name].to_pylist()) for name in ("split", "emotion"))
    assert {s: int((split == s).sum()) for s in ferplus_four.SIZES} == {
        "train": 15138,
        "val": 1917,
        "test": 1926,
    }
    assert set(emotion) == set(FER4.labels) and set(about.roots.values()) == {"."}
    for name in FER4.labels:  # alike in all splits
        shares = [(emotion[split == s] == name).mean() for s in ferplus_four.SIZES]
        assert max(shares) - min(shares) < 0.005
    assert STORED.stat().st_size < 300_000 and b"/work" not in STORED.read_bytes()


def test_the_stored_list_loads_beside_the_pictures(tmp_path: Path) -> None:
    table = pq.read_table(STORED)
    few = table.filter(np.array(table["split"].to_pylist()) == "val").slice(0, 3)
    for path in few["path"].to_pylist():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        Image.new("L", (48, 48)).save(tmp_path / path)
    pq.write_table(few, tmp_path / "few.parquet")
    samples = manifest.load(tmp_path / "few.parquet", "val")
    assert (
        samples.tight
        and [FERPLUS8.labels[e] for e in samples.emotion] == few["emotion"].to_pylist()
    )


def test_a_short_class_is_taken_whole_and_the_others_fill_up() -> None:
    plenty = dict.fromkeys(ferplus_four.NOTEBOOK, 10**6)
    assert ferplus_four.class_sizes(plenty, 15_138) == ferplus_four.NOTEBOOK
    sizes = ferplus_four.class_sizes(plenty | {"sadness": 1000}, 15_138)
    assert sizes["sadness"] == 1000 and sum(sizes.values()) == 15_138
    assert sizes["happiness"] / sizes["surprise"] == pytest.approx(4566 / 2499, rel=1e-3)
    with pytest.raises(DataError, match="15138"):
        ferplus_four.class_sizes(dict.fromkeys(ferplus_four.NOTEBOOK, 10), 15_138)


def test_the_list_says_how_it_was_made() -> None:
    about = json.loads(pq.read_schema(STORED).metadata[manifest.KEY])
    assert (
        about["made"] == {"by": "scripts/ferplus_four.py", "seed": 0}
        and about["dataset"] == "ferplus"
    )
