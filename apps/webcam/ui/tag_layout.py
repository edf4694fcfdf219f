"""Where the tags of faces go: beside their faces, never over a face or another tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from core.types import Box

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels; right and bottom lie just outside."""
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

    def place(self, box: Box, width: int, height: int) -> PlacedTag | None:
        """Return the place of a tag and keep it free of others; None where there is no room.

        Args:
            box: The tag's face.
            width: Of the tag, pixels.
            height: Likewise.
        """
        if width > self.width or height > self.height:
            return None
        face = self._inside(box)
        if face is None:  # outside the picture; a tag would point nowhere
            return None
        for left, top in self._beside(face, width, height):
            area = (left, top, left + width, top + height)
            if not any(_overlap(area, other) for other in self._taken):
                self._taken.append(area)
                return PlacedTag(area, None)
        distant = self._nearest_room(face, width, height)
        if distant is None:
            return None
        self._taken.append(distant)
        return PlacedTag(distant, _leader(distant, face))

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

    def _nearest_room(self, face: Rectangle, width: int, height: int) -> Rectangle | None:
        """Return the free place nearest to the middle of a face, on a grid over the picture."""
        x = np.arange(0, self.width - width + 1, max(1, width // GRID_STEPS_PER_TAG))
        y = np.arange(0, self.height - height + 1, max(1, height // GRID_STEPS_PER_TAG))
        left, top = (axis.ravel() for axis in np.meshgrid(x, y))  # (N,) each
        taken = np.array(self._taken)  # (M, 4)
        is_free = ~(
            (left[:, None] < taken[:, 2])
            & (left[:, None] + width > taken[:, 0])
            & (top[:, None] < taken[:, 3])
            & (top[:, None] + height > taken[:, 1])
        ).any(axis=1)  # (N,)
        if not is_free.any():
            return None
        from_middle = np.hypot(
            left + width / 2 - (face[0] + face[2]) / 2, top + height / 2 - (face[1] + face[3]) / 2
        )
        best = int(np.where(is_free, from_middle, np.inf).argmin())
        return (
            int(left[best]),
            int(top[best]),
            int(left[best]) + width,
            int(top[best]) + height,
        )


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _leader(tag: Rectangle, face: Rectangle) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the shortest line between two rectangles."""
    ends = [_nearest_coordinates(tag[i], tag[i + 2], face[i], face[i + 2]) for i in (0, 1)]
    return (ends[0][0], ends[1][0]), (ends[0][1], ends[1][1])


def _nearest_coordinates(a_low: int, a_high: int, b_low: int, b_high: int) -> tuple[int, int]:
    """Return where two ranges are nearest: the middle of what they share, else their ends."""
    if a_high <= b_low:
        return a_high - 1, b_low
    if b_high <= a_low:
        return a_low, b_high - 1
    middle = (max(a_low, b_low) + min(a_high, b_high)) // 2
    return middle, middle
