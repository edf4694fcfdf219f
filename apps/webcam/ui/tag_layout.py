"""Where the tags of faces go: beside their faces, never over a face or another tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from core.types import Box

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels; right and bottom lie just outside."""
Areas = NDArray[np.int_]
"""Rectangles, shape (N, 4), or lines, shape (N, 2, 2), in whole pixels."""
MAX_TRIED = 64
"""Free places nearest to a face whose lines are looked at."""
GRID_STEPS_PER_TAG = 2
"""How finely the picture is searched for room, in steps per width and height of a tag."""


@dataclass(frozen=True, slots=True)
class PlacedTag:
    """Where a tag goes.

    Attributes:
        area: Within the picture.
        leader: Ends of a line between the tag and its face, ((x, y), (x, y)); None where the tag
            touches its face.
    """

    area: Rectangle
    leader: tuple[tuple[int, int], tuple[int, int]] | None


class TagLayout:
    """Places tags one after the other in what room a picture has left."""

    def __init__(self, width: int, height: int, boxes: Sequence[Box], gap: int) -> None:
        """Take in the picture's size, the boxes of all its faces, and the gap beside a box.

        All in pixels.
        """
        self.width, self.height, self.gap = width, height, gap
        faces = [area for box in boxes if (area := self._inside(box)) is not None]
        self._taken: list[Rectangle] = faces

    def place(
        self, box: Box, width: int, height: int, *, may_cross: bool = False
    ) -> PlacedTag | None:
        """Return the place of a tag and keep it free of others; None where there is no room.

        Args:
            box: The tag's face.
            width: Of the tag, pixels.
            height: Likewise.
            may_cross: The line to the face may cross other faces and tags.
        """
        if width > self.width or height > self.height:
            return None
        face = self._inside(box)
        if face is None:  # outside the picture; a tag would point nowhere
            return None
        for left, top in self._beside(face, width, height):
            area = (left, top, left + width, top + height)
            if not any(_is_over(area, other) for other in self._taken):
                self._taken.append(area)
                return PlacedTag(area, None)
        placed = self._nearest_room(face, width, height, may_cross=may_cross)
        if placed is not None:
            self._taken.append(placed.area)
        return placed

    def _inside(self, box: Box) -> Rectangle | None:
        """Return the part of a box that lies in the picture, if any."""
        x, y, w, h = box
        left, top = max(0, floor(x)), max(0, floor(y))
        right, bottom = min(self.width, ceil(x + w)), min(self.height, ceil(y + h))
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _beside(self, face: Rectangle, width: int, height: int) -> Iterator[tuple[int, int]]:
        """Yield the left and top of places at the face: above, below, right, left."""
        left, top, right, bottom = face
        for y in (top - self.gap - height, bottom + self.gap):
            if 0 <= y <= self.height - height:
                for x in (left, right - width):
                    yield min(max(x, 0), self.width - width), y
        for x in (right + self.gap, left - self.gap - width):
            if 0 <= x <= self.width - width:
                for y in (top, bottom - height):
                    yield x, min(max(y, 0), self.height - height)

    def _nearest_room(
        self, face: Rectangle, width: int, height: int, *, may_cross: bool
    ) -> PlacedTag | None:
        """Return the free place nearest to the middle of a face, on a grid over the picture."""
        x = np.arange(0, self.width - width + 1, max(1, width // GRID_STEPS_PER_TAG))
        y = np.arange(0, self.height - height + 1, max(1, height // GRID_STEPS_PER_TAG))
        corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)  # (N, 2)
        areas = np.concatenate([corners, corners + np.array([width, height])], axis=1)  # (N, 4)
        taken = np.array(self._taken)  # (M, 4)
        areas = areas[~_overlap(areas, taken).any(axis=1)]
        to_face = (areas[:, :2] + areas[:, 2:] - np.add(face[:2], face[2:])) / 2  # (N, 2)
        areas = areas[np.hypot(*to_face.T).argsort(kind="stable")[:MAX_TRIED]]
        leaders = _leaders(areas, face)  # (N, 2 ends, 2)
        if not may_cross:
            others = taken[(taken != face).any(axis=1)]
            is_clear = ~_cross(leaders, others).any(axis=1)
            areas, leaders = areas[is_clear], leaders[is_clear]
        if not len(areas):
            return None
        left, top = (int(v) for v in areas[0, :2])
        (x1, y1), (x2, y2) = leaders[0].tolist()
        return PlacedTag((left, top, left + width, top + height), ((x1, y1), (x2, y2)))


def _is_over(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _overlap(areas: Areas, others: Areas) -> NDArray[np.bool_]:
    """Return which areas (N, 4) share a pixel with which others (M, 4): (N, M)."""
    left, top, right, bottom = areas.T[:, :, None]  # (N, 1) each
    is_beside = (right <= others[:, 0]) | (others[:, 2] <= left)
    return np.asarray(~(is_beside | (bottom <= others[:, 1]) | (others[:, 3] <= top)))


def _leaders(areas: Areas, face: Rectangle) -> Areas:
    """Return the shortest line between each area (N, 4) and a face: (N, 2 ends, x and y)."""
    low, high = areas[:, :2], areas[:, 2:] - 1  # first and last pixel
    face_low, face_high = np.array(face[:2]), np.array(face[2:]) - 1
    middle = (np.maximum(low, face_low) + np.minimum(high, face_high)) // 2  # of what both share
    is_before, is_after = high < face_low, low > face_high
    start = np.where(is_before, high, np.where(is_after, low, middle))
    end = np.where(is_before, face_low, np.where(is_after, face_high, middle))
    return np.stack([start, end], axis=1)


def _cross(lines: Areas, others: Areas) -> NDArray[np.bool_]:
    """Return which lines (N, 2 ends, x and y) pass through which areas (M, 4): (N, M).

    A line is inside of an area on each axis for a range of its length (Liang and Barsky, ACM
    Transactions on Graphics 3, 1984); it passes through where the ranges meet.
    """
    start, step = lines[:, None, 0], (lines[:, 1] - lines[:, 0])[:, None]  # (N, 1, 2)
    step = np.where(step == 0, 1e-9, step)
    ends = [(edge - 0.5 - start) / step for edge in (others[:, :2], others[:, 2:])]  # (N, M, 2)
    enters = np.minimum(*ends).max(axis=2)
    leaves = np.maximum(*ends).min(axis=2)
    return np.asarray(np.maximum(enters, 0) < np.minimum(leaves, 1))
