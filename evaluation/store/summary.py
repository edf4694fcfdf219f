"""Headline figures of a store from counts alone: the same keys and values as `evaluation.figures`, at any size of table."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluation.figures import Figures, figure, proportion
from evaluation.metrics import classification, intervals
from evaluation.store.store import Store
from evaluation.store.where import Where

FINE = 20
"""Fine bins in each bin of the calibration error, for its interval."""
BINS = 15
MANY_CLUSTERS = 200_000
OF_MATRIX = {
    "macro_f1": classification.macro_f1, "balanced_accuracy": classification.balanced_accuracy, "kappa": classification.kappa,
}  # fmt: skip


def summary(store: Store, where: Where) -> Figures:
    """{model, dataset, split, rows, emotion, gender, age} of the rows of `where`, which should name one model; a task without rows is None.

    Intervals are drawn over clusters where the tables name persons or films, as `evaluation.figures` does.
    """

    def named(by: str) -> str | None:
        return ", ".join(str(row[0]) for row in store.counts([by], where) if row[0]) or None

    return {
        "model": named("model"), "dataset": named("dataset"), "split": named("split"), "rows": store.count(where),
        **{task: classes(store, task, where) for task in ("emotion", "gender")}, "age": ages(store, where),
    }  # fmt: skip


def classes(store: Store, task: str, where: Where) -> Figures | None:
    """n, accuracy, macro_f1, balanced_accuracy, kappa, ece, per_class and the confusion matrix; None without rows."""
    matrix = store.confusion(task, where)
    n = int(matrix.sum())
    if n == 0:
        return None
    clustered = store.clustered(task, where, MANY_CLUSTERS)

    def spread(of: Any) -> tuple[float, float]:
        return intervals.bootstrap_counts(of, matrix) if clustered is None else intervals.bootstrap_clusters(of, clustered)

    right = proportion(int(np.trace(matrix)), n)
    if clustered is not None:
        right = figure(right["value"], spread(lambda m: np.trace(m, axis1=-2, axis2=-1) / m.sum(axis=(-2, -1))), n)
    each, labels = classification.per_class(matrix), store.labels(task)
    return {
        "n": n, "accuracy": right, **{name: figure(float(of(matrix)), spread(of), n) for name, of in OF_MATRIX.items()},
        "ece": _ece(store, task, where), "labels": list(labels), "confusion": matrix.tolist(),
        "per_class": [
            {
                "label": label, "n": int(each.support[i]), "recall": proportion(int(matrix[i, i]), int(each.support[i])),
                "precision": proportion(int(matrix[i, i]), int(matrix[:, i].sum())), "f1": figure(each.f1[i], (np.nan, np.nan), n)["value"],
            }
            for i, label in enumerate(labels)
        ],
    }  # fmt: skip


def _ece(store: Store, task: str, where: Where) -> Figures | None:
    """Calibration error from fine bins: their counts of right and wrong answers are what the bootstrap draws again."""
    seen = store.reliability(task, where, BINS * FINE)
    n = int(seen.count.sum())
    if n == 0:
        return None
    middle, hits = np.nan_to_num(seen.confidence), np.rint(np.nan_to_num(seen.accuracy) * seen.count).astype(np.int64)
    counts = np.stack([hits, seen.count - hits], axis=1)  # (fine, 2): right, wrong

    def of(drawn: np.ndarray) -> np.ndarray:  # (..., fine, 2) -> (...)
        gap = drawn[..., 0] - drawn.sum(axis=-1) * middle  # sum of (right - confidence) in each fine bin
        return np.abs(gap.reshape(*gap.shape[:-1], BINS, FINE).sum(axis=-1)).sum(axis=-1) / drawn.sum(axis=(-2, -1))

    return figure(float(of(counts)), intervals.bootstrap_counts(of, counts, rounds=300), n)


def ages(store: Store, where: Where) -> Figures | None:
    """n, mae, bias, rmse, cs5, interval (coverage) of the age; None without rows. Bootstrap up to MANY rows, normal intervals beyond."""
    sums = store.age_sums(where).get("")
    if not sums or not sums["n"]:
        return None
    n = int(sums["n"])
    means = {"mae": sums["abs"] / n, "bias": sums["e"] / n, "rmse": (sums["e2"] / n) ** 0.5}
    if n <= intervals.MANY:
        seen = store.ages(where)
        assert seen is not None
        error = seen.pred - seen.true
        spread = {"mae": intervals.bootstrap_mean(np.abs(error)), "bias": intervals.bootstrap_mean(error)}
        squares = intervals.bootstrap_mean(error**2)
        spread["rmse"] = (max(squares[0], 0.0) ** 0.5, squares[1] ** 0.5)
    else:
        half = {"mae": _half(sums["abs"], sums["e2"], n), "bias": _half(sums["e"], sums["e2"], n)}
        fourth = store.age_fourth(where)
        low, high = (sums["e2"] / n + sign * _half(sums["e2"], fourth, n) for sign in (-1, 1))
        spread = {k: (means[k] - h, means[k] + h) for k, h in half.items()} | {"rmse": (max(low, 0.0) ** 0.5, high**0.5)}
    held = None if np.isnan(sums["held"]) else {"coverage": proportion(int(sums["held"]), n)}
    return {"n": n, **{k: figure(v, spread[k], n) for k, v in means.items()}, "cs5": proportion(int(sums["near"]), n), "interval": held}


def _half(total: float, squares: float, n: int) -> float:
    """Half the normal 95 % interval of a mean, from the sums of values and of their squares."""
    return 1.959963984540054 * (max(squares / n - (total / n) ** 2, 0.0) / n) ** 0.5
