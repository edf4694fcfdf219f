"""Drawing samples, or whole clusters of them, with replacement: once for all figures of a table.

A figure of sums (a mean, a share, a confusion matrix, a calibration error over fixed bins) needs
only what each unit adds to them, so that a thousand rounds are one matrix product: times drawn
(rounds, units) times totals (units, columns).

Beyond BUNDLES units, units are first merged at random, evenly, into BUNDLES bundles, which are then
drawn whole. The interval stays that of drawing units: merging at random leaves the expected squared
deviation as it is and adds about 1 / (2 * BUNDLES) ** 0.5 = 0.7 % of noise to the interval's width,
where a thousand rounds alone have 3 %. What is given up is the exact result of one seed, not the
method.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

ROUNDS = 1000
BUNDLES = 10_000
NOISE = 1e-5
"""Of a figure: rounds that differ by less are alike, for they are added in single precision."""


def percentiles(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of float (rounds,) values, rounds without a value left out; NaN where none
    has one.
    """
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return float("nan"), float("nan")
    with np.errstate(invalid="ignore"):  # between infinite values
        low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def apart(low: float, high: float) -> tuple[float, float]:
    """An interval's ends; NaN where it has no width: one unit, or several of the same value, do not
    say how units differ, and such an interval would claim to know it.

    >>> apart(24.0, 24.0), apart(0.0, 1.0)
    ((nan, nan), (0.0, 1.0))
    """
    return (
        (float("nan"), float("nan"))
        if high - low <= NOISE * max(abs(low), abs(high))
        else (low, high)
    )


def spread(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """As `percentiles`, kept `apart`."""
    return apart(*percentiles(values, level))


@lru_cache(maxsize=3)  # as many as a table has tasks, at most 40 MB each
def times_drawn(units: int, rounds: int = ROUNDS, seed: int = 0) -> np.ndarray:
    """float32 (rounds, units), read-only: how often each unit came when `units` were drawn with
    replacement (Efron, 1979).
    """
    rng = np.random.default_rng(seed)
    drawn = np.empty((rounds, units), np.float32)
    for i in range(rounds):
        drawn[i] = np.bincount(rng.integers(0, units, units, dtype=np.int32), minlength=units)
    drawn.setflags(write=False)
    return drawn


def compact(cluster: np.ndarray) -> np.ndarray:
    """int64 (N,): `cluster`, any integers, renumbered 0, 1, ... without gaps."""
    if len(cluster) == 0:
        return cluster.astype(np.int64)
    low, high = int(cluster.min()), int(cluster.max())
    if high - low > 4 * len(cluster):  # sparse numbers, such as hashes
        return np.unique(cluster, return_inverse=True)[1]
    place = np.cumsum(np.bincount(cluster - low) > 0) - 1
    return place[cluster - low]


class Resampled:
    """N samples in units: each its own, or those of int (N,) `cluster` (Field and Welsh, 2007).
    Same seed, same draws.

    clusters: how many there are before any merging, None where samples are drawn alone. unit: int64
    (N,) in 0..units - 1.
    """

    def __init__(
        self, n: int, cluster: np.ndarray | None = None, *, rounds: int = ROUNDS, seed: int = 0
    ) -> None:
        if cluster is not None and cluster.shape != (n,):
            raise ValueError(f"Expected `cluster` of shape {(n,)}, got {cluster.shape}.")
        unit = np.arange(n) if cluster is None else compact(cluster)
        count = int(unit.max()) + 1 if n else 0
        self.clusters = None if cluster is None else count
        self.rounds, self.seed = rounds, seed
        if count > BUNDLES:
            bundle = np.random.default_rng(seed).permutation(
                np.arange(count, dtype=np.int64) % BUNDLES
            )
            unit, count = bundle[unit], BUNDLES
        self.unit, self.units = unit, count

    def totals(self, *values: np.ndarray) -> np.ndarray:
        """float64 (units, len(values)): what the float (N,) `values` add up to in each unit."""
        return np.stack([np.bincount(self.unit, v, self.units) for v in values], axis=1)

    def counts(self, code: np.ndarray, k: int, weight: np.ndarray | None = None) -> np.ndarray:
        """float64 (units, k): samples (or their `weight`) of each int (N,) `code` below k in each
        unit; a negative code counts nowhere.
        """
        unit = self.unit
        if len(code) and code.min() < 0:
            there = code >= 0
            unit, code, weight = unit[there], code[there], None if weight is None else weight[there]
        return (
            np.bincount(unit * k + code, weight, self.units * k)
            .reshape(self.units, k)
            .astype(np.float64, copy=False)
        )

    def draw(self, totals: np.ndarray) -> np.ndarray:
        """float64 (rounds, ...): the sums of (units, ...) `totals` in each round.

        Added in single precision: counts stay exact up to 2 ** 24, what is never drawn stays
        exactly 0, other sums are good to about 1e-6.
        """
        flat = totals.reshape(self.units, int(np.prod(totals.shape[1:]))).astype(np.float32)
        drawn = (times_drawn(self.units, self.rounds, self.seed) @ flat).astype(
            np.float64
        )  # (rounds, units) @ (units, columns)
        return drawn.reshape(self.rounds, *totals.shape[1:])
