"""FER2013's labels beside FER+'s votes: both in the soft label, and tables that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.data import ferplus, ferplus_fer2013
from core.errors import DataError
from core.labels import FERPLUS8
from tests.core.data import trees


def test_soft_labels_are_both_and_the_label_stays_the_majority(tmp_path: Path) -> None:
    root = trees.ferplus_fer2013(tmp_path)
    votes_only, both = ferplus.load(root, "train"), ferplus_fer2013.load(root, "train")
    assert both.ids == votes_only.ids and (both.emotion == votes_only.emotion).all()
    searched = ferplus_fer2013.read_labels(root / ferplus_fer2013.LABELS)
    share = ferplus_fer2013.SEARCHED_SHARE
    for name, before, after in zip(
        both.ids, votes_only.emotion_votes, both.emotion_votes, strict=True
    ):
        label = searched.get(name)
        expected = before if label is None else (1 - share) * before + share * np.eye(8)[label]
        np.testing.assert_allclose(after, expected, atol=1e-6)
    assert sum(name in searched for name in both.ids) == 4


def test_other_labels_are_other_data(tmp_path: Path) -> None:
    root = trees.ferplus_fer2013(tmp_path)
    before = ferplus_fer2013.load(root, "train").fingerprint
    file = root / ferplus_fer2013.LABELS
    file.write_text(file.read_text().replace(FERPLUS8.labels[2], FERPLUS8.labels[3]))
    assert ferplus_fer2013.load(root, "train").fingerprint != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the data set ferplus does without"),
        ("folder,file,fer2013_label\nFER2013Train,fer0.png,bored\n", "row 2.*got 'bored'"),
        ("folder,file,fer2013_label\nFER2013Train,fer0.png\n", "row 2"),
        ("folder,file\nFER2013Train,fer0.png\n", "Expected columns"),
        ("folder,file,fer2013_label\nElsewhere,fer0.png,anger\n", "Elsewhere/fer0.png"),
        ("folder,file,fer2013_label\n", "got others such as none"),
    ],
)
def test_tables_that_do_not_fit(tmp_path: Path, content: str | None, message: str) -> None:
    root = trees.ferplus_fer2013(tmp_path)
    file = root / ferplus_fer2013.LABELS
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(DataError, match=message):
        ferplus_fer2013.load(root, "train")


def test_spellings_of_labels_and_the_folder_of_fetch(tmp_path: Path) -> None:
    root = trees.ferplus_fer2013(tmp_path / ferplus_fer2013.NAME)
    file = root / ferplus_fer2013.LABELS
    before = ferplus_fer2013.read_labels(file)
    file.write_text(file.read_text().replace("anger", "Angry").replace("happiness", "HAPPY"))
    assert ferplus_fer2013.read_labels(file) == before
    trees.ferplus(tmp_path / "ferplus")  # without these labels
    assert len(ferplus_fer2013.load(tmp_path, "train")) == 8
