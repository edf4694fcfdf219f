"""Faces of every frame of a video from a search of few frames.

A frame is searched every `MAX_GAP_SECONDS`. Where two searched frames show the same faces at nearly
the same places, the faces of the frames between them lie on straight lines. Where they do not,
because a face came, went or moved, the frame in the middle is searched, and both halves are looked
at again. So a face that stays for `MAX_GAP_SECONDS` is never missed, and is found on the frames
where it is, no others. A box between two searched frames is off by at most its acceleration times
the squared gap over eight, 0.5 % of its side at one side/s².
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import hypot, log

import numpy as np

from core.detection.face_check import MIN_SCORE
from core.types import Box, Face, Point

MAX_GAP_SECONDS, MAX_GAP_FRAMES = 0.2, 6
"""Longest way between two searched frames: 6 frames at 30 frames/s, every frame at 5."""
CLOCK_ERROR_SECONDS = 1e-6
MAX_SHIFT_SIDES, MAX_SCALE = 0.15, 1.15
"""How far a face may have moved between two searched frames, in sides of its box, and by which
factor its size may have changed, for the line between them to be trusted.
"""

Search = Callable[[np.ndarray, float], tuple[list[Face], int]]
"""The faces of a frame, RGB uint8 (H, W, 3), at a time in seconds, and `DetectedFrame.quarter`."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFrame:
    """A frame and its faces.

    Attributes:
        rgb: uint8 (H, W, 3).
        time: seconds since the first frame.
        faces: in pixels of `rgb`.
        searched: whether this frame was searched; else its faces lie between those of others.
        quarter: by how many quarters it has to be turned counter-clockwise for its faces to be
            upright, 0 to 3.
    """

    rgb: np.ndarray
    time: float
    faces: Sequence[Face]
    searched: bool
    quarter: int = 0


def detect(
    frames: Iterable[tuple[np.ndarray, float]],
    search: Search,
    max_gap_frames: int = MAX_GAP_FRAMES,
) -> Iterator[list[DetectedFrame]]:
    """Yield the frames of a video with their faces, in groups of at most `max_gap_frames`.

    Args:
        frames: RGB uint8 (H, W, 3) with seconds, ascending.
        search: finds the faces of a frame; the times that it gets go back within a group.
        max_gap_frames: from one searched frame to the next; with 1 all are searched.
    """
    last: DetectedFrame | None = None  # the last one that was given out; it was searched
    group: list[tuple[np.ndarray, float]] = []
    for rgb, time in frames:
        is_far = last is not None and time - last.time > MAX_GAP_SECONDS + CLOCK_ERROR_SECONDS
        if group and (is_far or last is None or len(group) == max_gap_frames):
            detected = _detect_group(last, group, search)
            yield detected
            last, group = detected[-1], []
        group.append((rgb, time))
    if group:
        yield _detect_group(last, group, search)


def _detect_group(
    before: DetectedFrame | None,
    group: Sequence[tuple[np.ndarray, float]],
    search: Search,
) -> list[DetectedFrame]:
    """Return the frames of a group with their faces; the last one is searched.

    Args:
        before: the frame before the group.
        group: frames and their times.
        search: finds the faces of a frame.
    """
    detected = {} if before is None else {-1: before}

    def searched(index: int) -> DetectedFrame:
        rgb, time = group[index]
        faces, quarter = search(rgb, time)
        return DetectedFrame(rgb, time, faces, searched=True, quarter=quarter)

    def fill(first: int, last: int) -> None:
        """Add what lies between two frames of `detected`."""
        if last - first < 2:
            return
        start, end = detected[first], detected[last]
        pairs = same_faces(start.faces, end.faces)
        if pairs is None or start.quarter != end.quarter:
            middle = (first + last) // 2
            detected[middle] = searched(middle)
            fill(first, middle)
            fill(middle, last)
            return
        for index in range(first + 1, last):
            rgb, time = group[index]
            share = (time - start.time) / (end.time - start.time)
            faces = [face_between(a, b, share) for a, b in pairs]
            detected[index] = DetectedFrame(rgb, time, faces, False, start.quarter)

    last = len(group) - 1
    detected[last] = searched(last)
    fill(-1 if before else last, last)
    return [detected[index] for index in range(len(group))]


def same_faces(first: Sequence[Face], last: Sequence[Face]) -> list[tuple[Face, Face]] | None:
    """Return the pairs of faces that two frames have in common, None if one may differ.

    A face whose score is too low to be read needs no partner, and is left out without one.
    """
    partners = [[j for j, b in enumerate(last) if _is_near(a, b)] for a in first]
    paired = [j for row in partners for j in row]
    if len(set(paired)) < len(paired) or any(len(row) > 1 for row in partners):
        return None
    alone = [a for a, row in zip(first, partners, strict=True) if not row]
    alone += [b for j, b in enumerate(last) if j not in paired]
    if any(face.score >= MIN_SCORE for face in alone):
        return None
    return [(a, last[row[0]]) for a, row in zip(first, partners, strict=True) if row]


def _is_near(a: Face, b: Face) -> bool:
    (ax, ay, aw, ah), (bx, by, bw, bh) = a.box, b.box
    shift = hypot(ax + aw / 2 - bx - bw / 2, ay + ah / 2 - by - bh / 2)
    side = (aw * ah * bw * bh) ** 0.25
    scale = max(abs(log(bw / aw)), abs(log(bh / ah)))
    return shift <= MAX_SHIFT_SIDES * side and scale <= log(MAX_SCALE)


def face_between(a: Face, b: Face, share: float) -> Face:
    """Return the face on the straight line from `a` (share 0) to `b` (share 1)."""

    def mix(x: float, y: float) -> float:
        return x + share * (y - x)

    box: Box = (
        mix(a.box[0], b.box[0]),
        mix(a.box[1], b.box[1]),
        mix(a.box[2], b.box[2]),
        mix(a.box[3], b.box[3]),
    )
    landmarks: tuple[Point, ...] | None = None
    if a.landmarks is not None and b.landmarks is not None:
        landmarks = tuple(
            (mix(p[0], q[0]), mix(p[1], q[1]))
            for p, q in zip(a.landmarks, b.landmarks, strict=True)
        )
    return Face(box, mix(a.score, b.score), landmarks)
