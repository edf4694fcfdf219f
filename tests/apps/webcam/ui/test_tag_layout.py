"""Tags beside faces: never over a face or another tag, wherever the faces are."""

from __future__ import annotations

from math import ceil, floor

import cv2
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import overlay
from apps.webcam.ui.tag_layout import TagLayout
from core.types import Box
from tests.apps.webcam.conftest import reading

GAP = 3
BOX = st.tuples(
    st.floats(-200, 1400), st.floats(-200, 1400), st.floats(0.5, 900), st.floats(0.5, 900)
)


def overlaps(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether two areas, left, top, right, bottom, share a point inside."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def as_area(box: Box) -> tuple[float, ...]:
    """Left, top, right, bottom of a box in whole pixels."""
    x, y, w, h = box
    return floor(x), floor(y), ceil(x + w), ceil(y + h)


def inside(box: Box, width: int, height: int) -> tuple[float, ...]:
    """The part of a box's area that lies in the picture."""
    left, top, right, bottom = as_area(box)
    return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def assert_clear(line, areas: list[tuple[float, ...]]) -> None:
    """No pixel of a line lies in an area."""
    (x1, y1), (x2, y2) = line
    count = 2 * max(abs(x2 - x1), abs(y2 - y1)) + 1
    for x, y in zip(np.linspace(x1, x2, count), np.linspace(y1, y2, count), strict=True):
        for left, top, right, bottom in areas:
            assert not (left <= x <= right - 1 and top <= y <= bottom - 1), (line, areas)


@settings(max_examples=300, deadline=None)
@given(
    boxes=st.lists(BOX, min_size=1, max_size=12),
    tags=st.lists(st.tuples(st.integers(8, 300), st.integers(8, 60)), min_size=12, max_size=12),
    width=st.integers(1, 1300),
    height=st.integers(1, 1300),
)
def test_no_tag_covers_a_face_or_another_tag(
    boxes: list[Box], tags: list[tuple[int, int]], width: int, height: int
):
    layout, areas = TagLayout(width, height, boxes, GAP), []
    for box, (tag_width, tag_height) in zip(boxes, tags, strict=False):
        placed = layout.place(box, tag_width, tag_height)
        if placed is None:
            continue
        left, top, right, bottom = placed.area
        assert (right - left, bottom - top) == (tag_width, tag_height)
        assert left >= 0 and top >= 0 and right <= width and bottom <= height
        assert not any(overlaps(placed.area, (x, y, x + w, y + h)) for x, y, w, h in boxes)
        assert not any(overlaps(placed.area, other) for other in areas)
        areas.append(placed.area)
        if placed.leader is not None:
            for x, y in placed.leader:
                assert 0 <= x < width and 0 <= y < height
            # a line ends at its face, and so at another on the very same pixels
            others = [
                as_area(b) for b in boxes if inside(b, width, height) != inside(box, width, height)
            ]
            assert_clear(placed.leader, others + areas[:-1])


@settings(max_examples=100, deadline=None)
@given(x=st.floats(-100, 600), y=st.floats(-100, 440), w=st.floats(20, 300), h=st.floats(20, 300))
def test_one_face_always_has_its_tag_beside_it(x: float, y: float, w: float, h: float):
    if x + w <= 1 or y + h <= 1:
        return
    placed = TagLayout(640, 480, [(x, y, w, h)], GAP).place((x, y, w, h), 140, 35)
    assert placed is not None
    assert placed.leader is None


def test_crowded_tags_have_a_line_to_their_face():
    boxes = [(100.0 * i, 140.0, 98.0, 98.0) for i in range(6)] + [
        (100.0 * i, 240.0, 98.0, 98.0) for i in range(6)
    ]
    layout = TagLayout(640, 480, boxes, GAP)
    placed = [
        layout.place(box, 130, 34) or layout.place(box, 40, 34, may_cross=True) for box in boxes
    ]
    assert all(placed), "where the line of a tag would cross others, the number has room"
    assert any(each.leader for each in placed)


def test_a_line_never_crosses_another_face_unless_it_may():
    """A face in the corner, walled in by others: the only room is behind them."""
    corner = (0.0, 0.0, 98.0, 98.0)
    boxes = [corner, (100.0, 0.0, 150.0, 150.0), (0.0, 100.0, 150.0, 150.0)]
    layout = TagLayout(640, 480, boxes, GAP)
    assert layout.place(corner, 130, 34) is None
    placed = layout.place(corner, 130, 34, may_cross=True)
    assert placed is not None and placed.leader is not None


def test_a_face_that_fills_the_image_has_no_tag():
    assert TagLayout(640, 480, [(0, 0, 640, 480)], GAP).place((0, 0, 640, 480), 130, 34) is None


@settings(max_examples=25, deadline=None)
@given(boxes=st.lists(BOX, min_size=1, max_size=12), mirrored=st.booleans())
@example(boxes=[(0.0, 0.0, 640.0, 480.0)], mirrored=True)
def test_what_lies_inside_the_boxes_stays_as_it_is(boxes: list[Box], mirrored: bool):
    """The same on the drawn image: inside a box there are lines at most."""
    canvas = np.full((480, 640, 3), 128, np.uint8)
    faces = [TrackedFace(i, reading(box=box)) for i, box in enumerate(boxes, 1)]
    overlay.draw_on(canvas, faces, is_mirrored=mirrored)
    dark = (np.abs(canvas.astype(int) - overlay.LABEL_COLOUR).max(axis=2) < 20).astype(np.uint8)
    for x, y, w, h in boxes:
        left = 640 - x - w if mirrored else x
        area = dark[max(0, int(y) + 4) : max(0, int(y + h) - 4), max(0, int(left) + 4) :]
        area = area[:, : max(0, int(left + w) - 4 - max(0, int(left) + 4))]
        if area.size:
            assert longest_dark_run(area) < 40, "lines are thin; a tag is a dark block"


def longest_dark_run(dark: np.ndarray) -> int:
    """Return the side of the largest square of dark pixels, up to 40."""
    return int(cv2.distanceTransform(np.pad(dark, 1), cv2.DIST_C, 3).max() * 2)
