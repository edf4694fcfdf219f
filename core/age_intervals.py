"""Stretch age intervals so that they hold the same share of people of every true age.

A network's own spread holds the truth too often for children and too seldom for people in their
forties. A card may therefore carry, beside the temperature, a few factors `age@Y`: how many times
as far as the network's own interval one must reach to hold the intended share of people who *are* Y
years old. Between those years the factor is linear. An interval then holds every age that lies
within its own factor's half width: label-conditional conformal prediction (Vovk, arXiv 1209.2673).
So the intended share is reached for each true age, although the true age is unknown when the model
predicts. Factors that depend on the predicted age could not do that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.errors import ModelError
from core.labels import AGE_MAX

PREFIX = "age@"
OLDEST = float(AGE_MAX)
"""Years; no interval reaches beyond it, or below 0."""
MIN_HALF_WIDTH_YEARS = 0.5
"""Least years of an interval on either side before any factor: ages are whole years."""


def factors(calibration: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return years and factors of a card's calibration, both (K,), youngest first.

    Returns:
        None where the calibration has no factors.

    Raises:
        ModelError: a key that holds no age.
    """
    names = [name for name in calibration if name.startswith(PREFIX)]
    try:
        pairs = sorted((float(name.removeprefix(PREFIX)), calibration[name]) for name in names)
    except ValueError:
        pairs = [(np.nan, np.nan)]
    if not all(0 <= year <= OLDEST for year, _ in pairs):
        raise ModelError(
            f"Expected `{PREFIX}` and an age of 0 to {OLDEST:g} in a calibration, got "
            f"{str(names)[:200]}."
        )
    if not pairs:
        return None
    years, factor = np.array(pairs).T
    return years, factor


def half_widths(
    value: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far an interval reaches from the expected age down and up.

    Args:
        value: expected ages (N,), years.
        low: lower ends (N,).
        high: upper ends (N,).

    Returns:
        Years below and above `value`, each (N,), at least `MIN_HALF_WIDTH_YEARS`.
    """
    return np.maximum(value - low, MIN_HALF_WIDTH_YEARS), np.maximum(
        high - value, MIN_HALF_WIDTH_YEARS
    )


def distance(age: np.ndarray, value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return how far `age` lies from the expected age, in half widths of that side.

    Args:
        age: true ages (N,), years.
        value: expected ages (N,).
        low: lower ends (N,) of the intervals.
        high: upper ends (N,).

    Returns:
        (N,), at least 0; 1 is the interval's end.
    """
    below, above = half_widths(value, low, high)
    distances: np.ndarray = np.where(age < value, (value - age) / below, (age - value) / above)
    return distances


def stretched(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, years: np.ndarray, factor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals that reach `factor` times as far, a factor that changes with the age.

    An age lies inside where its `distance` is at most the factor at that age.

    Args:
        value: expected ages (N,), years; values beyond 0 or `OLDEST` count as those.
        low: lower ends (N,) of the network's own intervals.
        high: upper ends (N,).
        years: corners of the factor's line (K,).
        factor: at those corners (K,).

    Returns:
        Lower and upper ends, each (N,); always around `value`.
    """
    below, above = half_widths(value, low, high)
    value = np.clip(value, 0.0, OLDEST)  # `_end` needs it between its first and last corner
    # (K,): between these the factor is a straight line, and so is what is looked for.
    at = np.unique([0.0, *years, OLDEST])
    factor = np.interp(at, years, factor)
    low = OLDEST - _end(OLDEST - value, below, OLDEST - at[::-1], factor[::-1])
    return low, _end(value, above, at, factor)


def widened(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals that reach `factor` times as far to either side.

    Args:
        value: expected ages (N,), years.
        low: lower ends (N,).
        high: upper ends (N,).
        factor: above 0; 1 leaves the intervals nearly as they are.

    Returns:
        Lower and upper ends, each (N,), within 0 and `OLDEST`.
    """
    below, above = half_widths(value, low, high)
    return np.maximum(value - factor * below, 0.0), np.minimum(value + factor * above, OLDEST)


def _end(
    value: np.ndarray, half_width: np.ndarray, at: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    """Return the largest age (N,) that is at most `factor` half widths above `value`.

    at, factor: corners (K,) of the factor's line, from 0 on.
    """
    # (N, K): years beyond the half width; straight between corners, negative at the first.
    over = at - value[:, None] - half_width[:, None] * factor
    last = over.shape[1] - 1 - (over[:, ::-1] <= 0).argmax(axis=1)
    next_ = np.minimum(last + 1, len(at) - 1)
    rows = np.arange(len(value))
    inside, beyond = over[rows, last], over[rows, next_]
    share = np.where(next_ > last, -inside / np.where(next_ > last, beyond - inside, 1.0), 0.0)
    end: np.ndarray = np.maximum(at[last] + share * (at[next_] - at[last]), value)
    return end
