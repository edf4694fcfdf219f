"""SQL expressions on a store's table `t` that the evaluator counts by."""

from __future__ import annotations

from evaluation.analysis.from_counts import FINE_BINS
from evaluation.metrics import binned, regression
from evaluation.store.store import Store

AGE_ERROR = "(t.age_pred::DOUBLE - t.age_true)"
OLDEST = regression.WIDTH * regression.BANDS
"""Years at which, whatever the bands' width, the last band ends or has begun."""


def is_correct(task: str) -> str:
    """Return SQL: 1 where the class is correct, 0 where wrong, NULL without truth or prediction."""
    true, pred = f"t.{task}_true", f"t.{task}_pred"
    return f"CASE WHEN {true} IS NULL OR {pred} IS NULL THEN NULL ELSE ({pred} = {true})::INT END"


def band_count(width: int) -> int:
    """Return the number of bands of `width` years; the last is open.

    >>> band_count(10), band_count(7), band_count(90)
    (9, 13, 1)
    """
    return -(-OLDEST // width)


def band(column: str, width: int) -> str:
    """Return SQL: the band of a column of ages, NULL where unknown."""
    last = band_count(width) - 1
    at = f"least(greatest(floor(t.{column}::DOUBLE / {width:d})::INT, 0), {last:d})"
    # least and greatest pass over NULL
    return f"(CASE WHEN t.{column} IS NULL THEN NULL ELSE {at} END)"


def group_place(store: Store, group: str) -> tuple[str, list[int]]:
    """Return SQL for the place of a row's value in `store.groups[group]`, and its parameters.

    NULL where the value is unknown.
    """
    column = store.group_column(group)
    texts, values = store.texts[column], store.groups[group]
    params = [v for i, value in enumerate(values) for v in (texts.index(value), i)]
    return f"(CASE t.{column}::INT{' WHEN ? THEN ?' * len(values)} END)", params


def confidence_cell(task: str, place: str, bins: int) -> str:
    """Return SQL: bin * 2 + whether the class is correct, NULL without confidence or truth.

    Args:
        task: emotion or gender.
        place: SQL for the bin.
        bins: to which the bin is clipped.
    """
    correct = f"(t.{task}_pred = t.{task}_true)::INT"
    inside = f"least(greatest({place}, 0), {bins - 1:d})"
    unknown = f"t.{task}_conf IS NULL OR t.{task}_true IS NULL"
    return f"CASE WHEN {unknown} THEN NULL ELSE {inside} * 2 + {correct} END"


def fine_cell(task: str) -> str:
    """Return SQL: the cell of `from_counts.calibration_error`."""
    return confidence_cell(task, f"ceil(t.{task}_conf::DOUBLE * {FINE_BINS:d})::INT - 1", FINE_BINS)


def logit_cell(task: str, bins: int) -> str:
    """Return SQL: the cell of `from_counts.risk_coverage_area`."""
    place = binned.logit_bins_sql(f"t.{task}_conf::DOUBLE", bins)
    return confidence_cell(task, place, bins)


def class_logit_cell(p: str, is_class: str, bins: int) -> str:
    """Return SQL: the cell of `from_counts.areas`, of one class's probability `p`."""
    place = binned.logit_bins_sql(f"({p})::DOUBLE", bins)
    return f"CASE WHEN ({p}) IS NULL THEN NULL ELSE {place} * 2 + {is_class} END"
