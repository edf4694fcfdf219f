"""How well a score separates one class from the rest.

`score`: float (N,); `positive`: bool (N,); `weight`: float (N,) >= 0 or None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What is predicted positive at each distinct score, highest first, all float64 (T,).

    Attributes:
        threshold: the score from which samples are predicted positive.
        hits: weight of those that are positive.
        alarms: weight of those that are not.
    """

    threshold: np.ndarray
    hits: np.ndarray
    alarms: np.ndarray

    def roc(self) -> tuple[np.ndarray, np.ndarray]:
        """Return false and true positive rates, each (T + 1,), from (0, 0) to (1, 1).

        A rate is NaN where its class has no samples.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            false, true = (
                np.append(0.0, c) / (c[-1] if len(c) else 0.0) for c in (self.alarms, self.hits)
            )
        return false, true

    def precision_recall(self) -> tuple[np.ndarray, np.ndarray]:
        """Return precision and recall at each distinct score, highest first, each (T,).

        Recall is NaN without positive samples.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.hits / (self.hits + self.alarms), self.hits / self.hits[-1:].sum()

    def areas(self) -> tuple[float, float]:
        """Return AUROC and average precision.

        The chance that a positive scores above a negative (ties count half), and the area under
        the precision-recall curve as a sum of steps. NaN where a class has no samples that the
        figure needs.
        """
        if not len(self.hits):
            return float("nan"), float("nan")
        (false, true), (precision, recall) = self.roc(), self.precision_recall()
        steps = np.nan_to_num(precision) @ np.diff(recall, prepend=0.0)
        is_known = not np.isnan(recall[-1])
        return float(np.trapezoid(true, false)), float(steps) if is_known else float("nan")


def counts(score: np.ndarray, positive: np.ndarray, weight: np.ndarray | None = None) -> Counts:
    """Count what is predicted positive at each distinct score; equal scores count together.

    Args:
        score: float (N,), higher for more positive.
        positive: bool (N,), the truth.
        weight: float (N,) of each sample, at least 0; None: 1 each.

    Raises:
        ValueError: shapes differ or a score is NaN, which has no place in an order.
    """
    shapes = [v.shape for v in (score, positive, weight) if v is not None]
    if len(set(shapes)) > 1 or score.ndim != 1 or np.isnan(score).any():
        raise ValueError(
            f"Expected `score`, `positive` and `weight` of one shape (N,) and no NaN, got {shapes}."
        )
    order = np.argsort(-score)  # equal scores end up together in any order
    score, positive = score[order], positive[order].astype(bool, copy=False)
    # the end of each run of equal scores
    last = np.flatnonzero(np.append(score[1:] != score[:-1], len(score) > 0))
    if weight is None:
        hits = np.cumsum(positive)[last]
        return Counts(score[last], hits.astype(np.float64), (last + 1 - hits).astype(np.float64))
    hits, alarms = (np.cumsum(weight[order] * v)[last] for v in (positive, ~positive))
    return Counts(score[last], hits, alarms)


def thinned(x: np.ndarray, y: np.ndarray, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return at most `points` of a curve's points, with both ends, for drawing.

    Args:
        x: float (T,), rising or falling; the points are spread evenly over it.
        y: (T,).
        points: how many are kept, at least 2.

    Returns:
        Those of `x` and of `y`, each (n,), n <= points.
    """
    if len(x) <= points:
        return x, y
    rising = x if x[-1] >= x[0] else -x
    at = np.unique(
        np.append(
            np.searchsorted(rising, np.linspace(rising[0], rising[-1], points - 1)), len(x) - 1
        ).clip(0, len(x) - 1)
    )
    return x[at], y[at]
