"""A store's classes one by one: precision, recall, F1, areas under ROC and PR curves with
intervals, from counts alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.metrics import classification, curves
from evaluation.statistics.bootstrap import spread
from evaluation.statistics.estimate import Estimate, Figures
from evaluation.store.filters import Where
from evaluation.store.ingest import SPACES
from evaluation.store.resampled import Drawn, counted, rows
from evaluation.store.store import Store

REACH = 16.0
"""Probabilities are binned by their logit from -REACH to REACH, so that those near 0 and 1 stay
apart: 1e-7 is what a float keeps there.
"""
FINE, COARSE = 3200, 64
"""Bins for the curves (0.01 of a logit: areas are exact to about 1e-4) and for their intervals."""
UNITS_OF_AREAS, ROUNDS_OF_AREAS = 400, 400


def matrices(store: Store, task: str, where: Where) -> Drawn:
    """The confusion matrix of `where` with what it may be when drawn again; cells are true * k +
    predicted over `store.labels(task)`.
    """
    codes = [SPACES[task].index(label) for label in store.labels(task)]
    size = len(SPACES[task])
    seen = counted(store, where, f"t.{task}_true::INT * {size:d} + t.{task}_pred", size * size)
    kept = (np.array(codes)[:, None] * size + np.array(codes)).ravel()
    return Drawn(
        seen.counts[kept], None if seen.totals is None else seen.totals[:, kept], seen.rounds
    )


def per_class(store: Store, task: str, where: Where) -> list[Figures]:
    """Of each of `store.labels(task)`: {label, n, called, precision, recall, f1}, with 95 %
    intervals; where should name one model.
    """
    labels = store.labels(task)
    k, seen = len(labels), matrices(store, task, where)
    if not seen.n:
        return []
    f1 = classification.per_class(seen.counts.reshape(k, k)).f1
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = classification.per_class(seen.drawn.reshape(-1, k, k)).f1
    true, pred = (v.ravel() for v in np.indices((k, k)))
    return [
        {
            "label": label,
            "n": int(seen.counts[true == i].sum()),
            "called": int(seen.counts[pred == i].sum()),
            "precision": seen.share(true == pred, pred == i),
            "recall": seen.share(true == pred, true == i),
            "f1": Estimate.of(f1[i], spread(drawn[:, i]), seen.n),
        }
        for i, label in enumerate(labels)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How well one class's probability finds it. roc: false, true positive rate; pr: recall,
    precision, each two (T,) thinned for drawing.

    auroc, ap: figures with intervals; n: rows of the class, others: the rest.
    """

    label: str
    n: int
    others: int
    roc: tuple[np.ndarray, np.ndarray]
    pr: tuple[np.ndarray, np.ndarray]
    auroc: Estimate
    ap: Estimate


def curve(store: Store, task: str, where: Where, label: str) -> Curve | None:
    """ROC and PR of one class against all others; None without probabilities of it or without rows."""
    p = store._probability(task, SPACES[task].index(label))
    if p is None or f"{task}_true" not in store.columns:
        return None
    code = SPACES[task].index(label)
    own = f"(t.{task}_true = {code:d})::INT"
    logit = f"ln(greatest(({p})::DOUBLE, 1e-7) / greatest(1 - ({p})::DOUBLE, 1e-7))"

    def binned(bins: int) -> str:
        at = f"least(greatest(floor(({logit} + {REACH}) * {bins / (2 * REACH)})::INT, 0), {bins - 1:d})"
        return f"CASE WHEN ({p}) IS NULL THEN NULL ELSE {at} * 2 + {own} END"

    counts = rows(store, where, binned(FINE), 2 * FINE)
    if not counts.sum():
        return None
    score, positive = np.divmod(np.arange(2 * FINE), 2)
    weight = counts.astype(np.float64)
    there = counts > 0
    score, positive, weight = (
        score[there].astype(np.float64),
        positive[there].astype(bool),
        weight[there],
    )
    false, true = curves.roc(score, positive, weight)
    precision, recall = curves.precision_recall(score, positive, weight)
    exact = curves.areas(score, positive, weight)
    seen = counted(
        store, where, binned(COARSE), 2 * COARSE, units=UNITS_OF_AREAS, rounds=ROUNDS_OF_AREAS
    )
    rank, precise = seen.of(_auroc, exact=exact[0]), seen.of(_average_precision, exact=exact[1])
    n, others = int(counts[1::2].sum()), int(counts[::2].sum())
    return Curve(
        label,
        n,
        others,
        curves.thinned(false, true),
        curves.thinned(recall, precision),
        rank.clipped(0.0, 1.0),
        precise.clipped(0.0, 1.0),
    )


def _split(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., 2 * bins) -> rows of others and of the class, each (..., bins), highest score first."""
    return counts[..., ::2][..., ::-1], counts[..., 1::2][..., ::-1]


def _auroc(counts: np.ndarray) -> np.ndarray:
    """(..., 2 * bins) -> (...): the chance that a row of the class scores above one of the others,
    ties half.
    """
    others, own = _split(counts)
    above = own.cumsum(axis=-1) - own / 2
    return (others * above).sum(axis=-1) / (others.sum(axis=-1) * own.sum(axis=-1))


def _average_precision(counts: np.ndarray) -> np.ndarray:
    """(..., 2 * bins) -> (...): precision at each score, weighted by the rows of the class found
    there.
    """
    others, own = _split(counts)
    hits = own.cumsum(axis=-1)
    precision = np.nan_to_num(hits / (hits + others.cumsum(axis=-1)))
    return (precision * own).sum(axis=-1) / own.sum(axis=-1)
