"""How far the predicted classes have moved from those of validation.

The distance is the total variation of the two sets of class shares, half the sum of their absolute
differences: the share of faces that would have to get another class for both to agree (Gibbs and
Su, International Statistical Review 2002). Unlike the population stability index it is bounded, and
defined where a class is empty. It says that the faces or the predictions are others than in
validation, not that the predictions are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.monitoring.counts_line import GROUP
from evaluation.statistics.bootstrap import ROUNDS
from evaluation.statistics.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Drift:
    """The distance of two sets of class shares.

    Attributes:
        distance: total variation in [0, 1], n: faces of production. Chance makes any distance
            larger; the value is the observed one without that bias, and the interval lies about it.
            Both come from a bootstrap of both sets of faces and of the rounding to groups (Efron
            and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 10).
        observed: total variation of the counts as they are.
        by_chance: what it stays below in 95 of 100 such sets where nothing has moved, by drawing
            both from their common shares (the same, chapter 16).
    """

    distance: Estimate
    observed: float
    by_chance: float


def total_variation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the total variation between two distributions, given as counts.

    Args:
        a: (..., K), not all 0.
        b: (..., K), not all 0.

    Returns:
        (...), in [0, 1]: the share that would have to be another class.

    >>> float(total_variation(np.array([1, 1]), np.array([3, 1])))
    0.25
    """
    shares = [counts / counts.sum(axis=-1, keepdims=True) for counts in (a, b)]
    distance: np.ndarray = np.abs(shares[0] - shares[1]).sum(axis=-1) / 2
    return distance


def _in_groups(n: int, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` faces by class in each round and round them as the demo does, int (ROUNDS, K).

    The rest of the period before is anything from 0 to `GROUP - 1`.
    """
    drawn = rng.multinomial(n, shares, ROUNDS)
    drawn += rng.integers(0, GROUP, drawn.shape)
    in_groups = drawn - drawn % GROUP
    # A round without any group, of very few faces, counts as no evidence of a distance.
    in_groups[in_groups.sum(axis=1) == 0] = 1
    return in_groups


def drift(validation: np.ndarray, production: np.ndarray) -> Drift | None:
    """Return how far production lies from validation; None where one of them is empty.

    Args:
        validation: samples by predicted class, int (K,).
        production: faces by predicted class, int (K,), rounded as the demo counts them.
    """
    n, m = int(validation.sum()), int(production.sum())
    if not n or not m:
        return None
    rng = np.random.default_rng(0)
    observed = float(total_variation(validation, production))
    drawn = total_variation(
        rng.multinomial(n, validation / n, ROUNDS), _in_groups(m, production / m, rng)
    )
    bias = max(0.0, float(np.median(drawn)) - observed)
    common = (validation + production) / (n + m)
    unmoved = total_variation(rng.multinomial(n, common, ROUNDS), _in_groups(m, common, rng))
    return Drift(
        Estimate.centred(max(0.0, observed - bias), drawn, m, minimum=0.0, maximum=1.0),
        observed,
        float(np.quantile(unmoved, 0.95)),
    )
