"""Motion of faces between frames and their assignment to detections, in the manner of SORT.

SORT: Bewley et al., ICIP 2016 (arXiv:1602.00763). Each face has a Kalman filter of constant
velocity, so that a face that disappears behind a post is expected on its other side; detections are
assigned to faces by how likely each is under the filter. Times are in seconds. Lengths are in sides
of the face's box, so that near and far faces are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, hypot, log

from core.types import Box

POSITION_STD_SIDES = 0.05
"""Standard deviation of a detected centre, in sides."""
SPEED_CHANGE_STD = 1.5
"""How a face's speed changes: standard deviation after a second, in sides per second."""
INITIAL_SPEED_STD = 1.5
"""Standard deviation of a new face's speed, in sides per second."""
SLOWDOWN_SECONDS = 1.5
"""Time constant with which a face that is not detected is expected to slow down."""
MAX_DISTANCE_COST = 14.0
"""Largest squared distance in variances at which a detection can be the face: 3.7 deviations."""
INF = float("inf")
UNASSIGNED_COST = 1e4
"""Cost of leaving a face without a detection: more than any assignment can save."""


class Motion:
    """Kalman filter of one face: centre in pixels, speed in pixels per second, side of its box."""

    __slots__ = ("_p00", "_p01", "_p11", "_time", "side", "vx", "vy", "x", "y")

    def __init__(self, box: Box, now: float) -> None:
        self.x, self.y, self.side = _centre_and_side(box)
        self.vx = self.vy = 0.0
        # Covariance of position and speed in sides²; the same for x and y.
        self._p00, self._p01, self._p11 = POSITION_STD_SIDES**2, 0.0, INITIAL_SPEED_STD**2
        self._time = now

    def predict(self, now: float, *, was_detected: bool) -> None:
        """Move the face on to `now`.

        Args:
            now: Seconds.
            was_detected: Whether the face was detected in the frame before.
        """
        elapsed = max(0.0, now - self._time)
        self._time += elapsed
        self.x += self.vx * elapsed
        self.y += self.vy * elapsed
        if not was_detected:
            slowdown = exp(-elapsed / SLOWDOWN_SECONDS)
            self.vx *= slowdown
            self.vy *= slowdown
        q = SPEED_CHANGE_STD**2 * elapsed
        self._p00 += elapsed * (2 * self._p01 + elapsed * (self._p11 + q / 3))
        self._p01 += elapsed * (self._p11 + q / 2)
        self._p11 += q

    def correct(self, box: Box, visibility: float) -> None:
        """Correct position and speed by a detection.

        Args:
            box: The detected box.
            visibility: In (0, 1], how far the box can be trusted; that of a half-hidden face is
                off.
        """
        x, y, side = _centre_and_side(box)
        inverse = 1 / (self._p00 + POSITION_STD_SIDES**2 / visibility)
        k0, k1 = self._p00 * inverse, self._p01 * inverse
        dx, dy = x - self.x, y - self.y
        self.x += k0 * dx
        self.y += k0 * dy
        self.vx += k1 * dx
        self.vy += k1 * dy
        self._p11 -= k1 * self._p01
        self._p01 *= 1 - k0
        self._p00 *= 1 - k0
        self.side *= (side / self.side) ** (0.7 * visibility)

    def cost(self, box: Box) -> float:
        """Return minus twice the log-likelihood that `box` is this face, up to a constant.

        Infinite where it cannot be this face.
        """
        x, y, side = _centre_and_side(box)
        distance = hypot(x - self.x, y - self.y) / self.side
        variance = self._p00 + POSITION_STD_SIDES**2
        distance_cost = distance * distance / variance
        log_ratio = log(side / self.side)
        if not -0.6 < log_ratio < 0.6:
            # A half-hidden face is detected as a smaller box inside its own.
            if log_ratio > 0 or log_ratio < -1.1 or distance > 0.5 + exp(log_ratio) / 2:
                return INF
            distance_cost = min(distance_cost, MAX_DISTANCE_COST / 2)
        if (distance_cost > MAX_DISTANCE_COST and distance > 0.5) or distance > 3:
            return INF
        return distance_cost + (log_ratio / 0.25) ** 2 + 2 * log(variance / POSITION_STD_SIDES**2)


def _centre_and_side(box: Box) -> tuple[float, float, float]:
    x, y, w, h = box
    return x + w / 2, y + h / 2, (w * h) ** 0.5


def assign(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of finite cost with the least sum, as many as possible.

    Args:
        costs: Shape (rows, columns); infinite where a pair is impossible.

    Returns:
        Pairs in which each row and each column occurs at most once.
    """
    candidates = [[j for j, c in enumerate(row) if c < INF] for row in costs]
    columns = [j for row in candidates for j in row]
    if len(set(columns)) == len(columns) and all(len(row) < 2 for row in candidates):
        return [
            (i, row[0]) for i, row in enumerate(candidates) if row
        ]  # no conflict: nearly always
    width = len(costs[0])
    # Columns beyond the last stand for no assignment.
    padded = [
        [c if c < INF else 2 * UNASSIGNED_COST for c in row] + [UNASSIGNED_COST] * len(costs)
        for row in costs
    ]
    return [(i, j) for i, j in enumerate(_hungarian(padded)) if j < width and costs[i][j] < INF]


def _hungarian(costs: Sequence[Sequence[float]]) -> list[int]:
    """Return the column of each row with the least sum of costs; needs no fewer columns than rows.

    Kuhn and Munkres' method by shortest augmenting paths.
    """
    n, m = len(costs), len(costs[0])
    row_potential, column_potential = [0.0] * (n + 1), [0.0] * (m + 1)
    row_of, previous = [n] * (m + 1), [m] * (m + 1)  # row n and column m stand for none
    for i in range(n):
        row_of[m] = i
        j = _shortest_path(costs, row_potential, column_potential, row_of, previous)
        while j != m:
            row_of[j] = row_of[previous[j]]
            j = previous[j]
    columns = [0] * n
    for j in range(m):
        if row_of[j] != n:
            columns[row_of[j]] = j
    return columns


def _shortest_path(
    costs: Sequence[Sequence[float]],
    row_potential: list[float],
    column_potential: list[float],
    row_of: list[int],
    previous: list[int],
) -> int:
    """Return the free column nearest to the row of column m; update potentials and `previous`."""
    n, m = len(costs), len(costs[0])
    slack, is_visited = [INF] * m, [False] * (m + 1)
    j = m
    while row_of[j] != n:
        is_visited[j] = True
        row, delta, nearest = row_of[j], INF, m
        for k in range(m):
            if not is_visited[k]:
                reduced = costs[row][k] - row_potential[row] - column_potential[k]
                if reduced < slack[k]:
                    slack[k], previous[k] = reduced, j
                if slack[k] < delta:
                    delta, nearest = slack[k], k
        for k in range(m + 1):
            if is_visited[k]:
                row_potential[row_of[k]] += delta
                column_potential[k] -= delta
            elif k < m:
                slack[k] -= delta
        j = nearest
    return j
