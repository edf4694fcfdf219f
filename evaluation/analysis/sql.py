"""SQL expressions on a store's table `t` that the evaluator counts by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.analysis.from_counts import FINE_BINS
from evaluation.metrics import binned, regression
from evaluation.predictions.arrays import Coded
from evaluation.store.store import Store

END_OF_AGES = regression.WIDTH * regression.BANDS
"""Years up to which there are bands of any width; the last band holds all older ages too."""


def signed_error(task: str) -> str:
    """Return SQL: the prediction of a number minus the truth."""
    return f"(t.{task}_pred::DOUBLE - t.{task}_true)"


AGE_ERROR = signed_error("age")


def compared(store: Store, task: str, end: str) -> str:
    """Return SQL: the truth or prediction (`end`: true, pred) by which models are compared.

    Numbers as float32, as `table_pairs.values` has them; ages are stored so.
    """
    column = f"t.{task}_{end}"
    if task == "age" or not store.is_regression(task):
        return column
    return f"coalesce(TRY_CAST({column} AS FLOAT), {column})"


def outcome(store: Store, task: str) -> str:
    """Return SQL: 1 for a correct class, 0 for a wrong one; of a number its absolute error."""
    return f"abs({signed_error(task)})" if store.is_regression(task) else is_correct(task)


def is_correct(task: str) -> str:
    """Return SQL: 1 where the class is correct, 0 where wrong, NULL without truth or prediction."""
    true, pred = f"t.{task}_true", f"t.{task}_pred"
    return f"CASE WHEN {true} IS NULL OR {pred} IS NULL THEN NULL ELSE ({pred} = {true})::INT END"


def band_count(width: int) -> int:
    """Return the number of bands of `width` years; the last is open.

    >>> band_count(10), band_count(7), band_count(90)
    (9, 13, 1)
    """
    return -(-END_OF_AGES // width)


def band(column: str, width: int) -> str:
    """Return SQL: the band of a column of ages, NULL where unknown."""
    last = band_count(width) - 1
    at = f"least(greatest(floor(t.{column}::DOUBLE / {width:d})::INT, 0), {last:d})"
    # least and greatest pass over NULL
    return f"(CASE WHEN t.{column} IS NULL THEN NULL ELSE {at} END)"


def group_places(store: Store, group: str) -> np.ndarray:
    """Return the place in `store.groups[group]` of each of the group's codes, int64 (codes + 1,).

    -1 for "" and, last, for null.
    """
    places = {value: i for i, value in enumerate(store.groups[group])}
    texts = store.texts[store.group_column(group)]
    return np.array([*(places.get(text, -1) for text in texts), -1], np.int64)


def coded(store: Store, group: str, column: pa.ChunkedArray) -> Coded:
    """Return a group's codes in the store as places in `store.groups[group]`."""
    codes = pc.fill_null(column.combine_chunks().cast(pa.int64()), -1)
    places = group_places(store, group)[codes.to_numpy(zero_copy_only=False)]
    return Coded(store.groups[group], places)


def label_places(store: Store, task: str) -> np.ndarray:
    """Return the place in `store.labels(task)` of each class code of the store, int64 (codes,)."""
    space = store.label_space(task)
    places = np.zeros(len(space), np.int64)
    codes = [space.index(label) for label in store.labels(task)]
    places[codes] = np.arange(len(codes))
    return places


def scored_cell(p: str, place: str, positive: str) -> str:
    """Return SQL: bin * 2 + whether the sample is positive, NULL where either is unknown.

    Args:
        p: SQL for the score that is binned.
        place: SQL for the bin.
        positive: SQL, 1 or 0: the class is correct, or the sample is of the class.
    """
    return f"CASE WHEN ({p}) IS NULL THEN NULL ELSE {place} * 2 + {positive} END"


def fine_cell(task: str) -> str:
    """Return SQL: the cell of `from_counts.calibration_error`."""
    confidence = f"t.{task}_conf::DOUBLE"
    place = f"ceil({confidence} * {FINE_BINS:d})::INT - 1"
    place = f"least(greatest({place}, 0), {FINE_BINS - 1:d})"
    return scored_cell(confidence, place, is_correct(task))


def logit_cell(p: str, positive: str, bins: int) -> str:
    """Return SQL: the cell of `from_counts.risk_coverage_area` and `areas`, of a probability."""
    return scored_cell(p, binned.logit_bins_sql(f"({p})::DOUBLE", bins), positive)
