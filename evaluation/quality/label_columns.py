"""The labels of a data set as columns of class names, which class balance and drift count."""

from __future__ import annotations

import numpy as np

from core.data import Samples
from core.labels import AGE_MAX, FERPLUS8, GENDER2, age_decade
from evaluation.quality.dataset import AuditDataset

MAX_LABEL_VALUES = 50
"""A group column of more values (subjects, films) holds no classes."""


def label_codes(samples: Samples) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
    """Return emotion, gender and age by decade, as far as any sample has them.

    Returns:
        Name -> (codes (N,), -1 unknown; the names of the codes).
    """
    bands = tuple(sorted({age_decade(a) for a in range(AGE_MAX + 1)}))
    band_codes = np.array(
        [-1 if np.isnan(a) else bands.index(age_decade(float(a))) for a in samples.age], np.int64
    )
    columns = {
        "emotion": (samples.emotion, FERPLUS8.labels),
        "gender": (samples.gender, GENDER2.labels),
        "age": (band_codes, bands),
    }
    return {name: column for name, column in columns.items() if (column[0] >= 0).any()}


def class_columns(dataset: AuditDataset) -> dict[str, np.ndarray]:
    """Return column -> class names (N,), "" where unknown.

    The columns are emotion, gender, age by decade, and the data set's own groups; columns of one
    value too.
    """
    columns = {
        name: np.array([*labels, ""])[codes]
        for name, (codes, labels) in label_codes(dataset.samples).items()
    }
    for name, values in dataset.samples.groups.items():
        if len(np.unique(values)) <= MAX_LABEL_VALUES:
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
