"""A part of a map that was brushed: a box or a polygon, written in few characters for a URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

UNITS = 10_000
"""Corners are integers from 0 to UNITS, the two sides of the map."""
MAX_CORNERS = 40
"""Corners of a polygon: a text of at most 480 characters."""


@dataclass(frozen=True, slots=True)
class Region:
    """A box or a polygon.

    Attributes:
        corners: (x, y) in units of 1 / UNITS of the map: two opposite corners of a box, or all of a
            polygon.
    """

    corners: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, outline: Sequence[Sequence[float]]) -> Region | None:
        """Return the region of a brush; None where it has no area.

        Args:
            outline: (x, y) in [0, 1], two corners of a box or a polygon of any length, of which
                only the corners that matter are kept.
        """
        points = np.round(np.clip(np.asarray(outline, float), 0, 1) * UNITS).astype(np.int32)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            return None
        tolerance = 1.0
        while len(points) > MAX_CORNERS:
            points = cv2.approxPolyDP(points[:, None], tolerance, closed=True)[:, 0]
            tolerance *= 1.5
        return cls.parse(" ".join(f"{x},{y}" for x, y in points.tolist()))

    @classmethod
    def parse(cls, text: str) -> Region | None:
        """Return the region that `str` of a region has written; None where it is none.

        >>> str(Region.parse("0,0 10000,500"))
        '0,0 10000,500'
        >>> Region.parse("0,0 1"), Region.parse("")
        (None, None)
        """
        try:
            corners = [tuple(int(number) for number in pair.split(",")) for pair in text.split(" ")]
        except ValueError:
            return None
        is_valid = 2 <= len(corners) <= MAX_CORNERS and all(
            len(corner) == 2 and min(corner) >= 0 and max(corner) <= UNITS for corner in corners
        )
        if not is_valid or any(len(set(axis)) == 1 for axis in zip(*corners, strict=True)):
            return None
        return cls(tuple((x, y) for x, y in corners))

    def __str__(self) -> str:
        return " ".join(f"{x},{y}" for x, y in self.corners)

    def contains(self, positions: np.ndarray) -> np.ndarray:
        """Return bool (N,): which positions, (N, 2) in [0, 1], lie inside.

        A box includes its edges. Where a polygon crosses itself, the even-odd rule counts.
        """
        x, y = positions[:, 0] * UNITS, positions[:, 1] * UNITS
        corners = np.array(self.corners, float)
        if len(corners) == 2:
            (x_low, y_low), (x_high, y_high) = corners.min(axis=0), corners.max(axis=0)
            inside = (x >= x_low) & (x <= x_high) & (y >= y_low) & (y <= y_high)
            return np.asarray(inside)
        inside = np.zeros(len(positions), bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y0 != y1:  # a ray to the right crosses the edge
                crosses = ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
                inside ^= crosses
        return inside
