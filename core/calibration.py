"""Raw outputs of a head as calibrated probabilities, and ages with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core import age_intervals
from core.artifacts.card import Head, Kind

INTERVAL_COVERAGE = 0.8
"""Share of people whose age an interval is meant to hold."""
DEFAULT_HALF_WIDTH_YEARS = 10.0
"""Half width of the age interval of a regression whose card states none."""
TINY = 1e-12


def activate(
    logits: np.ndarray, head: Head, temperature: float, shift: Sequence[float] | None = None
) -> np.ndarray:
    """Return calibrated values of a head's raw outputs (N, width).

    Args:
        logits: raw outputs.
        head: whose they are.
        temperature: divides them.
        shift: of each class, what is taken off before; see `Card.logit_shift`.

    Returns:
        softmax and sigmoid: probabilities (N, classes); distribution: probabilities (N, bins);
        regression: years (N, 1), as they are.
    """
    if head.kind == "regression":
        return logits.astype(np.float64)
    z = logits.astype(np.float64)
    if head.kind == "sigmoid":
        # (N, 1) -> (N, 2): the softmax of (z, 0) is (sigmoid(z), 1 - sigmoid(z))
        z = np.concatenate([z, np.zeros_like(z)], axis=1)
    if shift is not None:
        z = z - np.asarray(shift)
    return softmax(z / temperature)


def apply_temperature(p: np.ndarray, temperature: float) -> np.ndarray:
    """Return p ** (1 / temperature), normalised: what a temperature does to the logits.

    Args:
        p: probabilities (N, k).
        temperature: above 1 softens, below 1 sharpens.

    Returns:
        Probabilities (N, k).
    """
    if temperature == 1.0:
        return p
    return softmax(np.log(np.maximum(p, TINY)) / temperature)


def softmax(z: np.ndarray) -> np.ndarray:
    """Return the probabilities (N, k) of logits (N, k)."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p: np.ndarray = e / e.sum(axis=1, keepdims=True)
    return p


def estimate_age(
    p: np.ndarray, kind: Kind, calibration: Mapping[str, float], interval_factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return expected years and the ends of their interval, each (N,).

    Args:
        p: calibrated values of an age head (N, width).
        kind: `distribution` or `regression`.
        calibration: of the card; its factors `age@Y` stretch the interval.
        interval_factor: how many times as far it then reaches to either side.
    """
    if kind == "regression":
        # Nothing bounds a regression's output.
        value = np.clip(p[:, 0], 0.0, age_intervals.OLDEST)
        half_width = calibration.get("age", DEFAULT_HALF_WIDTH_YEARS)
        low = np.maximum(value - half_width, 0.0)
        high = np.minimum(value + half_width, age_intervals.OLDEST)
    else:
        # (N, bins) -> (N,); not `@`, whose last bits depend on how many rows there are
        value = (p * np.arange(p.shape[1])).sum(axis=1)
        low, high = central_interval(p, INTERVAL_COVERAGE)
    factors = age_intervals.factors(calibration)
    if factors is not None:
        low, high = age_intervals.stretched(value, low, high, *factors)
    if interval_factor != 1.0:
        low, high = age_intervals.widened(value, low, high, interval_factor)
    return value, low, high


def central_interval(p: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the quantiles (1 - coverage) / 2 and (1 + coverage) / 2 in years, each (...).

    Bin i spans i - 0.5 to i + 0.5; inside a bin the probability is spread evenly. The ends are kept
    at 0 and above.

    Args:
        p: distribution over one-year bins (..., bins).
        coverage: in (0, 1).
    """
    cdf = np.cumsum(p, axis=-1)

    def quantile(q: float) -> np.ndarray:
        i = np.minimum((cdf < q).sum(axis=-1), p.shape[-1] - 1)
        inside = np.take_along_axis(p, i[..., None], -1)[..., 0]
        before = np.take_along_axis(cdf, i[..., None], -1)[..., 0] - inside
        years: np.ndarray = np.maximum(i - 0.5 + (q - before) / np.maximum(inside, TINY), 0.0)
        return years

    return quantile((1 - coverage) / 2), quantile((1 + coverage) / 2)
