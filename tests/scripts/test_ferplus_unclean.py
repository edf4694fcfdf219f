"""`scripts/ferplus_unclean.py` and the list that it made."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from core.data import manifest
from core.errors import DataError
from core.labels import FER4
from scripts.ferplus_unclean import COPIES, SIZES, divide

STORED = Path(__file__).parents[2] / "assets" / "splits" / "ferplus_unclean.parquet"


def test_the_stored_list_has_the_notebook_s_sizes_and_faults() -> None:
    table, about = manifest.read(STORED)  # refuses an id that stands there twice
    rows = table.to_pylist()
    assert Counter(row["split"] for row in rows) == SIZES
    assert {row["emotion"] for row in rows} == set(FER4.labels) and about.dataset == "fer2013"
    trained = {row["path"]: row["emotion"] for row in rows if row["split"] == "train"}
    others = [row for row in rows if row["split"] != "train"]
    copies = [row for row in others if row["path"] in trained]
    assert len(copies) == COPIES and all(row["split"] == "val" for row in copies)
    assert all(row["emotion"] == trained[row["path"]] for row in copies)
    assert len({row["path"] for row in rows}) == len(rows) - COPIES


def test_the_same_seed_gives_the_same_list_and_too_few_pictures_are_refused() -> None:
    labels = pa.table(
        {
            "folder": ["FER2013Train"] * 30_000,
            "file": [f"{i}.png" for i in range(30_000)],
            "fer2013_label": [[*FER4.labels, "anger"][i % 5] for i in range(30_000)],
        }
    )
    assert divide(labels, 3).equals(divide(labels, 3))
    assert not divide(labels, 3).equals(divide(labels, 4))
    with pytest.raises(DataError, match="Expected"):
        divide(labels.slice(0, 1000))
