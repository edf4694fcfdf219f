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
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.errors import DataError
from evaluation.analysis.summary import MAX_GROUP_VALUES
from evaluation.metrics import selective
from evaluation.predictions import arrays
from evaluation.statistics.estimate import Figures
from evaluation.statistics.sample import Sample

CARD_PRECISION = 0.9
"""Precision that a model's card promises of the predictions above its threshold."""
MIN_THRESHOLD = 0.6
"""A less probable prediction is nearer to a toss, however good all predictions together are."""


def plan_thresholds(
    table: pa.Table,
    task: str,
    *,
    coverage: float | None = None,
    precision: float | None = None,
    seed: int = 0,
) -> Figures:
    """Return a threshold per class of `task` in a one-model table, and what they buy.

    {task, wish, n, method, before, coverage, accuracy, per_class: [{label, threshold, called,
    coverage, precision, before}], groups}: a threshold of None abstains always; `before` is the
    accuracy, or precision, without abstention; all other figures are cross-fitted.

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
        {
            "label": label,
            "threshold": float(plan.threshold[c]) if np.isfinite(plan.threshold[c]) else None,
            "called": int(plan.called[c]),
            "coverage": covered[c],
            "precision": precisions[c],
            "before": before[c],
        }
        for c, label in enumerate(classes.labels)
    ]
    return {
        "task": task,
        "wish": wish,
        "n": len(is_right),
        "seed": seed,
        "method": sample.method,
        "before": sample.share(is_right),
        "coverage": sample.share(is_kept),
        "accuracy": kept.share(is_right[is_kept]),
        "per_class": per_class,
        "groups": _by_group(arrays.coded_groups(table), rows, is_kept, kept),
    }


def single_threshold(
    table: pa.Table, task: str, precision: float = CARD_PRECISION, *, seed: int = 0
) -> Figures:
    """Return the one threshold for `task` of a one-model table, and what it buys.

    {task, wish, n, seed, method, limit, floor, before, coverage, accuracy}: a limit of 1 abstains
    always; coverage and accuracy are cross-fitted. See `selective.limit`.

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
    is_kept = selective.over_limit(
        rows.confidence, is_right, precision, floor=MIN_THRESHOLD, seed=seed, cluster=sample.cluster
    )
    return {
        "task": task,
        "wish": {"precision": precision},
        "n": len(is_right),
        "seed": seed,
        "method": sample.method,
        "limit": selective.limit(
            rows.confidence, is_right, precision, floor=MIN_THRESHOLD, cluster=sample.cluster
        ),
        "floor": MIN_THRESHOLD,
        "before": sample.share(is_right),
        "coverage": sample.share(is_kept),
        "accuracy": sample.part(is_kept).share(is_right[is_kept]),
    }


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
) -> Figures:
    """Return group -> [{value, coverage, accuracy, before}] for groups of few values."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, group in groups.items():
        k, codes = len(group.values), group.at(rows.classes.rows).codes
        if k > MAX_GROUP_VALUES:
            continue
        coverage = rows.sample.shares(is_kept, codes, k)
        accuracy = kept.shares(rows.is_right[is_kept], codes[is_kept], k)
        before = rows.sample.shares(rows.is_right, codes, k)
        values = [
            {"value": value, "coverage": c, "accuracy": a, "before": b}
            for value, c, a, b in zip(group.values, coverage, accuracy, before, strict=True)
            if c.n
        ]
        if values:
            tables[name] = values
    return tables
