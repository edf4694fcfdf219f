"""Calibration of probabilities and age intervals: a few numbers, fitted on validation data.

Classes get one temperature each (Guo et al., arXiv 1706.04599). Ages get one too, and then factors
by age, so that an interval holds its share at every age and not only on average; see
`core.age_intervals`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from core import age_intervals
from core.artifacts.card import Head
from core.calibration import INTERVAL_COVERAGE, activate, central_interval, estimate_age
from evaluation.metrics.calibration import fit_temperature, softmax
from evaluation.metrics.regression import BANDS, WIDTH, bands
from evaluation.metrics.selective import halves
from train.batches.data import DatasetPart

TEMPERATURE_RANGE = (0.2, 5.0)
SCALE_RANGE = (0.01, 100.0)
FACTOR_RANGE = (0.05, 50.0)
MIN_DECADE_SIZE = 20
"""People of a decade from which on it gets a factor of its own; below, its neighbours' are used."""
MAX_ITERATIONS = 60

Array: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[Any]
"""Class indices, int (N,), or years, float (N,)."""
ByTask: TypeAlias = Mapping[str, NDArray[Any]]
"""Task -> one row per sample."""


def true_labels(heads: Sequence[Head], parts: Sequence[DatasetPart]) -> dict[str, Labels]:
    """Return the labels of all samples by task, each (N,).

    Class indices, -1 where there is none; years, NaN where there is none.
    """
    return {h.task: np.concatenate([getattr(p.samples, h.task) for p in parts]) for h in heads}


def has_label(task: str, labels: Labels) -> NDArray[np.bool_]:
    """Return which samples have a label of a task, (N,); see `true_labels`."""
    mask: NDArray[np.bool_] = ~np.isnan(labels) if task == "age" else labels >= 0
    return mask


def fit(heads: Sequence[Head], logits: ByTask, labels: ByTask) -> dict[str, float]:
    """Return a card's calibration; tasks without labels are left out.

    Classes: the temperature of least negative log-likelihood of the majority labels (votes alone
    would keep the network under-confident about the majority). Age distribution: the temperature at
    which the central interval holds its nominal share of the ages. Age regression: the half width
    of that interval, in years. Then the factors `age@Y` of `decade_factors`.

    Args:
        heads: of the model.
        logits: raw outputs by task, (N, width).
        labels: see `true_labels`.
    """
    calibration: dict[str, float] = {}
    for head in heads:
        rows = has_label(head.task, labels[head.task])
        if rows.any():
            z = logits[head.task][rows].astype(np.float64)
            calibration |= _fit_head(head, z, labels[head.task][rows])
    return {name: round(value, 4) for name, value in calibration.items()}


def _fit_head(head: Head, z: Array, labels: Labels) -> dict[str, float]:
    if head.task != "age":
        of_classes = z if head.kind == "softmax" else np.hstack([z, np.zeros_like(z)])
        return {head.task: fit_temperature(of_classes, labels, *TEMPERATURE_RANGE)}
    ages = labels.astype(np.float64)
    if head.kind == "regression":
        scale = float(np.quantile(np.abs(z[:, 0] - ages), INTERVAL_COVERAGE))
    else:
        scale = _temperature_for_coverage(z, ages)
    scale = float(np.clip(scale, *SCALE_RANGE))
    value, low, high = estimate_age(activate(z, head, scale), head.kind, {head.task: scale})
    return {head.task: scale, **decade_factors(value, low, high, ages)}


def _temperature_for_coverage(z: Array, ages: Array) -> float:
    def surplus(temperature: float) -> float:
        low, high = central_interval(softmax(z, temperature), INTERVAL_COVERAGE)
        return float(np.mean((low <= ages) & (ages <= high))) - INTERVAL_COVERAGE

    lowest, highest = TEMPERATURE_RANGE
    if surplus(lowest) >= 0:
        return lowest
    if surplus(highest) <= 0:
        return highest
    return float(brentq(surplus, lowest, highest, xtol=1e-3))


def decade_factors(value: Array, low: Array, high: Array, ages: Array) -> dict[str, float]:
    """Return factors of the intervals' widths by age, `age@Y` -> factor.

    There is one for the middle Y of every decade with at least MIN_DECADE_SIZE people: the one at
    which the share INTERVAL_COVERAGE of the people of that true age lies inside, as split conformal
    prediction counts it (one more than there are, so that it also holds for the next one; Lei et
    al., arXiv 1604.04173).

    Args:
        value: predicted ages, (N,).
        low: lower ends of their intervals, (N,).
        high: upper ends, (N,).
        ages: true ages, (N,).
    """
    distance = age_intervals.distance(ages, value, low, high)
    decade = bands(ages)
    decades = np.flatnonzero(np.bincount(decade, minlength=BANDS) >= MIN_DECADE_SIZE)
    if not len(decades):
        return {}
    middles, factors = (decades + 0.5) * WIDTH, np.ones(len(decades))
    members = [np.flatnonzero(decade == d) for d in decades]
    ranks = [min(len(m), int(np.ceil((len(m) + 1) * INTERVAL_COVERAGE))) - 1 for m in members]
    for _ in range(MAX_ITERATIONS):
        # Factors between two middles are interpolated, so both change: half a step at a time.
        relative = distance / np.interp(ages, middles, factors)
        step = np.array(
            [np.partition(relative[m], rank)[rank] for m, rank in zip(members, ranks, strict=True)]
        )
        factors = np.clip(factors * np.sqrt(np.maximum(step, 1e-6)), *FACTOR_RANGE)
    return {
        f"{age_intervals.PREFIX}{y:g}": float(factor)
        for y, factor in zip(middles, factors, strict=True)
    }


def cross_fitted_ages(head: Head, z: Array, ages: Array) -> tuple[Array, Array, Array]:
    """Return ages and interval ends, (N,) each, every half calibrated on the other half.

    It shows what a calibration on half as many people achieves on new ones.

    Args:
        head: the age head.
        z: its raw outputs, (N, width).
        ages: true ages, (N,), none missing.
    """
    first = halves(len(z), seed=0)
    result = np.zeros((3, len(z)))
    for fitted_on, measured_on in ((first, ~first), (~first, first)):
        calibration = fit([head], {head.task: z[fitted_on]}, {head.task: ages[fitted_on]})
        probabilities = activate(z[measured_on], head, calibration.get(head.task, 1.0))
        result[:, measured_on] = estimate_age(probabilities, head.kind, calibration)
    return result[0], result[1], result[2]
