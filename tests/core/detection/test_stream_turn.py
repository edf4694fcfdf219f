"""Streams of frames that are turned, on a real portrait and on made-up detectors."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.detection import upright
from core.detection.stream_turn import PATIENCE_SECONDS, ROUND_SECONDS, StreamTurn
from core.faces import LIVE_SIDE, Haar, best_detector
from core.types import Face

YUNET = best_detector()[0]
FRAME_SECONDS = 1 / 13
EMPTY = np.full((480, 640, 3), 90, np.uint8)


class Counting:
    """A detector that counts its calls."""

    name, has_landmarks = "counting", True

    def __init__(self, detect: Callable[..., list[Face]]) -> None:
        self.detect, self.calls = detect, 0

    def __call__(self, image: np.ndarray, long_side: int = LIVE_SIDE) -> list[Face]:
        self.calls += 1
        return self.detect(image, long_side)


@pytest.fixture(scope="module")
def scene(portrait: np.ndarray) -> np.ndarray:
    """The portrait as a camera would see it, RGB uint8 (480, 640, 3)."""
    return cv2.copyMakeBorder(portrait[:480], 0, 0, 64, 64, cv2.BORDER_CONSTANT, value=(90, 90, 90))


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_a_turned_camera_is_turned_back_and_searched_once_a_frame(
    scene: np.ndarray, quarter: int
) -> None:
    (expected,) = YUNET(scene)
    frame = np.ascontiguousarray(np.rot90(scene, quarter))
    turn, detector = StreamTurn(), Counting(YUNET)
    turn.search(frame, detector, LIVE_SIDE, 0.0)
    assert detector.calls == (1 if quarter == 0 else 4)
    for i in range(1, 4):
        (face,) = turn.search(frame, detector, LIVE_SIDE, 10.0 * i)
    assert detector.calls == (4 if quarter == 0 else 7), "one search a frame, once it is turned"
    assert turn.quarter == (-quarter) % 4
    (in_copy,) = upright.in_turned(frame, [face], turn.quarter)
    assert np.array_equal(in_copy.picture, scene)
    assert in_copy.face_in_picture.box == pytest.approx(expected.box, abs=1)
    assert in_copy.face_in_picture.landmarks is not None
    assert np.asarray(in_copy.face_in_picture.landmarks) == pytest.approx(
        np.asarray(expected.landmarks), abs=1
    )


def test_a_turn_is_kept_while_nobody_looks_away_for_long_and_left_when_it_fails(
    scene: np.ndarray,
) -> None:
    over = np.ascontiguousarray(np.rot90(scene, 2))
    turn = StreamTurn()
    turn.search(over, YUNET, LIVE_SIDE, 0.0)
    turn.search(EMPTY, YUNET, LIVE_SIDE, PATIENCE_SECONDS / 2)
    assert turn.quarter == 2
    times = np.arange(1, 60) * FRAME_SECONDS + PATIENCE_SECONDS / 2
    turned_at = next(
        t for t in times if turn.search(scene, YUNET, LIVE_SIDE, t) and turn.quarter == 0
    )
    assert turned_at <= PATIENCE_SECONDS + ROUND_SECONDS
    over_at = next(
        t for t in times + turned_at if turn.search(over, YUNET, LIVE_SIDE, t) and turn.quarter == 2
    )
    assert turn.search(EMPTY, YUNET, LIVE_SIDE, over_at + PATIENCE_SECONDS + ROUND_SECONDS) == []
    assert turn.quarter == 0


SCORES = st.sampled_from([None, 0.61, 0.75, 0.81, 0.87, upright.SURE_SCORE, 0.95])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.tuples(SCORES, SCORES, SCORES, SCORES)), max_size=80)
)
def test_the_budget_holds_and_sure_faces_cost_nothing(
    frames: list[tuple[float, tuple[float | None, ...]]],
) -> None:
    """`frames`: seconds since the frame before, and the score of a face in each of four turns."""
    scores: tuple[float | None, ...] = ()

    def detect(image: np.ndarray, long_side: int) -> list[Face]:
        score = scores[int(image[0, 0, 0])]
        return [] if score is None else [Face((1, 1, 2, 2), score, ((1.0, 1.0),) * 5)]

    # The value of the first pixel says by how many quarters the picture was turned.
    corners = np.zeros((2, 2, 3), np.uint8)
    corners[0, 1], corners[1, 1], corners[1, 0] = 1, 2, 3
    turn, detector = StreamTurn(), Counting(detect)
    now, tries, extra_at = 0.0, 0, -np.inf
    for gap, scores in frames:
        now += gap
        before, calls = turn.quarter, detector.calls
        faces = turn.search(corners, detector, 2, now)
        extra = detector.calls - calls - 1
        assert extra in (0, 3)
        if (scores[before] or 0) >= upright.SURE_SCORE:
            assert extra == 0 and turn.quarter == before and faces
        if extra:
            assert now - extra_at >= ROUND_SECONDS
            tries, extra_at = tries + 1, now
    assert tries <= 1 + now / ROUND_SECONDS


def test_scores_that_cannot_be_compared_turn_nothing(scene: np.ndarray) -> None:
    detector = Counting(Haar())
    detector.has_landmarks = False
    for i in range(3):
        StreamTurn().search(np.ascontiguousarray(np.rot90(scene)), detector, LIVE_SIDE, 9.0 * i)
    assert detector.calls == 3
