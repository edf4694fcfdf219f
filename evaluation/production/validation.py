"""What the model did in validation, counted as the demo counts: from a table of predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.labels import SAD_NEUTRAL, age_decade
from core.monitoring.counts_line import CONFIDENCE_BINS
from core.types import UNCLEAR_AGE_YEARS
from evaluation.analysis.store_confidence import own_limit
from evaluation.production.periods import Period
from evaluation.statistics.estimate import Estimate
from evaluation.store.counts import grouped_counts, row_counts
from evaluation.store.filters import Where
from evaluation.store.store import Store

DECADES = tuple(age_decade(10 * i) for i in range(9))


@dataclass(frozen=True, slots=True, eq=False)
class ValidationCounts:
    """The predictions of one model for one task.

    Attributes:
        labels: classes, or decades of age, in their order.
        classes: samples by predicted class, int64 (len(labels),).
        confidence: samples by bin of the confidence, int64 (CONFIDENCE_BINS,); zeros where unknown.
        uncertain: share below the model's threshold; None where that is not known.
        sad_neutral: share whose two most probable emotions are sadness and neutral; None where the
            tables cannot say.
    """

    labels: tuple[str, ...]
    classes: np.ndarray
    confidence: np.ndarray
    uncertain: Estimate | None
    sad_neutral: Estimate | None

    def counts(self, labels: Sequence[str]) -> np.ndarray:
        """Return the samples by predicted class, int64 (len(labels),); 0 for unknown labels."""
        by_label = dict(zip(self.labels, self.classes.tolist(), strict=True))
        return np.array([by_label.get(label, 0) for label in labels], np.int64)


def all_labels(
    validation: ValidationCounts | None, periods: Sequence[Period], task: str
) -> list[str]:
    """Return the classes of validation, then those that only production has."""
    labels = validation.labels if validation else ()
    occurring = {label for p in periods if task in p.tasks for label in p.tasks[task].classes}
    return [*labels, *sorted(occurring - set(labels))]


def validation_counts(store: Store, task: str, where: Where) -> ValidationCounts | None:
    """Return the counts of `where`, which names one model; None for numbers other than ages."""
    if task != "age" and store.is_regression(task):
        return None
    if task == "age":
        labels = DECADES
        cell = f"least(greatest(floor(t.age_pred / 10), 0), {len(DECADES) - 1:d})::INT"
        classes = row_counts(store, where, _of_labelled(task, cell), len(labels))
    else:
        labels = tuple(store.labels(task))
        by_code = row_counts(
            store, where, _of_labelled(task, f"t.{task}_pred"), len(store.label_space(task))
        )
        classes = by_code[[store.label_space(task).index(label) for label in labels]]
    confidence = np.zeros(CONFIDENCE_BINS, np.int64)
    if f"{task}_conf" in store.columns:
        place = f"floor(t.{task}_conf * {CONFIDENCE_BINS:d})::INT"
        cell = f"least({place}, {CONFIDENCE_BINS - 1:d})"
        confidence = row_counts(store, where, _of_labelled(task, cell), CONFIDENCE_BINS)
    return ValidationCounts(
        labels,
        classes,
        confidence,
        _share(store, task, where, _is_uncertain(store, task, where)),
        _share(store, task, where, _is_sad_or_neutral(store, task)),
    )


def _of_labelled(task: str, cell: str) -> str:
    """Return SQL: `cell`, NULL for rows without a label.

    A table may have predictions of emotion on a data set of ages, which is no validation of them.
    """
    return f"CASE WHEN t.{task}_true IS NULL THEN NULL ELSE {cell} END"


def _share(store: Store, task: str, where: Where, condition: str | None) -> Estimate | None:
    """Return the share of the rows for which SQL `condition` is true; None without one."""
    if condition is None:
        return None
    counts = grouped_counts(store, where, _of_labelled(task, f"({condition})::INT"), 2)
    return counts.share(np.array([False, True])) if counts.total else None


def _is_uncertain(store: Store, task: str, where: Where) -> str | None:
    """Return SQL for what `core.types` calls uncertain; None where the tables cannot say."""
    if task == "age":
        width = own_limit(store, task, where.models, below=math.inf) or math.inf
        has_interval = {"age_low", "age_high"} <= store.columns
        limit_years = min(width, UNCLEAR_AGE_YEARS)
        return f"t.age_high - t.age_low > {limit_years:g}" if has_interval else None
    limit = own_limit(store, task, where.models)
    is_known = limit is not None and f"{task}_conf" in store.columns
    return f"t.{task}_conf < {limit}::FLOAT" if is_known else None


def _is_sad_or_neutral(store: Store, task: str) -> str | None:
    labels = store.label_space(task) if task == "emotion" else ()
    if not set(SAD_NEUTRAL) <= set(labels):
        return None
    p = {label: store.probability(task, code) for code, label in enumerate(labels)}
    others = [column for label, column in p.items() if label not in SAD_NEUTRAL and column]
    pair = [p[label] for label in SAD_NEUTRAL]
    if None in pair or not others:
        return None
    return f"least({', '.join(map(str, pair))}) > greatest({', '.join(others)})"
