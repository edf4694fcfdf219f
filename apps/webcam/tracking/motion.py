"""Where faces go, and which face of a frame is which of those before: the way of SORT (Bewley et
al., ICIP 2016), in seconds.

A Kalman filter of constant velocity for each face, so that one who walks behind a post is looked
for on its other side; pairs by how likely each is under it. Lengths are in sides of the face's box,
so that near and far faces are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, hypot, log

from core.types import Box

SEEN_AT = 0.05
"""Standard deviation of a detected centre, in sides."""
AGILITY = 1.5
"""How a face's speed changes: standard deviation after a second, in sides a second."""
FIRST_SPEED = 1.5
"""Standard deviation of a new face's speed, sides a second."""
TIRING_S = 1.5
"""A face that is not seen is thought to slow down with this time constant."""
GATE = 14.0
"""Least likeness, as a cost: about 3.7 standard deviations away."""
INF = float("inf")
NOBODY = 1e4


class Motion:
    """One face's centre and speed, in pixels and seconds, and the side of its box."""

    __slots__ = ("_at", "_p00", "_p01", "_p11", "side", "vx", "vy", "x", "y")

    def __init__(self, box: Box, now: float) -> None:
        self.x, self.y, self.side = _centre(box)
        self.vx = self.vy = 0.0
        self._p00, self._p01, self._p11 = (
            SEEN_AT**2,
            0.0,
            FIRST_SPEED**2,
        )  # sides²; the same for x and y
        self._at = now

    def predict(self, now: float, *, seen: bool) -> None:
        """Moves on to `now`. seen: whether the face was found in the frame before."""
        past = max(0.0, now - self._at)
        self._at += past
        self.x += self.vx * past
        self.y += self.vy * past
        if not seen:
            tired = exp(-past / TIRING_S)
            self.vx *= tired
            self.vy *= tired
        q = AGILITY**2 * past
        self._p00 += past * (2 * self._p01 + past * (self._p11 + q / 3))
        self._p01 += past * (self._p11 + q / 2)
        self._p11 += q

    def correct(self, box: Box, clear: float) -> None:
        """Takes in where the face was found. clear: in (0, 1], how far the box can be trusted; that
        of a half-hidden face is off.
        """
        x, y, side = _centre(box)
        gain = 1 / (self._p00 + SEEN_AT**2 / clear)
        k0, k1 = self._p00 * gain, self._p01 * gain
        dx, dy = x - self.x, y - self.y
        self.x, self.y, self.vx, self.vy = (
            self.x + k0 * dx,
            self.y + k0 * dy,
            self.vx + k1 * dx,
            self.vy + k1 * dy,
        )
        self._p11 -= k1 * self._p01
        self._p01 *= 1 - k0
        self._p00 *= 1 - k0
        self.side *= (side / self.side) ** (0.7 * clear)

    def cost(self, box: Box) -> float:
        """Minus twice the log-likelihood that `box` is this face, up to a constant; infinite where
        it cannot be.
        """
        x, y, side = _centre(box)
        away = hypot(x - self.x, y - self.y) / self.side
        variance = self._p00 + SEEN_AT**2
        far = away * away / variance
        ratio = log(side / self.side)
        if not -0.6 < ratio < 0.6:
            # Half hidden, a face is found as a smaller box inside its own.
            if ratio > 0 or ratio < -1.1 or away > 0.5 + exp(ratio) / 2:
                return INF
            far = min(far, GATE / 2)
        if (far > GATE and away > 0.5) or away > 3:
            return INF
        return far + (ratio / 0.25) ** 2 + 2 * log(variance / SEEN_AT**2)


def _centre(box: Box) -> tuple[float, float, float]:
    x, y, w, h = box
    return x + w / 2, y + h / 2, (w * h) ** 0.5


def assign(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column), each used once: as many of finite cost as there can be, of the least
    sum.
    """
    free = [[j for j, c in enumerate(row) if c < INF] for row in costs]
    wanted = [j for row in free for j in row]
    if len(set(wanted)) == len(wanted) and all(
        len(row) < 2 for row in free
    ):  # nearly always: nobody is near another
        return [(i, row[0]) for i, row in enumerate(free) if row]
    width = len(costs[0])
    # Columns beyond the last stand for "nobody"; they cost more than any pairing can save.
    padded = [[c if c < INF else 2 * NOBODY for c in row] + [NOBODY] * len(costs) for row in costs]
    return [(i, j) for i, j in enumerate(_hungarian(padded)) if j < width and costs[i][j] < INF]


def _hungarian(costs: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row, of the least sum: Kuhn and Munkres by shortest augmenting paths. Not
    more rows than columns.
    """
    n, m = len(costs), len(costs[0])
    u, v = [0.0] * (n + 1), [0.0] * (m + 1)
    owner, way = [n] * (m + 1), [m] * (m + 1)  # row n and column m stand for none
    for i in range(n):
        owner[m], j = i, m
        least, used = [INF] * m, [False] * (m + 1)
        while owner[j] != n:
            used[j] = True
            row, step, following = owner[j], INF, m
            for k in range(m):
                if not used[k]:
                    reduced = costs[row][k] - u[row] - v[k]
                    if reduced < least[k]:
                        least[k], way[k] = reduced, j
                    if least[k] < step:
                        step, following = least[k], k
            for k in range(m + 1):
                if used[k]:
                    u[owner[k]] += step
                    v[k] -= step
                elif k < m:
                    least[k] -= step
            j = following
        while j != m:
            owner[j] = owner[way[j]]
            j = way[j]
    columns = [0] * n
    for j in range(m):
        if owner[j] != n:
            columns[owner[j]] = j
    return columns
