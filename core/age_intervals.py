"""How far an age's interval must reach, by the people whose age was known when the model was
calibrated.

A network's own spread holds the truth too often for children and too seldom for people in their
forties. A card may therefore carry, beside the temperature, a few factors `age@Y`: how many times
as far as the network's own interval one must reach to hold the wanted share of people who *are* Y
years old. Between those years the factor runs in straight lines. An interval then holds every age
that lies within its own factor's reach: label-conditional conformal prediction (Vovk, arXiv
1209.2673). So the share holds for each true age, which no widening by the predicted one can bring,
although nobody knows the true age when the model is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.errors import ModelError

PREFIX = "age@"
OLDEST = 116.0
"""Years; no interval goes on beyond, or below 0."""
LEAST = 0.5
"""Years that an interval reaches to either side before any factor: ages are whole years."""


def factors(calibration: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray] | None:
    """(years, factors) of a card's calibration, both (K,), youngest first; None where it has none.

    Raises:
        ModelError: an age that is none.
    """
    names = [name for name in calibration if name.startswith(PREFIX)]
    try:
        years, factor = (
            np.array(
                sorted((float(name.removeprefix(PREFIX)), calibration[name]) for name in names)
            )
            .reshape(-1, 2)
            .T
        )
    except ValueError:
        years = np.array([np.nan])
    if not all(0 <= year <= OLDEST for year in years):
        raise ModelError(
            f"Expected `{PREFIX}` and an age of 0 to {OLDEST:g} in a calibration, got {str(names)[:200]}."
        )
    return (years, factor) if len(years) else None


def reach(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Years (N,) from the expected age down to `low` and up to `high`, at least LEAST."""
    return np.maximum(value - low, LEAST), np.maximum(high - value, LEAST)


def distance(age: np.ndarray, value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How far `age` lies from the expected age, in reaches of that side; all (N,). 1 is the
    interval's end.
    """
    below, above = reach(value, low, high)
    return np.where(age < value, (value - age) / below, (age - value) / above)


def conformed(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, years: np.ndarray, factor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The ends (N,) between which all ages `a` lie whose `distance` is at most the factor at `a`;
    always around `value`, which counts as 0 or OLDEST where it lies beyond.
    """
    below, above = reach(value, low, high)
    value = np.clip(value, 0.0, OLDEST)  # `_end` needs it between its first and last corner
    at = np.unique(
        [0.0, *years, OLDEST]
    )  # (K,): between these the factor is a straight line, and so is what is looked for
    factor = np.interp(at, years, factor)
    return OLDEST - _end(OLDEST - value, below, OLDEST - at[::-1], factor[::-1]), _end(
        value, above, at, factor
    )


def _end(value: np.ndarray, reach: np.ndarray, at: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The largest age (N,) that is at most `factor` reaches above `value`. at, factor: (K,) corners
    of the factor's line, from 0 on.
    """
    over = (
        at - value[:, None] - reach[:, None] * factor
    )  # (N, K): years beyond the reach; straight between corners, negative at the first
    last = over.shape[1] - 1 - (over[:, ::-1] <= 0).argmax(axis=1)
    next_ = np.minimum(last + 1, len(at) - 1)
    rows = np.arange(len(value))
    inside, beyond = over[rows, last], over[rows, next_]
    share = np.where(next_ > last, -inside / np.where(next_ > last, beyond - inside, 1.0), 0.0)
    return np.maximum(at[last] + share * (at[next_] - at[last]), value)
