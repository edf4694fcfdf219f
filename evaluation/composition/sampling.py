"""Samples of each class, drawn at random for people to look at."""

from __future__ import annotations

import numpy as np

from evaluation.composition.listing import ClassColumn


def sample_of_each(
    column: ClassColumn, is_eligible: np.ndarray, per_class: int, seed: int
) -> dict[str, np.ndarray]:
    """Return samples of each class, drawn without replacement.

    Args:
        column: the classes of N samples.
        is_eligible: bool (N,), the samples to draw from.
        per_class: how many of each class at most.
        seed: the same seed draws the same samples.

    Returns:
        Class -> int64 (n,) places, n <= per_class.
    """
    rng = np.random.default_rng(seed)
    return {
        label: rng.permutation(np.flatnonzero(is_eligible & (column.codes == code)))[:per_class]
        for code, label in enumerate(column.labels)
    }
