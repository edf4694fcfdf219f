"""What makes a network's probabilities and age intervals honest: a few numbers, fitted on
validation.

Classes get one temperature each (Guo et al., arXiv 1706.04599). Ages get one too, and then factors
by age, so that an interval holds its share at every age and not only on average; see
`core.age_intervals`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import brentq

from core import age_intervals
from core.artifacts.card import Head
from core.calibration import INTERVAL_COVERAGE, activate, central_interval, estimate_age
from evaluation.metrics.calibration import fit_temperature, softmax
from evaluation.metrics.regression import BANDS, WIDTH, bands
from evaluation.metrics.selective import halves
from train.batches.data import DatasetPart

RANGE = (0.2, 5.0)
FACTORS = (0.05, 50.0)
LEAST = 20
"""People of a decade from which on it gets a factor of its own; its neighbours' serve for fewer."""
ROUNDS = 60

Values = Mapping[str, np.ndarray]


def truths(heads: Sequence[Head], parts: Sequence[DatasetPart]) -> dict[str, np.ndarray]:
    """What is known of all samples, by task, each (N,): class indices (-1: unknown) or years (NaN:
    unknown).
    """
    return {h.task: np.concatenate([getattr(p.samples, h.task) for p in parts]) for h in heads}


def known(task: str, truth: np.ndarray) -> np.ndarray:
    """Which truths of a task are known, bool (N,); see `truths`."""
    return ~np.isnan(truth) if task == "age" else truth >= 0


def fit(heads: Sequence[Head], raw: Values, truth: Values) -> dict[str, float]:
    """A card's calibration. raw: outputs by task (N, width); truth: see `truths`.

    By task, classes: the temperature of least negative log-likelihood of the majority labels (votes
    alone would keep the network under-confident about the majority). Age distribution: the
    temperature at which the central interval holds its nominal share of the ages. Age regression:
    the half width of that interval, in years. Then the factors `age@Y`. Tasks without labels are
    left out.
    """
    found: dict[str, float] = {}
    for head in heads:
        there = known(head.task, truth[head.task])
        if there.any():
            found |= _fit(head, raw[head.task][there].astype(np.float64), truth[head.task][there])
    return {k: round(v, 4) for k, v in found.items()}


def _fit(head: Head, z: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    if head.task != "age":
        return {
            head.task: fit_temperature(
                z if head.kind == "softmax" else np.hstack([z, np.zeros_like(z)]), truth, *RANGE
            )
        }
    scale = (
        float(np.quantile(np.abs(z[:, 0] - truth), INTERVAL_COVERAGE))
        if head.kind == "regression"
        else _for_coverage(z, truth)
    )
    scale = float(np.clip(scale, 0.01, 100))
    return {
        head.task: scale,
        **factors(*estimate_age(activate(z, head, scale), head.kind, {head.task: scale}), truth),
    }


def _for_coverage(z: np.ndarray, truth: np.ndarray) -> float:
    def surplus(temperature: float) -> float:
        low, high = central_interval(softmax(z, temperature), INTERVAL_COVERAGE)
        return float(np.mean((low <= truth) & (truth <= high))) - INTERVAL_COVERAGE

    low, high = RANGE
    if surplus(low) >= 0:
        return low
    if surplus(high) <= 0:
        return high
    return float(brentq(surplus, low, high, xtol=1e-3))


def factors(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, truth: np.ndarray
) -> dict[str, float]:
    """`age@Y` for the middle Y of every decade with at least LEAST people: those at which the share
    INTERVAL_COVERAGE of the people of that very age lies inside, as conformal prediction counts it (one more
    than there are, so that it also holds for the next one). All (N,).
    """
    far, decade = age_intervals.distance(truth, value, low, high), bands(truth)
    there = np.flatnonzero(np.bincount(decade, minlength=BANDS) >= LEAST)
    if not len(there):
        return {}
    at, factor = (there + 0.5) * WIDTH, np.ones(len(there))
    members = [np.flatnonzero(decade == d) for d in there]
    place = [min(len(m), int(np.ceil((len(m) + 1) * INTERVAL_COVERAGE))) - 1 for m in members]
    for _ in range(ROUNDS):  # neighbours share the line between them, so half a step at a time
        left = far / np.interp(truth, at, factor)
        step = np.array([np.partition(left[m], i)[i] for m, i in zip(members, place, strict=True)])
        factor = np.clip(factor * np.sqrt(np.maximum(step, 1e-6)), *FACTORS)
    return {f"{age_intervals.PREFIX}{y:g}": float(f) for y, f in zip(at, factor, strict=True)}


def crossed(
    head: Head, z: np.ndarray, truth: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Years and interval ends (N,) of the age head's raw outputs (N, width), each half calibrated
    on the other: what a calibration made of half as many people brings on new ones. truth: (N,)
    years, all known.
    """
    first = halves(len(z), seed=seed)
    found = np.zeros((3, len(z)))
    for chosen, measured in ((first, ~first), (~first, first)):
        made = fit([head], {head.task: z[chosen]}, {head.task: truth[chosen]})
        found[:, measured] = estimate_age(
            activate(z[measured], head, made.get(head.task, 1.0)), head.kind, made
        )
    return found[0], found[1], found[2]
