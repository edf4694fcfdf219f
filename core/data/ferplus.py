"""FER+: ten votes per FER2013 picture, 48x48 grey (Barsoum et al., ICMI 2016, arXiv 1608.01041).

Layout of the publishers: FER2013Train, FER2013Valid, FER2013Test, each with PNGs and a label.csv
without header: file name, box, then votes for eight emotions, unknown and not-a-face. Rule of the
paper: a label with a single vote is an outlier and dropped. A picture whose most voted label is
unknown or not-a-face has no emotion (it stays in the list, unlabelled). Equal votes go to the first
label in FER+'s order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build, read_csv
from core.data.base.samples import Problem, Samples, check_split, locate
from core.errors import DataError
from core.labels import FERPLUS8, FERPLUS_VOTES

FOLDERS = {"train": "FER2013Train", "val": "FER2013Valid", "test": "FER2013Test"}
SPLITS = (*FOLDERS, "all")
ORIGIN = Origin(
    "FER+",
    "Barsoum et al., ICMI 2016; labels MIT, pictures of FER2013",
    RESEARCH,
    labels={"emotion": "what ten annotators saw in a picture"},
    more={"emotion": "They often disagreed; the probabilities reflect that."},
    pictures="FER2013 pictures with FER+ labels",
    true="by the majority of FER+'s votes",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one official split, or of all splits that exist.

    Raises:
        DataError: the folder, its label.csv or every picture is missing.
    """
    check_split(split, SPLITS)
    root = locate(root, "ferplus", FOLDERS.values())
    folders = (
        [FOLDERS[split]] if split != "all" else [f for f in FOLDERS.values() if (root / f).is_dir()]
    )
    if not folders or any(not (root / f / "label.csv").is_file() for f in folders):
        names = " or ".join(folders or FOLDERS.values())
        raise DataError(
            f"Expected {names} with a label.csv in {root}; try --data DIR or another --split."
        )
    rows: list[Row] = []
    problems: list[Problem] = []
    for folder in folders:
        files, votes = [], []
        for name, numbers, reason in _rows(root / folder / "label.csv"):
            if reason is not None:
                problems.append(Problem(f"{folder}/{name}", reason))
                continue
            files.append(f"{folder}/{name}")
            votes.append(numbers)
        emotions, shares = labels_of(np.array(votes).reshape(len(votes), len(FERPLUS_VOTES)))
        rows += [
            Row(file, int(emotion), votes=share)
            for file, emotion, share in zip(files, emotions, shares, strict=True)
        ]
    tables = [f"{folder}/label.csv" for folder in folders]
    return build("ferplus", split, root, rows, problems, tables=tables)


def labels_of(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the majority class and the shares of the eight emotions.

    Args:
        votes: (N, 10).

    Returns:
        int64 (N,), -1 where there is none, and (N, 8), NaN there.
    """
    counted = np.where(votes > 1, votes, 0.0)
    top = counted.argmax(axis=1)
    valid = (counted.max(axis=1) > 0) & (top < len(FERPLUS8))
    emotions = counted[:, : len(FERPLUS8)]
    shares = np.where(
        valid[:, None], emotions / np.maximum(emotions.sum(axis=1, keepdims=True), 1), np.nan
    )
    return np.where(valid, top, -1).astype(np.int64), shares.astype(np.float32)


def _rows(path: Path) -> Iterator[tuple[str, list[float], str | None]]:
    """Yield name, votes and what is wrong of every row."""
    for number, cells, reason in read_csv(
        path, ("file", *FERPLUS_VOTES), ("file", "box", *FERPLUS_VOTES)
    ):
        name, votes = Path(cells.get("file", "")).name, list[float]()
        if reason is None:
            try:
                votes = [float(cells[label]) for label in FERPLUS_VOTES]
                reason = (
                    None
                    if name and all(0 <= v <= 100 for v in votes)
                    else f"row {number}: expected {len(FERPLUS_VOTES)} votes"
                )
            except ValueError:
                reason = f"row {number}: expected numbers, got {list(cells.values())[2:]}"
        yield name or f"row {number}", votes, reason
