"""A store's age errors (years) by bands and groups, CS@k, and what a wrong class has to do with
them, from sums alone.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from evaluation.analysis.summed import several, summed
from evaluation.metrics import regression
from evaluation.statistics.estimate import Estimate, Figures
from evaluation.store.filters import Where
from evaluation.store.resampled import counted
from evaluation.store.store import Store

ERROR = "(t.age_pred::DOUBLE - t.age_true)"
OLDEST = regression.WIDTH * regression.BANDS
"""Years at which, whatever the bands' width, the last band ends or has begun."""


def band_count(width: int) -> int:
    """Bands of `width` years; the last is open.

    >>> band_count(10), band_count(7), band_count(90)
    (9, 13, 1)
    """
    return -(-OLDEST // width)


def band_names(width: int, count: int | None = None) -> list[str]:
    """
    >>> band_names(30)
    ['0-29', '30-59', '60+']
    """
    starts = [width * i for i in range((count or band_count(width)) + 1)]
    names = [f"{a}-{b - 1}" if width > 1 else f"{a}" for a, b in pairwise(starts)]
    return [*names[:-1], f"{starts[-2]}+"]


def band(column: str, width: int) -> str:
    """SQL: the band of a column of ages, NULL where unknown."""
    at = (
        f"least(greatest(floor(t.{column}::DOUBLE / {width:d})::INT, 0), {band_count(width) - 1:d})"
    )
    # least and greatest pass over NULL
    return f"(CASE WHEN t.{column} IS NULL THEN NULL ELSE {at} END)"


def by_band(store: Store, where: Where, width: int) -> dict[str, list[Estimate]]:
    """{mae, bias}: a figure for each band of the true age and, last, one of all ages; empty without
    ages.
    """
    return _errors(store, where, band("age_true", width), band_count(width), [], whole=True)


def by_group(store: Store, where: Where, group: str) -> dict[str, list[Estimate]]:
    """{mae, bias}: a figure for each of `store.groups[group]`."""
    cell, params = at_group(store, group)
    return _errors(store, where, cell, len(store.groups[group]), params)


def _errors(
    store: Store, where: Where, cell: str, size: int, params: list[int], whole: bool = False
) -> dict[str, list[Estimate]]:
    if "age" not in store.tasks:
        return {}
    found = dict(
        zip(
            ("mae", "bias"),
            several(store, where, cell, size, [f"abs({ERROR})", ERROR], params),
            strict=True,
        )
    )
    return {
        name: [*seen.figures(), *(seen.whole().figures() if whole else ())]
        for name, seen in found.items()
    }


def at_group(store: Store, group: str) -> tuple[str, list[int]]:
    """SQL for the place of a row's value in `store.groups[group]`, NULL where unknown, and its
    parameters.
    """
    column = store._group(group)
    texts, values = store._codes[column], store.groups[group]
    params = [v for i, value in enumerate(values) for v in (texts.index(value), i)]
    return f"(CASE t.{column}::INT{' WHEN ? THEN ?' * len(values)} END)", params


def right_by_band(store: Store, task: str, where: Where, width: int) -> list[Estimate]:
    """Accuracy of emotion or gender in each band of the true age."""
    return _right(store, task, where, band("age_true", width), band_count(width), [])


def right_by_group(store: Store, task: str, where: Where, group: str) -> list[Estimate]:
    """Accuracy of emotion or gender for each of `store.groups[group]`."""
    cell, params = at_group(store, group)
    return _right(store, task, where, cell, len(store.groups[group]), params)


def right_whole(store: Store, task: str, where: Where) -> Estimate:
    """Accuracy of emotion or gender over all rows."""
    return _right(store, task, where, "0", 1, [])[0]


def _right(
    store: Store, task: str, where: Where, cell: str, size: int, params: list[int]
) -> list[Estimate]:
    return summed(store, where, cell, size, right(task), params, share=True).figures()


def right(task: str) -> str:
    """SQL: 1 where the class is right, 0 where wrong, NULL without a truth or an answer."""
    return f"CASE WHEN t.{task}_true IS NULL OR t.{task}_pred IS NULL THEN NULL ELSE (t.{task}_pred = t.{task}_true)::INT END"


def cumulative(store: Store, where: Where, most: int = 15) -> list[Estimate]:
    """CS@k for k of 0 to `most` years: the share of ages whose error is at most k; empty without
    ages.
    """
    if "age" not in store.tasks:
        return []
    years = f"ceil(abs({ERROR}))"
    seen = counted(
        store,
        where,
        f"CASE WHEN {years} > {most:d} THEN {most + 1:d} ELSE {years}::INT END",
        most + 2,
    )  # NULL stays NULL
    whole = np.ones(most + 2, bool)
    return [seen.share(np.arange(most + 2) <= k, whole) for k in range(most + 1)] if seen.n else []


def off_by(store: Store, where: Where, width: int) -> tuple[np.ndarray, list[Estimate]]:
    """int64 (k, k): band of the true age (row) against that of the predicted one; and the share of
    ages at most 0, 1, ... bands off.
    """
    k = band_count(width)
    if "age" not in store.tasks:
        return np.zeros((k, k), np.int64), []
    seen = counted(
        store, where, f"{band('age_true', width)} * {k:d} + {band('age_pred', width)}", k * k
    )
    row, column = (v.ravel() for v in np.indices((k, k)))
    whole = np.ones(k * k, bool)
    return seen.counts.reshape(k, k), [
        seen.share(np.abs(row - column) <= off, whole) for off in range(k)
    ] if seen.n else []


PAIRS = (("gender", "age"), ("emotion", "age"), ("gender", "emotion"))
"""(the task that is right or wrong, the task whose figure is compared), as
`evaluation.analysis.cross_task` has them.
"""


def crossed(store: Store, where: Where) -> list[Figures]:
    """As `evaluation.analysis.cross_task.cross`: per pair of tasks {task, figure, given, n, right,
    wrong, difference}; figure is `mae` or `accuracy`.

    A pair is left out where `given` is never or always wrong.
    """
    made = []
    for given, task in PAIRS:
        if {given, task} <= set(store.tasks):
            value = f"abs({ERROR})" if task == "age" else right(task)
            seen = summed(store, where, f"1 - ({right(given)})", 2, value, share=task != "age")
            if seen.n.all():
                ends = dict(zip(("right", "wrong"), seen.figures(), strict=True))
                figure = "mae" if task == "age" else "accuracy"
                made.append(
                    {
                        "task": task,
                        "figure": figure,
                        "given": given,
                        "n": int(seen.n.sum()),
                        **ends,
                        "difference": seen.difference(0, 1),
                    }
                )
    return made
