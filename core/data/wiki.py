"""Wiki: the part of IMDB-WIKI that is from Wikipedia alone, 62,328 faces of celebrities.

Rothe, Timofte, Van Gool, IJCV 2016. Layout, labels and splits are those of `core.data.imdb_wiki`,
whose folder may be given too.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.data import imdb_wiki
from core.data.base.samples import Samples

SPLITS = imdb_wiki.SPLITS
ORIGIN = replace(
    imdb_wiki.ORIGIN,
    name="Wiki",
    pictures="IMDB-WIKI's pictures from Wikipedia",
    labels={
        "gender": "what Wikipedia says of a person, as one of two",
        "age": "the time between birth and photograph, both as Wikipedia gives them",
    },
    note="Wiki has no official split: ours is 80/10/10 with nobody on two sides.",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split.

    Raises:
        DataError: no wiki.mat, a damaged one, or the split is empty.
    """
    samples = imdb_wiki.load_parts("wiki", root, split, ("wiki",))
    return replace(samples, groups={})
