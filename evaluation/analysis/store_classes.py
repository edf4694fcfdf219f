"""A store's classes one by one: precision, recall, F1, and the areas under ROC and PR curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.analysis import from_counts
from evaluation.analysis.from_counts import CURVE_BINS, ClassScores
from evaluation.analysis.sql import class_logit_cell
from evaluation.metrics import curves
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate
from evaluation.store.counts import grouped_counts, row_counts
from evaluation.store.encoding import TASK_LABELS
from evaluation.store.filters import Where
from evaluation.store.store import Store

EXACT_ROWS = 100_000
"""Rows up to which curves are made of single samples; beyond, of FINE_CURVE_BINS."""
FINE_CURVE_BINS = 3200
"""0.01 of a logit each: areas are exact to about 1e-4."""


def matrix(store: Store, task: str, where: Where) -> GroupedCounts:
    """Return the confusion matrix of `where`.

    Cells are true * k + predicted over `store.labels(task)`.
    """
    codes = [TASK_LABELS[task].index(label) for label in store.labels(task)]
    k, size = len(codes), len(TASK_LABELS[task])
    counts = grouped_counts(
        store, where, f"t.{task}_true::INT * {size:d} + t.{task}_pred", size * size
    )
    cells = np.full(size * size, -1)
    cells[(np.array(codes)[:, None] * size + np.array(codes)).ravel()] = np.arange(k * k)
    return counts.merged(cells, k * k)


def per_class(store: Store, task: str, where: Where) -> dict[str, ClassScores]:
    """Return the scores of each of `store.labels(task)`.

    Empty without rows; `where` should name one model.
    """
    labels, counts = store.labels(task), matrix(store, task, where)
    if not counts.total:
        return {}
    scores = from_counts.class_scores(counts, len(labels))
    return dict(zip(labels, scores, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class ClassCurve:
    """How well one class's probability separates it from all others.

    Attributes:
        label: the class; n: samples of it; others: the rest.
        roc: false and true positive rates, each (T,), thinned for drawing.
        pr: recall and precision, each (T,).
        auroc, ap: areas under both.
    """

    label: str
    n: int
    others: int
    roc: tuple[np.ndarray, np.ndarray]
    pr: tuple[np.ndarray, np.ndarray]
    auroc: Estimate
    ap: Estimate


def class_curve(store: Store, task: str, where: Where, label: str) -> ClassCurve | None:
    """Return ROC and PR of one class against all others; None without probabilities or rows."""
    code = TASK_LABELS[task].index(label)
    p = store.probability(task, code)
    if p is None or f"{task}_true" not in store.columns:
        return None
    is_class = f"(t.{task}_true = {code:d})::INT"
    score, positive, weight = _scores(store, where, p, is_class)
    if not len(score):
        return None
    false, true = curves.roc(score, positive, weight)
    precision, recall = curves.precision_recall(score, positive, weight)
    exact = curves.areas(score, positive, weight)
    cell = class_logit_cell(p, is_class, CURVE_BINS)
    counts = grouped_counts(store, where, cell, 2 * CURVE_BINS)
    auroc, ap = from_counts.areas(counts, exact)
    n = int(weight[positive].sum())
    return ClassCurve(
        label,
        n,
        int(weight.sum()) - n,
        curves.thinned(false, true),
        curves.thinned(recall, precision),
        auroc,
        ap,
    )


def _scores(
    store: Store, where: Where, p: str, is_class: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, whether they are of the class, and how many samples have both, each (T,)."""
    if store.count(where) <= EXACT_ROWS:
        clause, params = store.clause(where)
        rows = store.arrow(
            f"SELECT ({p})::DOUBLE AS score, {is_class} AS positive, count(*) AS n FROM t "
            f"WHERE {clause} AND ({p}) IS NOT NULL AND ({is_class}) IS NOT NULL GROUP BY 1, 2",
            params,
        )
        score, positive, n = (rows[c].to_numpy() for c in ("score", "positive", "n"))
        return score, positive.astype(bool), n.astype(np.float64)
    cell = class_logit_cell(p, is_class, FINE_CURVE_BINS)
    counts = row_counts(store, where, cell, 2 * FINE_CURVE_BINS)
    occupied = np.flatnonzero(counts)
    score, positive = np.divmod(occupied, 2)
    return score.astype(np.float64), positive.astype(bool), counts[occupied].astype(np.float64)
