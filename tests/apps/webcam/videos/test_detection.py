"""Few frames are searched, and no face is lost: on made-up scenes of known truth."""

from __future__ import annotations

from dataclasses import dataclass
from math import sin

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.webcam.videos.detection import (
    MAX_GAP_FRAMES,
    MAX_GAP_SECONDS,
    detect,
    same_faces,
)
from core.types import Face

SIDE = 100.0


@dataclass(frozen=True)
class Actor:
    """A face in a row of its own, in view from `start` to `end` seconds; it sways by `reach` sides
    with `speed` radians per second.
    """

    row: int
    start: float
    end: float
    reach: float
    speed: float

    def at(self, time: float) -> Face | None:
        if not self.start <= time <= self.end:
            return None
        x = SIDE * self.reach * sin(self.speed * time)
        return Face((x, 3 * SIDE * self.row, SIDE, SIDE), 0.9, ((x, 0.0),) * 5)


ACTORS = st.lists(
    st.builds(
        lambda start, stay, reach, speed: (start, start + stay, reach, speed),
        st.floats(0, 2),
        st.floats(MAX_GAP_SECONDS + 1e-5, 3),
        st.floats(0, 2),
        st.floats(0, 8),
    ),
    max_size=3,
).map(lambda rows: [Actor(i, *row) for i, row in enumerate(rows)])


def play(actors: list[Actor], times: list[float]) -> tuple[list[list[Face]], list[list[Face]], int]:
    """The true faces of each frame, those that are found, and how many frames were searched."""
    truth = [[face for a in actors if (face := a.at(t))] for t in times]
    searches: list[int] = []

    def search(picture: np.ndarray, time: float) -> tuple[list[Face], int]:
        searches.append(int(picture[0, 0, 0]))
        assert time == times[searches[-1]]
        return truth[searches[-1]], 0

    numbered_frames = ((np.full((1, 1, 3), i, np.uint8), t) for i, t in enumerate(times))
    groups = list(detect(numbered_frames, search))
    assert all(len(group) <= MAX_GAP_FRAMES for group in groups)
    assert all(group[-1].searched for group in groups)
    detected = [frame for group in groups for frame in group]
    assert [frame.time for frame in detected] == times
    assert len(set(searches)) == len(searches), "no frame is searched twice"
    return truth, [list(frame.faces) for frame in detected], len(searches)


@settings(deadline=None)
@given(ACTORS, st.sampled_from([4.0, 10.0, 25.0, 30.0]))
def test_a_face_that_stays_is_found_on_every_frame_where_it_is(actors: list[Actor], rate: float):
    times = [i / rate for i in range(round(4 * rate))]
    truth, detected, searches = play(actors, times)
    assert searches <= len(times)
    # A line's distance from a curve: half of its second derivative times (gap / 2)².
    furthest = max((a.reach * a.speed**2 for a in actors), default=0.0) * MAX_GAP_SECONDS**2 / 8
    for expected, got in zip(truth, detected, strict=True):
        assert len(expected) == len(got)
        for a, b in zip(expected, sorted(got, key=lambda face: face.box[1]), strict=True):
            assert a.box[1:] == b.box[1:]
            assert abs(a.box[0] - b.box[0]) <= SIDE * furthest + 1e-6
            assert b.landmarks is not None and abs(b.landmarks[0][0] - b.box[0]) < 1e-6


def test_a_still_scene_is_searched_every_sixth_frame_and_a_slow_camera_s_always():
    still = [Actor(0, 0, 10, 0.5, 0.5)]
    assert play(still, [i / 30 for i in range(61)])[2] == 11
    assert play(still, [i / 4 for i in range(8)])[2] == 8


def test_faces_that_could_be_each_other_are_not_taken_for_the_same():
    a, b = (Face((x, 0, SIDE, SIDE), 0.9) for x in (0.0, 10.0))
    weak = Face((500, 0, SIDE, SIDE), 0.65)
    assert same_faces([a, b], [a, b]) is None
    assert same_faces([a], [a, weak]) == [(a, a)], "too weak to be read"
    assert same_faces([a], []) is None
    assert same_faces([], []) == []


@settings(deadline=None)
@given(st.integers(0, 3), st.integers(0, 29), st.integers(0, 3))
def test_every_frame_has_the_turn_of_a_search_beside_it(before: int, change: int, after: int):
    """A face stays still while the camera is turned at one frame."""
    face = Actor(0, 0, 9, 0, 0).at(0)
    assert face is not None

    def search(picture: np.ndarray, time: float) -> tuple[list[Face], int]:
        return [face], before if picture[0, 0, 0] < change else after

    frames = ((np.full((1, 1, 3), i, np.uint8), i / 30) for i in range(30))
    detected = [frame for group in detect(frames, search) for frame in group]
    assert [f.quarter for f in detected] == [before] * change + [after] * (30 - change)
