"""How far probabilities can be believed.

`p` is float (N, k) with rows that sum to 1, `true` int (N,) class indices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from core import calibration

TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """The reliability diagram, all (bins,).

    Attributes:
        confidence: mean of each bin, NaN where empty.
        accuracy: of each bin, NaN where empty.
        count: samples of each bin.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def bins_of(confidence: np.ndarray, bins: int = 15, *, equal_mass: bool = False) -> np.ndarray:
    """Return int64 (N,): the bin of each confidence, in [0, bins).

    Args:
        confidence: float (N,), in [0, 1].
        bins: their number over (0, 1]; 0 counts in the first.
        equal_mass: between quantiles of `confidence`, so that each bin has about as many samples,
            instead of equal width.
    """
    if equal_mass and len(confidence):
        # The edges of scikit-learn to the last bit, for one that meets a sample decides where it
        # goes.
        return np.searchsorted(
            np.percentile(confidence, np.linspace(0, 1, bins + 1) * 100)[1:-1], confidence
        )
    return np.asarray(np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1))


def nll(p: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the negative log-likelihood of each true class, in nats.

    Args:
        p: float (N, k), probabilities; 0 counts as 1e-12.
        true: int (N,), class indices.

    Returns:
        float64 (N,).
    """
    return np.asarray(-np.log(np.maximum(p[np.arange(len(true)), true], TINY)))


def brier(p: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the Brier score of each sample, in [0, 2] (Brier, 1950).

    It is the squared distance of `p` to the one-hot truth, summed over classes.

    Args:
        p: float (N, k), probabilities.
        true: int (N,), class indices.

    Returns:
        float64 (N,).
    """
    return np.asarray(np.square(p).sum(axis=1) - 2 * p[np.arange(len(true)), true] + 1)


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the probabilities (N, k) of logits (N, k) at a temperature, in double precision."""
    return calibration.softmax(logits.astype(np.float64) / temperature)


def fit_temperature(
    logits: np.ndarray, true: np.ndarray, low: float = 0.05, high: float = 20.0
) -> float:
    """Return the temperature in [low, high] of the least NLL (Guo et al., arXiv 1706.04599).

    Golden-section search over log T, exact to 1e-7: the NLL is convex in 1 / T, so it has one
    minimum.

    Args:
        logits: float (N, k), to be divided by the temperature.
        true: int (N,), class indices.
        low: the least temperature.
        high: the highest temperature.

    Raises:
        ValueError: there are no samples.
    """
    if not len(true):
        raise ValueError("Expected at least one sample to fit a temperature, got none.")

    def loss(log_t: float) -> float:
        z = logits.astype(np.float64) / np.exp(log_t)
        return float((special.logsumexp(z, axis=1) - z[np.arange(len(true)), true]).mean())

    ratio = (5**0.5 - 1) / 2
    a, b = float(np.log(low)), float(np.log(high))
    c, d = b - ratio * (b - a), a + ratio * (b - a)
    at_c, at_d = loss(c), loss(d)
    while b - a > 1e-7:
        if at_c <= at_d:
            b, d, at_d = d, c, at_c
            c = b - ratio * (b - a)
            at_c = loss(c)
        else:
            a, c, at_c = c, d, at_d
            d = a + ratio * (b - a)
            at_d = loss(d)
    return float(np.exp((a + b) / 2))
