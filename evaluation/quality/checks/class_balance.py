"""Class balance of each split: classes that are missing or thin, by emotion, gender, decade of age
and the data set's own groups.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.quality import label_columns
from evaluation.quality.check import findings
from evaluation.quality.dataset import Context

NAME = "class_balance"
TITLE = "Class balance of the splits"
OPTIONS = {"thin": 0.02, "few": 30}
"""thin: share of its split below which a class is thin. few: samples below which figures of a class
say little.
"""


def run(context: Context) -> pa.Table:
    """One row for each split and column, and one for each class of it that is missing or thin;
    `sample_id` is null.
    """
    thin, few = context.option(NAME, "thin"), context.option(NAME, "few")
    rows: list[dict[str, Any]] = []
    figures: dict[str, Any] = {}
    for column, values in label_columns.classes(context).items():
        labels, counts = label_columns.table(values, context.split, context.splits)
        figures[column] = {
            s: dict(zip(labels, map(int, row), strict=True))
            for s, row in zip(context.splits, counts, strict=True)
        }
        for split, row in zip(context.splits, counts, strict=True):
            total = int(row.sum())
            if not total:
                rows.append(_row(split, column, 0.0, f"{column}: no sample of {split} is labelled"))
                continue
            share = row / total
            if len(labels) == 1:
                rows.append(
                    _row(
                        split,
                        column,
                        0.0,
                        f"{column}: only one class, {labels[0]}; nothing can be learned from it",
                    )
                )
                continue
            even = float(-(share[share > 0] * np.log(share[share > 0])).sum() / np.log(len(labels)))
            text = f"{column}: the largest class has {row.max()}, the smallest {row.min()} of {total} samples"
            rows.append(_row(split, column, even, text, issue=False))
            for label, count in zip(labels, row.tolist(), strict=True):
                if count == 0:
                    rows.append(_row(split, column, 0.0, f"{column} {label}: none in {split}"))
                elif count < few or count / total < thin:
                    text = f"{column} {label}: {count} samples, {count / total:.2%} of {split}"
                    rows.append(
                        _row(split, column, min(1.0, count / total / thin, count / few) * 0.5, text)
                    )
    return findings(rows, {"counts": figures})


def _row(split: str, column: str, score: float, reason: str, issue: bool = True) -> dict[str, Any]:
    return {
        "split": split,
        "group": f"{split}:{column}",
        "score": min(max(score, 0.0), 1.0),
        "is_issue": issue,
        "reason": reason,
    }
