"""How sure a figure is.

95 % intervals of proportions and of anything that can be resampled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri, stdtrit

from evaluation.statistics.bootstrap import LEVEL, ROUNDS, percentiles

MANY = 20_000
"""Values beyond which `bootstrap_mean` takes the normal interval."""


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Return Wilson's score interval of `hits` out of `n`, in [0, 1] (Wilson, JASA 1927).

    (0, 1) without samples. Both are counts, or effective counts where samples are not independent.

    Raises:
        ValueError: not 0 <= `hits` <= `n`.

    >>> tuple(round(v, 3) for v in wilson(9, 10))
    (0.596, 0.982)
    """
    if not 0 <= hits <= n:
        raise ValueError(f"Expected 0 <= `hits` <= `n`, got {hits} and {n}.")
    if n == 0:
        return 0.0, 1.0
    z = float(ndtri((1 + LEVEL) / 2))
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * (share * (1 - share) / n + spread / n / 4) ** 0.5
    # Rounding would otherwise leave the last bit outside [0, 1] at no hits or all hits.
    return (0.0 if hits == 0 else middle - half), (1.0 if hits == n else middle + half)


def students(freedom: np.ndarray | float) -> np.ndarray:
    """Return how many standard errors a mean's interval reaches to either side (Student's t).

    Args:
        freedom: degrees of freedom, of any shape.

    Returns:
        float64 in that shape, above 1.95; NaN where the degrees are not above 0.

    >>> students(np.array([1.0, 9.0, 1e9])).round(2).tolist()
    [12.71, 2.26, 1.96]
    """
    freedom = np.asarray(freedom, np.float64)
    return np.asarray(stdtrit(np.where(freedom > 0, freedom, np.nan), (1 + LEVEL) / 2))


def bootstrap(
    statistic: Callable[[np.ndarray], float],
    n: int,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic (Efron, 1979).

    `statistic` gets int (n,) indices drawn with replacement. Same seed, same interval.
    """
    if n == 0:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    return percentiles(np.array([statistic(rng.integers(0, n, n)) for _ in range(rounds)]))


def bootstrap_mean(values: np.ndarray, *, rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the percentile interval of the mean of float (n,) values; see `bootstrap`.

    Of more than MANY values the normal interval, which is then the same.
    """
    if len(values) > MANY:
        half = float(ndtri((1 + LEVEL) / 2) * values.std() / len(values) ** 0.5)
        return float(values.mean()) - half, float(values.mean()) + half
    return bootstrap(lambda at: float(values[at].mean()), len(values), rounds=rounds)
