"""Values that rest while nothing happens and follow when something does: a long mean, and a watch
for change.

The established parts: an exponentially weighted mean, which takes out more noise the longer it is,
and Crosier's multivariate CUSUM (Technometrics 30, 1988), which says when the mean no longer holds.
Page's rule (Biometrika 41, 1954) then tells since when: a short mean of what was seen since the sum
last stood at zero takes over, and grows long again. So a long mean need not lag. A One-Euro filter
(Casiez et al., CHI 2012) has to choose by speed alone, which at 4 frames/s is mostly noise.

Everything is in seconds, never in frames, so that it is the same at 4 as at 25 frames/s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SLACK, REACH = 1.0, 4.0
"""In units of the noise: differences that are let pass; the most that one frame counts."""
BEGUN, ENOUGH = 0.2, 0.9
"""In units of the noise times seconds: a CUSUM under the first counts as zero, over the second it
is an alarm.
"""
STEP_S = 0.25
"""A frame stands for at most this time, so that a single one never raises an alarm, however slow
the camera.
"""
QUICK_S, FIND_S = 0.4, 1.0
"""Time constant of the mean that takes over after a change, and how long it stays short: it began
before the change was certain.
"""
NOISE_S = 4.0
"""Time constant of the estimate of the noise."""


TINY = 1e-12

State = np.ndarray
"""What is remembered of one face; opaque."""


class Added(NamedTuple):
    """states: one per face. means: (faces, n)."""

    states: list[State]
    means: np.ndarray


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring values that rest and change together.

    size: how many; watched: how many of them, the first ones, tell a change; tau: seconds after
    which what was seen counts 1/e; noise: the least noise assumed, as the length of the difference
    over the watched values.
    """

    size: int
    watched: int
    tau: float
    noise: float


class Settling:
    """The running means of vectors made of `parts`, one vector for each of many faces. Pure: the
    caller keeps the states and the time.
    """

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self._tau = np.array([p.tau for p in parts])
        self._least = np.array([p.noise**2 for p in parts])
        self._of = np.repeat(
            np.arange(len(parts)), [p.size for p in parts]
        )  # (n,): the part that a value belongs to
        self._starts = np.cumsum([0, *(p.size for p in parts[:-1])])
        self._watched = np.concatenate([np.arange(p.size) < p.watched for p in parts]).astype(float)

    def fresh(self) -> State:
        """A face that was never seen."""
        n = len(self._of)
        return np.concatenate(
            [np.zeros(3 * n + 2 * len(self._tau)), self._least, np.full(len(self._tau), np.inf)]
        )

    def add(
        self,
        states: Sequence[State],
        values: np.ndarray,
        weights: np.ndarray,
        clear: np.ndarray,
        past: np.ndarray,
    ) -> Added:
        """The states and means (faces, n) after adding `values` (faces, n), one row per face.

        weights: (faces, parts), above 0, for the mean. clear: (faces,) in [0, 1], how much this
        frame may tell of a change. past: (faces,), seconds since a face was added last, at least 0.
        """
        old, n, m = np.array(states), len(self._of), len(self._tau)
        # Sums since the last change, and since the CUSUM last stood at zero; the CUSUM.
        sums, sums_since, drift = (old[:, i * n : (i + 1) * n] for i in range(3))
        # Their weights; the variance of the noise; seconds since the last change.
        weight, weight_since, variance, ago = (
            old[:, 3 * n + i * m : 3 * n + (i + 1) * m] for i in range(4)
        )
        step = (np.minimum(past, STEP_S) * clear)[:, None]
        noise = np.sqrt(np.maximum(variance, self._least))

        away = (values - sums / self._each(np.maximum(weight, TINY))) * self._watched
        length = self._length(away)
        counted = np.minimum(length, REACH * noise)
        drift += away * self._each(step * counted / length)
        summed = self._length(drift)
        left = np.maximum(0.0, summed - SLACK * step * noise)
        drift *= self._each(left / summed)

        ago += past[:, None]
        kept, quick = (
            np.exp(-past[:, None] / np.where(ago < FIND_S, QUICK_S, self._tau)),
            np.exp(-past[:, None] / QUICK_S),
        )
        added = values * self._each(weights)
        sums *= self._each(kept)
        sums += added
        weight *= kept
        weight += weights
        sums_since *= quick
        sums_since += added
        weight_since *= quick
        weight_since += weights
        changed = left > ENOUGH * noise
        if changed.any():
            anew = self._each(changed)
            sums[anew], drift[anew] = sums_since[anew], 0.0
            weight[changed], ago[changed] = weight_since[changed], 0.0
        begun = ~changed & (left > BEGUN * noise)
        sums_since *= self._each(begun)
        weight_since *= begun
        variance += (1 - np.exp(-step / NOISE_S)) * (np.minimum(counted, 2 * noise) ** 2 - variance)
        return Added(list(old), sums / self._each(weight))

    def _each(self, by_part: np.ndarray) -> np.ndarray:
        """(faces, parts) -> (faces, n)"""
        return by_part.take(self._of, axis=1)

    def _length(self, values: np.ndarray) -> np.ndarray:
        """(faces, n) -> (faces, parts): the length of each part's vector, never quite 0."""
        return np.sqrt(np.add.reduceat(values * values, self._starts, axis=1) + TINY**2)
