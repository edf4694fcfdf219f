"""Perceived gender and age as a model's card lets them be given, by group.

A card may withhold perceived gender from faces that look younger than some age, and may state how
many times wider an age interval has to be for pictures from elsewhere. Both are judged here on any
table of predictions, so that data sets that a model was not trained on stand beside its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core import age_intervals
from core.labels import FAIRFACE_AGE, GENDER2
from core.types import UNCLEAR_AGE_YEARS, Floats
from evaluation.analysis.by_group.groups import table_sample
from evaluation.predictions import arrays
from evaluation.predictions.tasks import P_GENDER
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample

AGE_BIN = "age_bin"
"""The group of data sets whose ages are ranges: its value, such as `03-09` or `70+`, is the label.
"""
ALL = "all"
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Given:
    """What is given to the rows of one group; None where the table has no such task or label.

    Attributes:
        group: such as `race`; `all` for the whole table.
        value: of the group.
        gender: accuracy of perceived gender, wherever it is predicted.
        coverage: share of the rows that are given it.
        given: accuracy where it is given.
        error: years that the expected age lies off the true one, or outside the true range.
        inside: share of the age intervals, of rows that have one, that hold the true age or meet
            the true range.
        inside_wider: the same of intervals that are `factor` times as wide.
        unclear, unclear_wider: share of the intervals that are too wide for an age to be said.
    """

    group: str
    value: str
    gender: Estimate | None = None
    coverage: Estimate | None = None
    given: Estimate | None = None
    error: Estimate | None = None
    inside: Estimate | None = None
    inside_wider: Estimate | None = None
    unclear: Estimate | None = None
    unclear_wider: Estimate | None = None


def given_by_group(table: pa.Table, gender_from_age: float, factor: float) -> list[Given]:
    """Return figures over all rows of a one-model table, and of each of its groups.

    Args:
        table: predictions of one model.
        gender_from_age: predicted age from which perceived gender is given.
        factor: how many times as wide the intervals are for the figures of wider ones.
    """
    sample = table_sample(table)
    everyone = arrays.Coded((ALL,), np.zeros(len(table), np.int64))
    groups = {ALL: everyone} | _person_groups(table)
    figures = _gender(table, gender_from_age) | _age(table, factor)
    by_figure = {
        name: {group: _estimates(sample, values, rows, coded) for group, coded in groups.items()}
        for name, (values, rows) in figures.items()
    }
    return [
        Given(group, value, **{name: by_figure[name][group][i] for name in figures})
        for group, coded in groups.items()
        for i, value in enumerate(coded.values)
    ]


def true_range(table: pa.Table) -> tuple[Floats, Floats]:
    """Return youngest and oldest true age (N,) in years, equal where the age is exact, NaN without.

    A range of whole years ends with its last year, so `03-09` is 3 to 10.
    """
    exact = arrays.numbers(table, "age_true")
    low = high = np.full(len(table), np.nan) if exact is None else exact
    column = f"group_{AGE_BIN}"
    if column not in table.column_names:
        return low, high
    bins = arrays.coded(table[column])
    ends = np.array([_range(name) for name in bins.values] + [(np.nan, np.nan)])
    return ends[bins.codes, 0], ends[bins.codes, 1]


def _range(name: str) -> tuple[float, float]:
    """Return the ends of a bin in years; NaN of a name without any.

    >>> _range("03-09"), _range("70+")
    ((3.0, 10.0), (70.0, 116.0))
    """
    years = [float(n) for n in re.findall(r"\d+", name)]
    if not years:
        return float("nan"), float("nan")
    return years[0], years[1] + 1 if len(years) > 1 else float(FAIRFACE_AGE[-1][1])


def distance_to_range(table: pa.Table) -> Floats:
    """Return how far (N,) the true age or range lies from the expected age, in interval reaches.

    1 is the interval's end, 0 is inside the true range; see `core.age_intervals.distance`.
    """
    value, low, high = (arrays.numbers(table, f"age_{n}") for n in ("pred", "low", "high"))
    assert value is not None and low is not None and high is not None
    nearest = np.clip(value, *true_range(table))
    return age_intervals.distance(nearest, value, low, high)


def gender_is_right(table: pa.Table) -> tuple[Mask, Mask]:
    """Return whether perceived gender is right, and which rows have a label and a prediction."""
    true, p = arrays.codes(table, "gender_true", GENDER2.labels), arrays.numbers(table, P_GENDER)
    if true is None or p is None:
        return np.zeros(len(table), bool), np.zeros(len(table), bool)
    return (p >= 0.5) == (true == 0), (true >= 0) & ~np.isnan(p)


def _person_groups(table: pa.Table) -> dict[str, arrays.Coded]:
    """Return perceived gender, race and age of the label; its range where it is one."""
    groups = arrays.coded_groups(table)
    names = ("gender", "race", AGE_BIN if AGE_BIN in groups else "age_decade")
    return {name: groups[name] for name in names if name in groups}


def _gender(table: pa.Table, from_age: float) -> dict[str, tuple[Floats, Mask]]:
    """Return values of each figure (N,), and the rows that it is made of."""
    correct, rows = gender_is_right(table)
    age = arrays.numbers(table, "age_pred")
    if not rows.any():
        return {}
    # Without an age nothing withholds it, as in `core.types.Prediction`.
    is_given = np.ones(len(table), bool) if age is None else ~(age < from_age)
    return {
        "gender": (correct.astype(float), rows),
        "coverage": (is_given.astype(float), rows),
        "given": (correct.astype(float), rows & is_given),
    }


def _age(table: pa.Table, factor: float) -> dict[str, tuple[Floats, Mask]]:
    value, low, high = (arrays.numbers(table, f"age_{n}") for n in ("pred", "low", "high"))
    youngest, oldest = true_range(table)
    if value is None or np.isnan(youngest).all():
        return {}
    rows = ~np.isnan(youngest) & ~np.isnan(value)
    outside = np.maximum(np.maximum(youngest - value, value - oldest), 0.0)
    figures = {"error": (outside, rows)}
    if low is None or high is None:
        return figures
    has_both = rows & ~np.isnan(low) & ~np.isnan(high)
    for name, (start, end) in {
        "": (low, high),
        "_wider": age_intervals.widened(value, low, high, factor),
    }.items():
        figures[f"inside{name}"] = ((start <= oldest) & (youngest <= end)).astype(float), has_both
        figures[f"unclear{name}"] = (end - start > UNCLEAR_AGE_YEARS).astype(float), has_both
    return figures


def _estimates(
    sample: Sample, values: Floats, rows: Mask, group: arrays.Coded
) -> list[Estimate | None]:
    part, size = sample.part(rows), len(group.values)
    is_share = bool(np.isin(values[rows], (0.0, 1.0)).all())
    codes = group.codes[rows]
    estimates = (
        part.shares(values[rows] > 0, codes, size)
        if is_share
        else part.means(values[rows], codes, size, minimum=0)
    )
    return [estimate if estimate.n else None for estimate in estimates]
