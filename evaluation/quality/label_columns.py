"""The labels of a data set as columns of class names, which class balance and drift count."""

from __future__ import annotations

import numpy as np

from core.labels import FERPLUS8, GENDER2, age_decade
from evaluation.quality.dataset import AuditDataset

MAX_GROUP_VALUES = 50
"""A group column of more values (subjects, films) holds no classes."""


def class_columns(dataset: AuditDataset) -> dict[str, np.ndarray]:
    """Return column -> class names (N,), "" where unknown.

    The columns are emotion, gender, age by decade, and the data set's own groups; columns of one
    value too.
    """
    samples = dataset.samples
    columns: dict[str, np.ndarray] = {}
    for name, codes, labels in (
        ("emotion", samples.emotion, FERPLUS8.labels),
        ("gender", samples.gender, GENDER2.labels),
    ):
        if (codes >= 0).any():
            columns[name] = np.array([*labels, ""])[codes]
    if (~np.isnan(samples.age)).any():
        decades = ["" if np.isnan(a) else age_decade(float(a)) for a in samples.age]
        columns["age"] = np.array(decades)
    for name, values in samples.groups.items():
        if len(np.unique(values)) <= MAX_GROUP_VALUES:
            columns[name] = values.astype(str)
    return columns


def count_by_split(
    values: np.ndarray, split: np.ndarray, splits: tuple[str, ...]
) -> tuple[list[str], np.ndarray]:
    """Return the known classes, sorted, and how often each occurs in each split.

    Args:
        values: class names (N,), "" where unknown.
        split: of each sample (N,).
        splits: the splits to count.

    Returns:
        The classes, and counts int64 (splits, classes).
    """
    has_label = values != ""
    labels, codes = np.unique(values[has_label], return_inverse=True)
    split_of_code = split[has_label]
    counts = [np.bincount(codes[split_of_code == s], minlength=len(labels)) for s in splits]
    return labels.tolist(), np.stack(counts)
