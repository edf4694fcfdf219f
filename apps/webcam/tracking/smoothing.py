"""Smoothing of predictions over time: a long running mean that restarts when a change is detected.

Two established parts: an exponentially weighted mean, which removes more noise the longer it is,
and Crosier's multivariate CUSUM (Technometrics 30, 1988), which detects when the mean no longer
holds. Page's rule (Biometrika 41, 1954) then gives the time of the change: a short mean of the
values since the CUSUM was last zero takes over and grows long again. So a long mean need not lag.
The One-Euro filter (Casiez et al., CHI 2012, doi:10.1145/2207676.2208639) has only the speed to
choose by, which at 4 frames/s is mostly noise.

All times are in seconds, never in frames, so that 4 and 25 frames/s give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.types import Floats

CUSUM_SLACK, MAX_DIFFERENCE = 1.0, 4.0
"""In units of the noise: the difference that the CUSUM ignores, and the most one frame adds."""
CUSUM_START, CUSUM_ALARM = 0.2, 0.9
"""In units of the noise times seconds: below the first the CUSUM counts as zero, above the second
a change is detected.
"""
MAX_STEP_SECONDS = 0.25
"""The longest time that a frame stands for, so that a single frame never causes an alarm, however
slow the camera.
"""
FAST_SECONDS, FAST_PHASE_SECONDS = 0.4, 1.0
"""Time constant of the short mean after a change, and how long it stays short: it began before the
change was certain.
"""
NOISE_SECONDS = 4.0
"""Time constant of the estimate of the noise."""
EPSILON = 1e-12

Scalar = TypeVar("Scalar", bound=np.generic)
State = Floats
"""The state of one face, opaque to callers."""


class SmoothedValues(NamedTuple):
    """New states, one per face, and means, shape (faces, values)."""

    states: list[State]
    means: Floats


@dataclass(frozen=True, slots=True)
class ValueGroup:
    """Neighbouring values that are smoothed and restart together.

    Attributes:
        size: Number of values.
        watched: How many of them, from the first on, a change is detected in.
        time_constant_s: Seconds after which a value's weight has fallen to 1/e.
        min_noise: Lower bound of the noise, as the length of the difference over the watched
            values.
        first_noise: The noise that a new face is taken to have, until its own is known.
    """

    size: int
    watched: int
    time_constant_s: float
    min_noise: float
    first_noise: float = 0.0


class Smoother:
    """Running means of vectors that consist of value groups, one vector for each of many faces.

    Pure: the caller keeps the states and the time.
    """

    def __init__(self, groups: tuple[ValueGroup, ...]) -> None:
        sizes = [g.size for g in groups]
        self._time_constants = np.array([g.time_constant_s for g in groups])
        self._min_variance = np.array([g.min_noise**2 for g in groups])
        self._first_variance = np.array([max(g.first_noise, g.min_noise) ** 2 for g in groups])
        self._group_of_value = np.repeat(np.arange(len(groups)), sizes)  # (values,)
        self._starts = np.cumsum([0, *sizes[:-1]])
        self._is_watched = np.concatenate([np.arange(g.size) < g.watched for g in groups]).astype(
            float
        )  # (values,)

    def initial_state(self) -> State:
        """Return the state of a face without any frame."""
        values, groups = len(self._group_of_value), len(self._time_constants)
        return np.concatenate(
            [np.zeros(3 * values + 2 * groups), self._first_variance, np.full(groups, np.inf)]
        )

    def update(
        self,
        states: Sequence[State],
        values: Floats,
        weights: Floats,
        visibility: Floats,
        elapsed: Floats,
    ) -> SmoothedValues:
        """Return states and means after one more frame.

        Args:
            states: One per face.
            values: Shape (faces, values).
            weights: Shape (faces, groups), above 0: weight in the mean.
            visibility: Shape (faces,), in [0, 1]: how much this frame counts in detecting a change.
            elapsed: Shape (faces,), seconds since the face's last frame, at least 0.
        """
        new = np.array(states)
        sums, recent_sums, cusum, weight, recent_weight, variance, since_change = self._parts(new)
        step = (np.minimum(elapsed, MAX_STEP_SECONDS) * visibility)[:, None]
        noise = np.sqrt(np.maximum(variance, self._min_variance))

        mean = sums / self._per_value(np.maximum(weight, EPSILON))
        difference = (values - mean) * self._is_watched
        length = self._length(difference)
        clipped_length = np.minimum(length, MAX_DIFFERENCE * noise)
        cusum += difference * self._per_value(step * clipped_length / length)
        cusum_length = self._length(cusum)
        remaining = np.maximum(0.0, cusum_length - CUSUM_SLACK * step * noise)
        cusum *= self._per_value(remaining / cusum_length)

        since_change += elapsed[:, None]
        time_constant = np.where(
            since_change < FAST_PHASE_SECONDS, FAST_SECONDS, self._time_constants
        )
        decay = np.exp(-elapsed[:, None] / time_constant)
        fast_decay = np.exp(-elapsed[:, None] / FAST_SECONDS)
        weighted_values = values * self._per_value(weights)
        sums *= self._per_value(decay)
        sums += weighted_values
        weight *= decay
        weight += weights
        recent_sums *= fast_decay
        recent_sums += weighted_values
        recent_weight *= fast_decay
        recent_weight += weights
        is_changed = remaining > CUSUM_ALARM * noise
        if is_changed.any():
            value_changed = self._per_value(is_changed)
            sums[value_changed], cusum[value_changed] = recent_sums[value_changed], 0.0
            weight[is_changed], since_change[is_changed] = recent_weight[is_changed], 0.0
        is_started = ~is_changed & (remaining > CUSUM_START * noise)
        recent_sums *= self._per_value(is_started)
        recent_weight *= is_started
        variance += (1 - np.exp(-step / NOISE_SECONDS)) * (
            np.minimum(clipped_length, 2 * noise) ** 2 - variance
        )
        return SmoothedValues(list(new), sums / self._per_value(weight))

    def _parts(self, states: Floats) -> tuple[Floats, ...]:
        """Return views of the parts of states.

        Args:
            states: Shape (faces, 3 values + 4 groups).

        Returns:
            Of shape (faces, values): the sums since the last change, those since the CUSUM was last
            zero, and the CUSUM. Of shape (faces, groups): the weights of both sums, the variance of
            the noise, and the seconds since the last change.
        """
        n, m = len(self._group_of_value), len(self._time_constants)
        per_value = (states[:, i * n : (i + 1) * n] for i in range(3))
        per_group = (states[:, 3 * n + i * m : 3 * n + (i + 1) * m] for i in range(4))
        return (*per_value, *per_group)

    def _per_value(self, per_group: NDArray[Scalar]) -> NDArray[Scalar]:
        """Repeat each group's entry for its values: (faces, groups) -> (faces, values)."""
        return per_group.take(self._group_of_value, axis=1)

    def _length(self, values: Floats) -> Floats:
        """Return the length of each group's vector, never quite 0: -> (faces, groups)."""
        sums: Floats = np.add.reduceat(values * values, self._starts, axis=1)
        lengths: Floats = np.sqrt(sums + EPSILON**2)
        return lengths
