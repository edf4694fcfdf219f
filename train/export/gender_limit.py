"""The predicted age under which perceived gender is not given, and what that costs and brings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.artifacts.card_rows import MetricRow
from core.errors import DataError
from evaluation.analysis import given
from evaluation.predictions import arrays
from evaluation.statistics.sample import Sample
from train.export.card_metric import table_row
from train.export.card_points import OF_POINT, WITHHELD_AGE

MIN_GENDER_ACCURACY = 3 / 4
"""Accuracy of perceived gender of the youngest faces below which it is not given; chance is 1/2."""
OLDEST_SHOWN = 10
"""Predicted ages up to which the card shows accuracy year by year."""


def gender_limit(tables: Sequence[pa.Table]) -> tuple[float, list[MetricRow]]:
    """Return the age under which, of all faces together, too few are right; and each year's share.

    All younger faces together, as single years have few faces.
    """
    ages, correct = [], []
    for table in tables:
        is_right, rows = given.gender_is_right(table)
        ages.append(_column(table, "age_pred")[rows])
        correct.append(is_right[rows])
    if not ages:
        return 0.0, []
    year, hit = np.concatenate(ages).astype(np.int64), np.concatenate(correct)
    year = np.where(year <= OLDEST_SHOWN, year, -1)  # older ones count nowhere
    shares = Sample(len(year)).shares(hit, year, OLDEST_SHOWN + 1)
    figures = [
        table_row(tables, f"gender_accuracy{OF_POINT}predicted_age", share, f"{WITHHELD_AGE}: {i}")
        for i, share in enumerate(shares)
        if share.n
    ]
    under = range(1, OLDEST_SHOWN + 2)
    younger = {age: hit[(year >= 0) & (year < age)] for age in under}
    too_low = [age for age, h in younger.items() if len(h) and h.mean() < MIN_GENDER_ACCURACY]
    return float(max(too_low, default=0)), figures


def given_rows(table: pa.Table, from_age: float) -> list[MetricRow]:
    """Return accuracy of all faces, the share that is given, and the accuracy of these."""
    everyone = given.given_by_group(table, from_age, 1.0)[0]
    values = {"accuracy": everyone.gender, "given": everyone.coverage, "right": everyone.given}
    return [
        table_row([table], f"gender_{name}{OF_POINT}given", estimate)
        for name, estimate in values.items()
        if estimate
    ]


def _column(table: pa.Table, name: str) -> NDArray[np.float64]:
    values = arrays.numbers(table, name)
    if values is None:
        raise DataError(f"Expected a column `{name}` in every table, got none.")
    return values
