"""Label spaces: the same names in each, spellings, collapsed classes, decades of age."""

from __future__ import annotations

import numpy as np
import pytest

from core import labels
from core.errors import DataError
from core.labels import AFFECTNET8, FER4, FER6, FER7, FERPLUS8, RAF7, SPACES, collapse


def test_spaces_hold_the_same_names() -> None:
    assert set(FERPLUS8.labels) == set(AFFECTNET8.labels)
    assert set(FER7.labels) == set(RAF7.labels) == set(FERPLUS8.labels) - {"contempt"}
    assert set(FER6.labels) == set(FER7.labels) - {"disgust"}
    assert set(FER4.labels) == {"happiness", "neutral", "sadness", "surprise"}
    assert all(len(set(s.labels)) == len(s) for s in SPACES.values())


@pytest.mark.parametrize(
    ("spelling", "label"),
    [("Happy", "happiness"), (" ANGRY ", "anger"), ("surprise", "surprise"), ("sad", "sadness")],
)
def test_spellings(spelling: str, label: str) -> None:
    assert FERPLUS8.labels[FERPLUS8.index(spelling)] == label


def test_a_name_without_image_raises() -> None:
    with pytest.raises(DataError, match="contempt"):
        FER7.index("contempt")


def test_collapse_goes_by_name_and_renormalises() -> None:
    p = np.array([[0.1, 0.2, 0.05, 0.15, 0.1, 0.1, 0.1, 0.2]])
    four = collapse(p, FERPLUS8, FER4)
    assert four == pytest.approx(np.array([[0.2, 0.1, 0.15, 0.05]]) / 0.5)
    assert collapse(collapse(p, FERPLUS8, AFFECTNET8), AFFECTNET8, FERPLUS8) == pytest.approx(p)
    with pytest.raises(DataError):
        collapse(four, FER4, FER7)
    with pytest.raises(DataError):
        collapse(np.eye(8)[5], FERPLUS8, FER4)  # all on disgust: nothing is left
    with pytest.raises(DataError):
        collapse(p[:, :7], FERPLUS8, FER4)


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, "00-09"), (9.9, "00-09"), (10, "10-19"), (79, "70-79"), (80, "80+"), (116, "80+")],
)
def test_decades(age: float, band: str) -> None:
    assert labels.age_decade(age) == band
