"""Across tasks: does a mistake in one task go with a mistake in another, for instance a wrong
perceived gender with a larger age error?
"""

from __future__ import annotations

import numpy as np

from evaluation.predictions import arrays
from evaluation.statistics.bootstrap import spread
from evaluation.statistics.estimate import Estimate, Figures, Sample


def cross(
    emotion: arrays.Classes | None,
    gender: arrays.Classes | None,
    ages: arrays.Ages | None,
    cluster: np.ndarray | None,
    by: str | None,
) -> list[Figures]:
    """Per pair of tasks that share rows {task, figure, given, n, right, wrong, difference}.

    figure: `mae` (years) or `accuracy` of `task` where the answer of the task `given` is right, and
    where it is wrong; difference: wrong minus right, with its interval over all rows that have
    both. A pair is left out where `given` is never or always wrong.
    """
    answers = {
        name: (seen.rows, seen.true == seen.pred)
        for name, seen in (("gender", gender), ("emotion", emotion))
        if seen is not None
    }
    outcomes = {
        name: (rows, right.astype(float), "accuracy") for name, (rows, right) in answers.items()
    }
    if ages is not None:
        outcomes["age"] = (ages.rows, np.abs(ages.pred - ages.true), "mae")
    made = []
    for given, task in (("gender", "age"), ("emotion", "age"), ("gender", "emotion")):
        if given in answers and task in outcomes:
            rows, right, values = _both(*answers[given], *outcomes[task][:2])
            if right.any() and not right.all():
                own = None if cluster is None else arrays.only(cluster, rows)
                made.append(
                    {
                        "task": task,
                        "figure": outcomes[task][2],
                        "given": given,
                        **split(values, right, Sample(len(rows), own, by)),
                    }
                )
    return made


def _both(
    a: np.ndarray, right: np.ndarray, b: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows in both `a` and `b`, `right` of a's and `values` of b's at them)."""
    if np.array_equal(a, b):
        return a, right, values
    rows, in_a, in_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return rows, right[in_a], values[in_b]


def split(values: np.ndarray, right: np.ndarray, sample: Sample) -> Figures:
    """The mean of float (n,) `values` where bool (n,) `right` and where not, and the difference
    (wrong minus right) with its interval.
    """
    wrong = (~right).astype(np.int64)
    ends = sample.means(values, wrong, 2)
    totals = np.concatenate(
        [sample.draws.counts(wrong, 2, values), sample.draws.counts(wrong, 2)], axis=1
    )
    drawn = sample.draws.draw(totals)  # (rounds, 4): sums right and wrong, samples right and wrong
    with np.errstate(invalid="ignore", divide="ignore"):
        means = drawn[:, :2] / drawn[:, 2:]
    difference = Estimate.of(
        ends[1].value - ends[0].value, spread(means[:, 1] - means[:, 0]), sample.n
    )
    return {"n": sample.n, "right": ends[0], "wrong": ends[1], "difference": difference}
