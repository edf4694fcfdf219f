"""A store's classes one by one: precision, recall, F1, and the areas under ROC and PR curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.analysis import from_counts
from evaluation.analysis.from_counts import ClassScores
from evaluation.analysis.sql import label_places
from evaluation.analysis.store_scores import score_counts, scores
from evaluation.metrics import curves
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate
from evaluation.store.counts import grouped_counts
from evaluation.store.filters import Where
from evaluation.store.store import Store


def matrix(store: Store, task: str, where: Where) -> GroupedCounts:
    """Return the confusion matrix of `where`.

    Cells are true * k + predicted over `store.labels(task)`.
    """
    k, places = len(store.labels(task)), label_places(store, task)
    size = len(store.label_space(task))
    cells = places[:size, None] * k + places[:size]
    cell = f"t.{task}_true::INT * {size:d} + t.{task}_pred"
    return grouped_counts(store, where, cell, k * k, places=cells.ravel())


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
    code = store.label_space(task).index(label)
    p = store.probability(task, code)
    if p is None or f"{task}_true" not in store.columns:
        return None
    is_class = f"(t.{task}_true = {code:d})::INT"
    score, positive, weight = scores(store, where, p, is_class)
    if not len(score):
        return None
    counts = curves.counts(score, positive, weight)
    false, true = counts.roc()
    precision, recall = counts.precision_recall()
    auroc, ap = from_counts.areas(score_counts(store, where, p, is_class), counts.areas())
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
