"""The bootstrap: drawing samples, or whole clusters of them, with replacement.

A statistic of sums (a mean, a share, a confusion matrix, a calibration error over fixed bins) needs
only what each cluster adds to them, so a thousand rounds are one matrix product: times drawn
(rounds, clusters) times totals (clusters, columns). Independent samples need no clusters: drawing N
of them is drawing their counts, a multinomial, at a cost that does not depend on N.

Beyond MAX_CLUSTERS, clusters are first merged evenly into MAX_CLUSTERS bundles, which are then
drawn whole. The interval stays that of drawing clusters: merging regardless of the outcome leaves
the expected squared deviation as it is and adds about 1 / (2 * MAX_CLUSTERS) ** 0.5 = 2 % of noise
to the interval's width, where a thousand rounds alone have 3 %.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

ROUNDS = 1000
LEVEL = 0.95
"""Coverage of all intervals."""
MAX_CLUSTERS = 1000
RELATIVE_NOISE = 1e-5
"""Rounds whose statistic differs by less than this share of it are equal: they are added in single
precision.
"""
HASH_FACTOR, HASH_RANGE = 2_654_435_769, 2**32
"""Fibonacci hashing, which spreads numbers evenly: the range over the golden ratio (Knuth, The Art
of Computer Programming 3, section 6.4).
"""


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the middle 95 % of float (rounds,) values.

    Rounds without a value (NaN) are left out; NaN where none has one.
    """
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return float("nan"), float("nan")
    with np.errstate(invalid="ignore"):  # between infinite values
        low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def unless_equal(low: float, high: float) -> tuple[float, float]:
    """Return an interval's ends, NaN where it has no width.

    One sample, or several of the same value, do not show how samples differ, and an interval
    without width would claim that they do.

    >>> unless_equal(24.0, 24.0), unless_equal(0.0, 1.0)
    ((nan, nan), (0.0, 1.0))
    """
    if high - low <= RELATIVE_NOISE * max(abs(low), abs(high)):
        return float("nan"), float("nan")
    return low, high


def centred(
    value: float,
    drawn: np.ndarray,
    *,
    minimum: float = -np.inf,
    maximum: float = np.inf,
) -> tuple[float, float]:
    """Return the percentile interval of `drawn`, moved so that the median round falls on `value`.

    Resampling adds its own bias to a statistic that is not linear: an expected calibration error
    is biased upwards, and each round is so once more (Kumar et al., arXiv 1909.10155), so the plain
    percentile interval may lie wholly above the estimate. What the rounds show is how the estimate
    spreads, so the interval is moved by that bias, estimated by the rounds' median (Efron and
    Tibshirani, An Introduction to the Bootstrap, 1993, chapter 10). It always holds `value`. Where
    `value` was computed from finer bins than the rounds, it is moved by that difference, too.

    Args:
        value: the estimate.
        drawn: float (rounds,) the statistic of each round; NaN where it is undefined.
        minimum: lower end of the statistic's range, to which the interval is clipped.
        maximum: upper end of it.

    Returns:
        (low, high); NaN where fewer than two rounds differ, or some are infinite.
    """
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn) or not np.isfinite(drawn).all() or not np.isfinite(value):
        return float("nan"), float("nan")
    low, high = unless_equal(*percentiles(drawn))
    move = value - float(np.median(drawn))
    return (
        float(np.clip(low + move, minimum, maximum)),
        float(np.clip(high + move, minimum, maximum)),
    )


@lru_cache(maxsize=8)  # at most 4 MB each
def times_drawn(clusters: int, rounds: int = ROUNDS) -> np.ndarray:
    """Return float32 (rounds, clusters), read-only.

    How often each cluster came when `clusters` were drawn with replacement (Efron, 1979), the same
    at each call.
    """
    rng = np.random.default_rng(0)
    drawn = np.empty((rounds, clusters), np.float32)
    for i in range(rounds):
        picks = rng.integers(0, clusters, clusters, dtype=np.int32)
        drawn[i] = np.bincount(picks, minlength=clusters)
    drawn.setflags(write=False)
    return drawn


def count_distinct(cluster: np.ndarray) -> int:
    """Return how many different integers (N,) there are."""
    return int(np.count_nonzero(np.bincount(_dense(cluster))))


def compact(cluster: np.ndarray) -> np.ndarray:
    """Return int64 (N,): `cluster`, any integers, renumbered 0, 1, ... in order without gaps."""
    dense = _dense(cluster)
    place = np.cumsum(np.bincount(dense) > 0) - 1
    return np.asarray(place[dense])


def _dense(cluster: np.ndarray) -> np.ndarray:
    """Return (N,) the integers in their order, from 0 and with few gaps.

    Counting by place takes a fifth of the time of `numpy.unique`, which sparse numbers need.
    """
    if len(cluster) == 0 or int(cluster.max()) - int(cluster.min()) > 4 * len(cluster):
        return np.asarray(np.unique(cluster, return_inverse=True)[1])
    return np.asarray(cluster - cluster.min())


def merged(cluster: np.ndarray) -> np.ndarray:
    """Return int64 (N,): clusters, merged into MAX_CLUSTERS where there are more.

    They are numbers from 0 to 2 ** 32; `evaluation.store.counts.cluster_unit` is the same in SQL.
    """
    if count_distinct(cluster) <= MAX_CLUSTERS:
        return cluster.astype(np.int64)
    spread = (cluster.astype(np.uint64) * np.uint64(HASH_FACTOR)) % np.uint64(HASH_RANGE)
    return ((spread * np.uint64(MAX_CLUSTERS)) // np.uint64(HASH_RANGE)).astype(np.int64)
