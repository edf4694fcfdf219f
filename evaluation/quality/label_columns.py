"""The labels of a data set as columns of names: what balance and drift count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.labels import FERPLUS8, GENDER2, age_decade

if TYPE_CHECKING:
    from evaluation.quality.dataset import Context

FEW_VALUES = 50
"""A group column of more values (persons, films) is no class."""


def classes(context: Context) -> dict[str, np.ndarray]:
    """Column -> (N,) strings, "" where unknown: emotion, gender, age by decade, and the data set's
    own groups; columns of one value too.
    """
    samples = context.samples
    found: dict[str, np.ndarray] = {}
    for name, codes, labels in (
        ("emotion", samples.emotion, FERPLUS8.labels),
        ("gender", samples.gender, GENDER2.labels),
    ):
        if (codes >= 0).any():
            found[name] = np.array([*labels, ""])[codes]
    if (~np.isnan(samples.age)).any():
        found["age"] = np.array(["" if np.isnan(a) else age_decade(float(a)) for a in samples.age])
    for name, values in samples.groups.items():
        if len(np.unique(values)) <= FEW_VALUES:
            found[name] = values.astype(str)
    return found


def table(
    values: np.ndarray, splits: np.ndarray, names: tuple[str, ...]
) -> tuple[list[str], np.ndarray]:
    """Known values (sorted) and how often each occurs in each split `names`: int64 (splits,
    values).
    """
    known = values != ""
    labels, codes = np.unique(values[known], return_inverse=True)
    where = splits[known]
    return labels.tolist(), np.stack(
        [np.bincount(codes[where == s], minlength=len(labels)) for s in names]
    )
