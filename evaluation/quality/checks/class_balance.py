"""Class balance of each split: classes that are missing or thin.

Counted are emotion, gender, decade of age and the data set's own groups.
"""

from __future__ import annotations

import numpy as np

from core.vocabulary import count_of
from evaluation.quality import label_columns
from evaluation.quality.check import Findings, Row, make_findings
from evaluation.quality.dataset import AuditDataset

NAME = "class_balance"
TITLE = "Class balance of the splits"
OPTIONS = {"thin": 0.02, "few": 30}
"""thin: share of its split below which a class is thin. few: number of samples below which figures
of a class say little.
"""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each split and column, and one for each missing or thin class of it.

    `sample_id` is null. Figures: counts by column, split and class.
    """
    rows: list[Row] = []
    counts_by_column: dict[str, dict[str, dict[str, int]]] = {}
    for column, values in label_columns.class_columns(dataset).items():
        labels, counts = label_columns.count_by_split(values, dataset.split, dataset.splits)
        counts_by_column[column] = {
            split: dict(zip(labels, map(int, row), strict=True))
            for split, row in zip(dataset.splits, counts, strict=True)
        }
        for split, row in zip(dataset.splits, counts, strict=True):
            rows += _rows(dataset, split, column, labels, row)
    return make_findings(rows, {"counts": counts_by_column})


def _rows(
    dataset: AuditDataset, split: str, column: str, labels: list[str], counts: np.ndarray
) -> list[Row]:
    """Return the rows of one split and column; counts (K,) of the K labels."""
    thin, few = float(dataset.option(NAME, "thin")), float(dataset.option(NAME, "few"))
    total = int(counts.sum())
    if not total:
        return [_row(split, column, 0.0, f"{column}: no sample of {split} is labelled")]
    if len(labels) == 1:
        text = f"{column}: only one class, {labels[0]}; nothing can be learned from it"
        return [_row(split, column, 0.0, text)]
    share = counts / total
    present = share[share > 0]
    evenness = float(-(present * np.log(present)).sum() / np.log(len(labels)))
    text = (
        f"{column}: the largest class has {counts.max()}, the smallest {counts.min()} "
        f"of {count_of(total, 'sample')}"
    )
    rows = [_row(split, column, evenness, text, is_issue=False)]
    for label, count in zip(labels, counts.tolist(), strict=True):
        if count == 0:
            rows.append(_row(split, column, 0.0, f"{column} {label}: none in {split}"))
        elif count < few or count / total < thin:
            text = f"{column} {label}: {count_of(count, 'sample')}, {count / total:.2%} of {split}"
            score = min(1.0, count / total / thin, count / few) * 0.5
            rows.append(_row(split, column, score, text))
    return rows


def _row(split: str, column: str, score: float, reason: str, is_issue: bool = True) -> Row:
    return {
        "split": split,
        "group": f"{split}:{column}",
        "score": min(max(score, 0.0), 1.0),
        "is_issue": is_issue,
        "reason": reason,
    }
