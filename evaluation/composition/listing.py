"""A data set as columns: the split, the classes and the numbers of each sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.data.manifest import GROUP
from core.errors import DataError
from core.vocabulary import group_title, task_title
from evaluation.composition.group_order import in_order
from evaluation.predictions.tasks import SPACES, UNITS
from evaluation.quality.dataset import SPLITS

NO_SPLIT = "no split"
"""What the split of a sample is called where the data say none."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassColumn:
    """The classes of N samples.

    Attributes:
        codes: int64 (N,), indices of `labels`, -1 where unknown.
        labels: the K classes that occur, in their order.
    """

    codes: np.ndarray
    labels: tuple[str, ...]

    def sizes(self) -> dict[str, int]:
        """Return class -> number of samples."""
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.labels))
        return dict(zip(self.labels, counts.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The samples of a data set.

    Attributes:
        name: what people call it, untrusted text.
        splits: the split of each sample.
        classes: tasks and groups -> their classes; a group's name starts with `group_`.
        numbers: tasks that are numbers -> float64 (N,), NaN where unknown.
        ids: (N,) unique texts.
        paths: (N,) texts, the picture below one of the folders; "" where unknown.
        folders: where the pictures may lie, the likeliest first.
        made_by: how it was made, as counts and texts.
    """

    name: str
    splits: ClassColumn
    classes: Mapping[str, ClassColumn]
    numbers: Mapping[str, np.ndarray]
    ids: np.ndarray
    paths: np.ndarray
    folders: tuple[Path, ...] = ()
    made_by: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.ids)
        lengths = {"split": len(self.splits.codes), "path": len(self.paths)}
        lengths |= {name: len(column.codes) for name, column in self.classes.items()}
        lengths |= {name: len(values) for name, values in self.numbers.items()}
        if wrong := {name: length for name, length in lengths.items() if length != n}:
            raise ValueError(f"Expected columns of {n} samples, got {wrong}.")
        if not n:
            raise DataError(f"Expected samples in {self.name}, got none.")

    def __len__(self) -> int:
        return len(self.ids)


def coded(values: Iterable[str | None], labels: Iterable[str] = ()) -> ClassColumn:
    """Return texts as a column of classes.

    Args:
        values: the class of each sample; None or "" where unknown.
        labels: their order; others follow in the order of `in_order`.
    """
    texts = np.array(["" if value is None else value for value in values], dtype=object)
    occurring = {str(text) for text in set(texts.tolist())} - {""}
    first = [label for label in labels if label in occurring]
    ordered = (*first, *in_order(occurring - set(first)))
    code_of = {label: code for code, label in enumerate(ordered)}
    codes = np.array([code_of.get(text, -1) for text in texts.tolist()], np.int64)
    return ClassColumn(codes, ordered)


def coded_splits(values: Iterable[str | None]) -> ClassColumn:
    """Return the split of each sample: train, val, test, then others; NO_SPLIT where unknown."""
    return coded((value or NO_SPLIT for value in values), SPLITS)


def label_order(column: str) -> tuple[str, ...]:
    """Return the classes of a task whose order is known; empty for others."""
    return SPACES[column].labels if column in SPACES else ()


def column_title(column: str) -> str:
    """Return the heading of a column of classes or numbers, such as `Perceived gender`."""
    if column.startswith(GROUP):
        title = group_title(column.removeprefix(GROUP))
        return title[:1].upper() + title[1:]
    return task_title(column, UNITS.get(column)).title
