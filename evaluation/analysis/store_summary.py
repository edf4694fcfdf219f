"""Headline figures of a store from counts alone: keys and values as in
`evaluation.analysis.summary`, at any size of table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from evaluation.analysis import confidence
from evaluation.analysis.age_errors import ERROR
from evaluation.analysis.classification import OF_MATRIX
from evaluation.analysis.each_class import matrices
from evaluation.analysis.summed import several, summed
from evaluation.statistics.estimate import Figures
from evaluation.store.filters import Where
from evaluation.store.store import Store
from evaluation.store.tables import RIGHT_YEARS


def summary(store: Store, where: Where) -> Figures:
    """{model, dataset, split, rows, emotion, gender, age} of the rows of `where`, which should name
    one model; a task without rows is None.

    Where the tables name persons or films, all intervals draw these whole.
    """

    def named(by: str) -> str | None:
        return ", ".join(str(row[0]) for row in store.counts([by], where) if row[0]) or None

    return {
        "model": named("model"),
        "dataset": named("dataset"),
        "split": named("split"),
        "rows": store.count(where),
        **{task: classes(store, task, where) for task in ("emotion", "gender")},
        "age": ages(store, where),
    }


def _squared(of: Callable[[np.ndarray], np.ndarray], k: int, cells: np.ndarray) -> np.ndarray:
    """`of` flat confusion matrices (..., k * k)."""
    return of(cells.reshape(*cells.shape[:-1], k, k))


def classes(store: Store, task: str, where: Where) -> Figures | None:
    """n, accuracy, macro_f1, balanced_accuracy, kappa, ece (None without probabilities); None
    without rows.
    """
    if task not in store.tasks:
        return None
    seen, k = matrices(store, task, where), len(store.labels(task))
    if not seen.n:
        return None
    right, every = np.eye(k, dtype=bool).ravel(), np.ones(k * k, bool)
    return {
        "n": seen.n,
        "accuracy": seen.share(right, every),
        **{name: seen.of(partial(_squared, of, k)) for name, of in OF_MATRIX.items()},
        "ece": confidence.ece(store, task, where) if confidence.has(store, task) else None,
    }


def ages(store: Store, where: Where) -> Figures | None:
    """n, mae, bias, rmse (years), cs5 of the age; None without rows."""
    if "age" not in store.tasks:
        return None
    mae, bias, square = (
        s.figures()[0]
        for s in several(store, where, "0", 1, [f"abs({ERROR})", ERROR, f"{ERROR} * {ERROR}"])
    )
    if not mae.n:
        return None
    rmse = square.clipped(0.0).root()
    near = summed(store, where, "0", 1, f"(abs({ERROR}) <= {RIGHT_YEARS})::INT", share=True)
    return {"n": mae.n, "mae": mae, "bias": bias, "rmse": rmse, "cs5": near.figures()[0]}
