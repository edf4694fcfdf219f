"""Counts and shares of classes in each split, against a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evaluation.composition.listing import ClassColumn, Listing
from evaluation.composition.splits import TOLERANCE
from evaluation.quality.checks.drift import compare_counts
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.significance import holm

ALL = "all"
"""The name of all splits together."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassCounts:
    """How often each class occurs in each split.

    Attributes:
        labels: the K classes.
        splits: the S splits.
        counts: int64 (S, K).
        unlabelled: int64 (S,), samples without a label.
    """

    labels: tuple[str, ...]
    splits: tuple[str, ...]
    counts: np.ndarray
    unlabelled: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Count of each class over all splits, int64 (K,)."""
        total: np.ndarray = self.counts.sum(axis=0)
        return total

    def all_splits(self) -> ClassCounts:
        """Return the counts of all splits together, as one split ALL."""
        unlabelled = self.unlabelled.sum(keepdims=True)
        return ClassCounts(self.labels, (ALL,), self.total[None], unlabelled)

    def with_labels(self, labels: tuple[str, ...]) -> ClassCounts:
        """Return the counts in the order of `labels`, which hold all of these classes."""
        counts = np.zeros((len(self.splits), len(labels)), np.int64)
        counts[:, [labels.index(label) for label in self.labels]] = self.counts
        return ClassCounts(labels, self.splits, counts, self.unlabelled)

    def equal_target(self) -> np.ndarray:
        """Return the same share for each class, float64 (K,): 25 % where there are four."""
        return np.full(len(self.labels), 1 / max(len(self.labels), 1))

    def overall_target(self) -> np.ndarray:
        """Return the share of each class over all splits, float64 (K,)."""
        total: np.ndarray = self.total / max(int(self.total.sum()), 1)
        return total


def class_counts(column: ClassColumn, splits: ClassColumn) -> ClassCounts:
    """Count the classes of samples by split."""
    n_splits, n_classes = len(splits.labels), len(column.labels)
    # The code -1 of an unknown class is counted in the first cell of each split.
    cells = splits.codes * (n_classes + 1) + column.codes + 1
    counts = np.bincount(cells, minlength=n_splits * (n_classes + 1))
    table = counts.reshape(n_splits, n_classes + 1)
    return ClassCounts(column.labels, splits.labels, table[:, 1:], table[:, 0])


def of_versions(versions: Mapping[str, Listing], column: str) -> dict[str, ClassCounts]:
    """Return version -> counts of the same classes, in their order in the first that has them.

    Args:
        versions: of a data set, by name.
        column: of classes; versions without it are left out.
    """
    counts = {
        name: class_counts(one.classes[column], one.splits)
        for name, one in versions.items()
        if column in one.classes
    }
    labels = tuple(dict.fromkeys(label for one in counts.values() for label in one.labels))
    return {name: one.with_labels(labels) for name, one in counts.items()}


@dataclass(frozen=True, slots=True)
class ClassShare:
    """The share of one class among the labelled samples of one split.

    Attributes:
        split: the split, or ALL.
        label: the class.
        count: samples of the class.
        share: with Wilson's interval, which takes the split for a random sample of faces.
        target: share that the class should have.
    """

    split: str
    label: str
    count: int
    share: Estimate
    target: float

    @property
    def difference(self) -> float:
        """The share less its target; 0 where no sample has a label."""
        return 0.0 if self.share.value is None else self.share.value - self.target

    @property
    def is_on_target(self) -> bool:
        """Whether the difference is within TOLERANCE."""
        return self.share.value is not None and abs(self.difference) <= TOLERANCE + 1e-12

    @property
    def holds_target(self) -> bool:
        """Whether the interval holds the target: chance alone may explain the difference."""
        low, high = self.share.low, self.share.high
        return low is not None and high is not None and low <= self.target <= high


def class_shares(counts: ClassCounts, target: np.ndarray) -> list[ClassShare]:
    """Return the share of each class in each split, split by split.

    Args:
        counts: of the classes.
        target: float (K,), the shares that the classes should have.
    """
    return [
        ClassShare(split, label, count, Estimate.of_share(count, sum(row)), float(goal))
        for split, row in zip(counts.splits, counts.counts.tolist(), strict=True)
        for label, count, goal in zip(counts.labels, row, target, strict=True)
    ]


def imbalance(counts: Sequence[int]) -> float | None:
    """Return the size of the largest class over that of the smallest; None with an empty class."""
    return max(counts) / min(counts) if len(counts) and min(counts) else None


@dataclass(frozen=True, slots=True)
class SplitDifference:
    """Whether two splits have the same shares of classes.

    Attributes:
        first, second: the splits.
        psi: population stability index; up to 0.1 counts as no notable shift.
        p: of the chi-square test of homogeneity, corrected by Holm for all pairs.
    """

    first: str
    second: str
    psi: float
    p: float


def split_differences(counts: ClassCounts) -> list[SplitDifference]:
    """Return one comparison for each pair of splits that have labelled samples."""
    pairs = [
        (counts.splits[i], counts.splits[j], compare_counts(counts.counts[i], counts.counts[j]))
        for i, j in combinations(range(len(counts.splits)), 2)
        if counts.counts[i].any() and counts.counts[j].any()
    ]
    corrected = holm(np.array([divergence.p for *_, divergence in pairs]))
    return [
        SplitDifference(first, second, divergence.psi, p)
        for (first, second, divergence), p in zip(pairs, corrected.tolist(), strict=True)
    ]
