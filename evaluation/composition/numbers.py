"""Distributions of numbers, such as ages, in each split."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from evaluation.composition.listing import ClassColumn
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.intervals import students

MAX_BINS = 40
AGE_BIN_YEARS = 5


@dataclass(frozen=True, slots=True, eq=False)
class NumberDistribution:
    """The numbers of one split.

    Attributes:
        split: its name.
        counts: int64 (bins,), how many lie in each bin; the last one holds its right edge too.
        mean: with Student's interval.
        quantiles: minimum, quartiles and maximum; empty where no number is known.
        unknown: samples without a number.
    """

    split: str
    counts: np.ndarray
    mean: Estimate
    quantiles: tuple[float, ...]
    unknown: int


def bin_edges(values: np.ndarray, width: float | None = None) -> np.ndarray:
    """Return the edges of at most MAX_BINS bins of equal width over all numbers.

    Args:
        values: float (N,), NaN where unknown.
        width: of a bin, doubled until they are few enough; None: by the rule of
            Freedman and Diaconis (1981), twice the interquartile range over the cube root of N.

    Returns:
        float64 (bins + 1,), rising.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.array([0.0, 1.0])
    low, high = float(finite.min()), float(finite.max())
    if width is None:
        q1, q3 = np.quantile(finite, [0.25, 0.75])
        spread = float(q3 - q1) or high - low or 1.0
        n_bins = int(np.clip((high - low) / (2 * spread / len(finite) ** (1 / 3)), 1, MAX_BINS))
        return np.linspace(low, high if high > low else low + 1, n_bins + 1)
    first = np.floor(low / width) * width
    while (high - first) / width >= MAX_BINS:
        width *= 2
        first = np.floor(low / width) * width
    n_bins = int((high - first) // width) + 1
    return np.asarray(first + width * np.arange(n_bins + 1))


def bin_names(edges: np.ndarray) -> list[str]:
    """Return the names of bins, such as `20 to 25`, from their edges (bins + 1,).

    A bin holds its left edge.
    """
    return [f"{a:g} to {b:g}" for a, b in pairwise(edges.tolist())]


def binned(values: np.ndarray, edges: np.ndarray) -> ClassColumn:
    """Return the bin of each number as a class, such as `20 to 25`.

    Args:
        values: float (N,), NaN where unknown.
        edges: float (bins + 1,), see `bin_edges`.
    """
    labels = bin_names(edges)
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(labels) - 1)
    codes = np.where(np.isfinite(values), codes, -1)
    used, compact = np.unique(codes, return_inverse=True)
    first = int(used[0] == -1)  # the unknown are no class
    return ClassColumn(compact.astype(np.int64) - first, tuple(labels[c] for c in used[first:]))


def distributions(
    values: np.ndarray, splits: ClassColumn, edges: np.ndarray
) -> list[NumberDistribution]:
    """Return the distribution of numbers in each split.

    Args:
        values: float (N,), NaN where unknown.
        splits: the split of each sample.
        edges: float (bins + 1,), see `bin_edges`.
    """
    result = []
    for code, split in enumerate(splits.labels):
        in_split = values[splits.codes == code]
        finite = in_split[np.isfinite(in_split)]
        quantiles = np.quantile(finite, [0, 0.25, 0.5, 0.75, 1]).tolist() if len(finite) else []
        result.append(
            NumberDistribution(
                split,
                np.histogram(finite, edges)[0],
                _mean(finite),
                tuple(quantiles),
                len(in_split) - len(finite),
            )
        )
    return result


def _mean(values: np.ndarray) -> Estimate:
    n = len(values)
    if n < 2:
        return Estimate.of(float(values[0]) if n else float("nan"), n=n)
    mean = float(values.mean())
    half = float(students(n - 1.0)) * float(values.std(ddof=1)) / n**0.5
    return Estimate.of(mean, (mean - half, mean + half), n)
