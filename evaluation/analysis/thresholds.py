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
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.errors import DataError
from evaluation.analysis.summary import MAX_GROUP_VALUES
from evaluation.metrics import selective
from evaluation.predictions import arrays
from evaluation.statistics.estimate import Estimate, plain
from evaluation.statistics.sample import Method, Sample

CARD_PRECISION = 0.9
"""Precision that a model's card promises of the predictions above its threshold."""
MIN_THRESHOLD = 0.6
"""A less probable prediction is nearer to a toss, however good all predictions together are."""


@dataclass(frozen=True, slots=True)
class ClassThreshold:
    """The threshold of one predicted class, and what it buys.

    Attributes:
        label: the class.
        threshold: least probability of a kept prediction; None abstains always.
        called: rows with this prediction.
        coverage: share of these that is kept, cross-fitted.
        precision: share of the kept that is right, cross-fitted.
        before: precision without abstention.
    """

    label: str
    threshold: float | None
    called: int
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
class ThresholdPlan:
    """A threshold per class of a task, and what they buy.

    Attributes:
        task: `emotion` or `gender`.
        wish: the goal, `coverage` or `precision`, and its value.
        n: rows with a label and probabilities.
        seed: of the split into halves.
        method: how the intervals were made.
        before: accuracy without abstention.
        coverage: share of the rows that is kept, cross-fitted.
        accuracy: share of the kept rows that is right, cross-fitted.
        per_class: in the order of the task's labels.
        groups: by group column, one entry for each value that occurs.
    """

    task: str
    wish: dict[str, float]
    n: int
    seed: int
    method: Method
    before: Estimate
    coverage: Estimate
    accuracy: Estimate
    per_class: list[ClassThreshold]
    groups: dict[str, list[GroupCoverage]]

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, for JSON."""
        return {item.name: plain(getattr(self, item.name)) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class SingleThreshold:
    """The one threshold for all classes of a task, and what it buys.

    Attributes:
        task: `emotion` or `gender`.
        wish: the goal, `precision`, and its value.
        n: rows with a label and probabilities.
        seed: of the split into halves.
        method: how the intervals were made.
        limit: least probability of a kept prediction; 1 abstains always.
        floor: what the limit is never below.
        before: accuracy without abstention.
        coverage: share of the rows that is kept, cross-fitted.
        accuracy: share of the kept rows that is right, cross-fitted.
    """

    task: str
    wish: dict[str, float]
    n: int
    seed: int
    method: Method
    limit: float
    floor: float
    before: Estimate
    coverage: Estimate
    accuracy: Estimate

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, for JSON."""
        return {item.name: plain(getattr(self, item.name)) for item in fields(self)}


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
        DataError: No probabilities, or not exactly one of coverage and precision in (0, 1].
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
    classes, sample, is_right = rows.classes, rows.sample, rows.is_right
    k = len(classes.labels)
    plan = selective.plan(
        rows.confidence, classes.pred, is_right, k, coverage=coverage, precision=precision
    )
    is_kept = selective.cross_fitted(
        rows.confidence,
        classes.pred,
        is_right,
        k,
        coverage=coverage,
        precision=precision,
        seed=seed,
        cluster=sample.cluster,
    )
    kept = sample.part(is_kept)
    covered = sample.shares(is_kept, classes.pred, k)
    precisions = kept.shares(is_right[is_kept], classes.pred[is_kept], k)
    before = sample.shares(is_right, classes.pred, k)
    per_class = [
        ClassThreshold(
            label=label,
            threshold=float(plan.threshold[c]) if np.isfinite(plan.threshold[c]) else None,
            called=int(plan.predicted_n[c]),
            coverage=covered[c],
            precision=precisions[c],
            before=before[c],
        )
        for c, label in enumerate(classes.labels)
    ]
    return ThresholdPlan(
        task=task,
        wish=wish,
        n=len(is_right),
        seed=seed,
        method=sample.method,
        before=sample.share(is_right),
        coverage=sample.share(is_kept),
        accuracy=kept.share(is_right[is_kept]),
        per_class=per_class,
        groups=_by_group(arrays.coded_groups(table), rows, is_kept, kept),
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
        DataError: No probabilities, or a precision outside (0, 1].
    """
    _check_range({"precision": precision})
    rows = _confident_rows(table, task)
    sample, is_right = rows.sample, rows.is_right
    is_kept = selective.cross_fitted_single(
        rows.confidence, is_right, precision, floor=MIN_THRESHOLD, seed=seed, cluster=sample.cluster
    )
    return SingleThreshold(
        task=task,
        wish={"precision": precision},
        n=len(is_right),
        seed=seed,
        method=sample.method,
        limit=selective.single_threshold(
            rows.confidence, is_right, precision, floor=MIN_THRESHOLD, cluster=sample.cluster
        ),
        floor=MIN_THRESHOLD,
        before=sample.share(is_right),
        coverage=sample.share(is_kept),
        accuracy=sample.part(is_kept).share(is_right[is_kept]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _ConfidentRows:
    """The N rows with a label and probabilities.

    confidence: (N,) probability of the predicted class. is_right: (N,).
    """

    classes: arrays.Classes
    sample: Sample
    confidence: NDArray[np.float64]
    is_right: NDArray[np.bool_]


def _check_range(wish: Mapping[str, float]) -> None:
    for name, value in wish.items():
        if not 0 < value <= 1:
            raise DataError(f"Expected --{name} in (0, 1], got {value}; try --{name} 0.9.")


def _confident_rows(table: pa.Table, task: str) -> _ConfidentRows:
    classes = arrays.classes(table, task)
    if classes is None or classes.p is None:
        raise DataError(
            f"Expected a truth and probabilities of {task} in every row that counts, got none; "
            f"add `{task}_p_*` columns."
        )
    n, cluster = len(classes.rows), arrays.clusters(table)
    cluster = None if cluster is None else arrays.only(cluster, classes.rows)
    if n < 2 or (cluster is not None and len(np.unique(cluster)) < 2):
        raise DataError(
            f"Expected at least two independent rows to plan with, got {n} rows of {task}; "
            "predict a larger split."
        )
    return _ConfidentRows(
        classes,
        Sample(n, cluster, arrays.cluster_name(table)),
        classes.p[np.arange(n), classes.pred],
        classes.pred == classes.true,
    )


def _by_group(
    groups: Mapping[str, arrays.Coded],
    rows: _ConfidentRows,
    is_kept: NDArray[np.bool_],
    kept: Sample,
) -> dict[str, list[GroupCoverage]]:
    """Return what is bought by group column, for those of few values."""
    tables: dict[str, list[GroupCoverage]] = {}
    for name, group in groups.items():
        k, codes = len(group.values), group.at(rows.classes.rows).codes
        if k > MAX_GROUP_VALUES:
            continue
        coverage = rows.sample.shares(is_kept, codes, k)
        accuracy = kept.shares(rows.is_right[is_kept], codes[is_kept], k)
        before = rows.sample.shares(rows.is_right, codes, k)
        values = [
            GroupCoverage(value, coverage=c, accuracy=a, before=b)
            for value, c, a, b in zip(group.values, coverage, accuracy, before, strict=True)
            if c.n
        ]
        if values:
            tables[name] = values
    return tables
