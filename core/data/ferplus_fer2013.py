"""FER+ votes together with the label that FER2013 gives the same picture (arXiv 1307.0414).

FER2013's label is the word that a picture was searched for, FER+'s votes are what ten people saw in
it: of FER2013's *angry* pictures a third look neutral to most of FER+'s annotators. Layout: that of
`core.data.ferplus`, and beside its folders `fer2013_labels.csv` (folder, file, fer2013_label; empty
where FER2013's label is not known). A picture's label stays the majority of FER+'s votes; its soft
label is both, by `SEARCHED_SHARE`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.data import ferplus
from core.data.base.rows import read_csv
from core.data.base.samples import Samples
from core.errors import DataError
from core.labels import FERPLUS8

NAME = "ferplus_fer2013"
LABELS = "fer2013_labels.csv"
COLUMNS = ("folder", "file", "fer2013_label")
SPLITS = ferplus.SPLITS
SEARCHED_SHARE = 0.25
"""Share of the soft label that is FER2013's. With a third or more, faces that most annotators call
neutral would count as angry."""
ORIGIN = replace(
    ferplus.ORIGIN,
    name="FER+ with FER2013's labels",
    labels={"emotion": "what ten annotators saw in a picture, and the word it was searched for"},
    pictures="FER2013 pictures with the labels of FER+ and of FER2013",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one official split of FER+, or of all splits that exist.

    Raises:
        DataError: as `core.data.ferplus.load`; or FER2013's labels are missing, are none of FER+'s
            classes, or belong to none of the pictures.
    """
    own = Path(root) / NAME  # where `train fetch` puts it
    samples = ferplus.load(own if own.is_dir() else root, split)
    searched = read_labels(samples.root / LABELS)
    classes = np.array([searched.get(i, -1) for i in samples.ids])
    both = (classes >= 0) & (samples.emotion >= 0)
    if not both.any():
        raise DataError(
            f"Expected labels of pictures such as {samples.ids[0]} in {samples.root / LABELS}, got "
            f"others such as {next(iter(searched), 'none')}."
        )
    votes = samples.emotion_votes.copy()
    votes[both] *= 1 - SEARCHED_SHARE
    votes[both, classes[both]] += SEARCHED_SHARE
    digest = hashlib.sha256((samples.root / LABELS).read_bytes()).hexdigest()
    return replace(
        samples,
        name=NAME,
        emotion_votes=votes,
        fingerprint=hashlib.sha256(f"{samples.fingerprint} {digest}".encode()).hexdigest(),
    )


def read_labels(path: Path) -> dict[str, int]:
    """Return the class in FERPLUS8 of each picture, by folder/file; pictures without one are out.

    Raises:
        DataError: the file is missing or has other columns or broken rows, or a label is no class
            of FER+ in any spelling.
    """
    if not path.is_file():
        raise DataError(
            f"Expected {path.name} (folder, file, fer2013_label) beside FER+'s folders, got none "
            f"in {path.parent}; the data set ferplus does without."
        )
    labels: dict[str, int] = {}
    for number, cells, reason in read_csv(path, COLUMNS):
        if COLUMNS[-1] in cells and not cells[COLUMNS[-1]]:
            continue
        if reason:
            raise DataError(f"Expected FER2013's labels in {path}, got {reason}.")
        folder, file, label = (cells[name] for name in COLUMNS)
        try:
            labels[f"{folder}/{file}"] = FERPLUS8.index(label)
        except DataError as error:
            raise DataError(f"{path}, row {number}: {error}") from error
    return labels
