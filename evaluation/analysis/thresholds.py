"""Abstention thresholds: per predicted class, or one for a whole task, and what they buy.

A prediction is kept where the probability of the predicted class reaches the threshold. The
thresholds come from all rows; what they buy is measured cross-fitted: those for each half of the
rows are chosen on the other half, so that no row vouches for itself. Rows of one cluster, such as a
person of `group_subject`, stay in one half.

A model's card has one threshold for all classes of a task, and a cautious one: predictions from
there on reach the precision even by the lower end of its 95 % interval, for which many images of
one person are not many predictions. It is never below `MIN_THRESHOLD`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.errors import DataError
from evaluation.analysis.by_group.groups import by_group, table_sample
from evaluation.metrics import selective
from evaluation.predictions import arrays
from evaluation.statistics.estimate import JSON_KEY, Estimate
from evaluation.statistics.sample import Method, Sample

CARD_PRECISION = 0.9
"""Precision that a model's card promises of the predictions above its threshold."""
MIN_THRESHOLD = 0.6
"""Least threshold: a less probable prediction is nearer to a coin toss, however good all
predictions together are.
"""


@dataclass(frozen=True, slots=True)
class ClassThreshold:
    """The threshold of one predicted class, and what it buys.

    Attributes:
        label: the class.
        threshold: least probability of a kept prediction; None abstains always.
        n_predicted: rows with this prediction.
        coverage: share of these that is kept, cross-fitted.
        precision: share of the kept that is right, cross-fitted.
        before: precision without abstention.
    """

    label: str
    threshold: float | None
    n_predicted: int = field(metadata={JSON_KEY: "called"})
    coverage: Estimate
    precision: Estimate
    before: Estimate


@dataclass(frozen=True, slots=True)
class GroupCoverage:
    """What a plan buys for the rows with one value of a group column, cross-fitted.

    `before` is the accuracy without abstention.
    """

    value: str
    coverage: Estimate
    accuracy: Estimate
    before: Estimate


@dataclass(frozen=True, slots=True)
class SelectivePrediction:
    """What abstention buys for a task.

    Attributes:
        task: `emotion` or `gender`.
        wish: the goal, `coverage` or `precision`, and its value.
        n: rows with a label and probabilities.
        seed: of the split into halves.
        method: how the intervals were made.
        before: accuracy without abstention.
        coverage: share of the rows that is kept, cross-fitted.
        accuracy: share of the kept rows that is right, cross-fitted.
    """

    task: str
    wish: dict[str, float]
    n: int
    seed: int
    method: Method
    before: Estimate
    coverage: Estimate
    accuracy: Estimate


@dataclass(frozen=True, slots=True)
class ThresholdPlan(SelectivePrediction):
    """A threshold per class of a task, and what they buy.

    Attributes:
        per_class: in the order of the task's labels.
        groups: by group column, one entry for each value that occurs.
    """

    per_class: list[ClassThreshold]
    groups: dict[str, list[GroupCoverage]]


@dataclass(frozen=True, slots=True)
class SingleThreshold(SelectivePrediction):
    """The one threshold for all classes of a task, and what it buys.

    Attributes:
        limit: least probability of a kept prediction; 1 abstains always.
        floor: what the limit is never below.
    """

    limit: float
    floor: float


def plan_thresholds(
    table: pa.Table,
    task: str,
    *,
    coverage: float | None = None,
    precision: float | None = None,
    seed: int = 0,
) -> ThresholdPlan:
    """Return a threshold per class of `task` in a one-model table, and what they buy.

    Args:
        table: Predictions of one model, with probabilities.
        task: `emotion` or `gender`.
        coverage: Share of each predicted class to keep, the most confident first; in (0, 1].
        precision: Share of each predicted class that has to be right; in (0, 1].
        seed: Of the split into halves.

    Raises:
        DataError: No row has probabilities, or not exactly one of coverage and precision in (0, 1].
    """
    options = {"coverage": coverage, "precision": precision}
    wish = {name: value for name, value in options.items() if value is not None}
    if len(wish) != 1:
        raise DataError(
            f"Expected one of --coverage and --precision, got {wish or 'none'}; "
            "try --precision 0.9."
        )
    _check_range(wish)
    rows = _confident_rows(table, task)
    labels, pred = rows.classes.labels, rows.classes.pred

    def choose(part: np.ndarray) -> np.ndarray:
        return selective.class_thresholds(
            rows.confidence[part], pred[part], rows.is_right[part], len(labels), **options
        )

    thresholds = choose(np.ones(len(pred), bool))
    is_kept = selective.cross_fitted(
        choose, rows.confidence, pred, seed=seed, cluster=rows.sample.cluster
    )
    estimates = rows.estimates(is_kept, pred, len(labels))
    per_class = [
        ClassThreshold(label, float(t) if np.isfinite(t) else None, before.n, kept, correct, before)
        for label, t, (before, kept, correct) in zip(labels, thresholds, estimates, strict=True)
    ]

    def of_group(group: arrays.Coded) -> list[GroupCoverage]:
        by_value = rows.estimates(is_kept, group.codes, len(group.values))
        return [
            GroupCoverage(value, kept, correct, before)
            for value, (before, kept, correct) in zip(group.values, by_value, strict=True)
            if before.n
        ]

    groups = by_group(arrays.coded_groups(table), rows.classes.rows, of_group)
    overall = rows.estimates(is_kept)[0]
    return ThresholdPlan(
        task, wish, len(pred), seed, rows.sample.method, *overall, per_class, groups
    )


def single_threshold(
    table: pa.Table, task: str, precision: float = CARD_PRECISION, *, seed: int = 0
) -> SingleThreshold:
    """Return the one threshold for `task` of a one-model table, and what it buys.

    See `selective.single_threshold`.

    Args:
        table: Predictions of one model, with probabilities.
        task: `emotion` or `gender`.
        precision: Share of the kept predictions that has to be right; in (0, 1].
        seed: Of the split into halves.

    Raises:
        DataError: No row has probabilities, or a precision outside (0, 1].
    """
    wish = {"precision": precision}
    _check_range(wish)
    rows = _confident_rows(table, task)
    limit, is_kept = selective.cross_fitted_single(
        rows.confidence,
        rows.is_right,
        precision,
        floor=MIN_THRESHOLD,
        seed=seed,
        cluster=rows.sample.cluster,
    )
    return SingleThreshold(
        task,
        wish,
        rows.sample.n,
        seed,
        rows.sample.method,
        *rows.estimates(is_kept)[0],
        limit,
        MIN_THRESHOLD,
    )


def labelled_rows(table: pa.Table, task: str) -> int:
    """Return the rows with a truth and a prediction, also those without probabilities."""
    classes = arrays.classes(table, task)
    return 0 if classes is None else len(classes.rows)


@dataclass(frozen=True, slots=True, eq=False)
class _ConfidentRows:
    """The N rows with a label and probabilities.

    Attributes:
        confidence: (N,) probability of the predicted class.
        is_right: (N,).
    """

    classes: arrays.Classes
    sample: Sample
    confidence: NDArray[np.float64]
    is_right: NDArray[np.bool_]

    def estimates(
        self, is_kept: np.ndarray, codes: np.ndarray | None = None, k: int = 1
    ) -> list[tuple[Estimate, Estimate, Estimate]]:
        """Return accuracy without abstention, coverage and accuracy with it, of each of k codes.

        Bool (N,) `is_kept`; int (N,) `codes`, None: of all rows.
        """
        codes = np.zeros(len(is_kept), np.int64) if codes is None else codes
        before, coverage = (self.sample.shares(v, codes, k) for v in (self.is_right, is_kept))
        kept = self.sample.part(is_kept)
        accuracy = kept.shares(self.is_right[is_kept], codes[is_kept], k)
        return list(zip(before, coverage, accuracy, strict=True))


def _check_range(wish: Mapping[str, float]) -> None:
    for name, value in wish.items():
        if not 0 < value <= 1:
            raise DataError(f"Expected --{name} in (0, 1], got {value}; try --{name} 0.9.")


def _confident_rows(table: pa.Table, task: str) -> _ConfidentRows:
    all_classes = arrays.classes(table, task)
    classes = all_classes and all_classes.with_probabilities()
    if classes is None or classes.p is None:
        raise DataError(
            f"Expected a truth and probabilities of {task} in some rows, got none; "
            f"add `{task}_p_*` columns."
        )
    n, sample = len(classes.rows), table_sample(table).part(classes.rows)
    if n < 2 or (sample.clusters or n) < 2:
        raise DataError(
            f"Expected at least two independent rows to plan with, got {n} rows of {task}; "
            "predict a larger split."
        )
    return _ConfidentRows(
        classes,
        sample,
        classes.p[np.arange(n), classes.pred],
        classes.pred == classes.true,
    )
